import { plural } from '../../base/plural.js';
import { append } from '../../base/append.js';
import { join } from 'node:path';
import { recordFromArtifact } from '../../archive/record-from-artifact.js';
import { sha256Of, type Digests } from '../../codec/digests.js';
import { RepackError } from '../../base/errors.js';
import type { Finding } from '../../base/findings.js';
import { canonicalJson } from '../../base/json.js';
import { INSTALLERS_NAME, MANIFEST_NAME, type Manifest } from '../../channel/manifest/manifest.js';
import { formatOf, parseDistFilename, splitPath } from '../../conda/channel/names.js';
import { readManifest } from '../../channel/manifest/read-manifest.js';
import type { PackageRecord, RecordOrigin } from '../../conda/record/records.js';
import { pickedRecord } from '../../conda/record/repodata-record.js';
import type { RepodataIndex } from '../../conda/record/repodata-index.js';
import { openArtifact } from '../../channel/read/artifact.js';
import { channelAt } from '../../conda/channel/channel.js';
import type { AcquiredArtifact } from '../../conda/plan/plan.js';
import { readIndex } from '../../channel/read/folder-source.js';
import { listFolder } from '../../channel/read/list-folder.js';
import { hashFiles } from '../../channel/read/read-folder.js';
import type { SideFile } from '../../channel/staged.js';
import type { Runtime } from '../../runtime/runtime.js';
import { noFolder, refuseOdd } from '../folder-errors.js';

/** A channel folder, ours or anybody's, as something to be folded into another. */
export interface ChannelFolder {
  dir: string;
  /** Each with the record that counts for it, and the channel it came from where the folder's manifest says so. */
  artifacts: AcquiredArtifact[];
  side: SideFile[];
  manifest: Manifest | undefined;
  /** Codes: `record-rebuilt` (no index has the artifact), `index-without-file`. */
  findings: Finding[];
}

export interface ReadChannelOptions {
  dir: string;
  /** Digests that are known already, by path; everything else is hashed. */
  known?: ReadonlyMap<string, Digests>;
  /** Which files count; default all. */
  counts?: (path: string) => boolean;
}

/**
 * Reads a channel folder: every artifact hashed and held against its record. The record is that of the folder's index, hotfixes and all; where no
 * index has it, the artifact's own (design D4). What an index names and is not there is reported: a folder of news needs no more than the news.
 *
 * @throws RepackError E_NOT_A_CHANNEL, E_ARTIFACT_DIGEST, E_RECORD, E_REPODATA, E_ARTIFACT_CORRUPT, E_ARCHIVE_MEMBER, E_MEDIUM
 */
export async function readChannelFolder(
  rt: Runtime,
  { dir, known, counts = () => true }: ReadChannelOptions,
): Promise<ChannelFolder> {
  const manifest = (await readManifest(rt, join(dir, MANIFEST_NAME)))?.manifest;
  const listing = await listFolder(rt, dir, { manifest }).catch((error: unknown) => {
    throw noFolder(dir, error);
  });
  refuseOdd(listing, { all: false });
  const { subdirs } = listing;
  if (subdirs.length === 0) throw noChannel(dir, listing.strangers);
  const stated = new Map((manifest?.files ?? []).map((file) => [file.path, file]));
  const paths = listing.paths.filter(counts);
  const isArtifact = (path: string): boolean => subdirs.includes(splitPath(path)[0]) && formatOf(path) !== undefined;
  const artifacts = paths.filter(isArtifact);
  for (const path of artifacts) parseDistFilename(splitPath(path)[1]);
  const side = paths.filter((path) => isSideFile(path, subdirs, stated));
  const unknown = [...artifacts, ...side].filter((path) => known?.has(path) !== true);
  const digests = new Map<string, Digests>([...(known ?? []), ...(await hashFiles(rt, { dir, paths: unknown }))]);
  const folder: ChannelFolder = { dir, artifacts: [], side: [], manifest, findings: [] };
  for (const subdir of subdirs) {
    const index = await readIndex(rt, dir, subdir, { mayBeBlank: manifest === undefined });
    for (const path of artifacts.filter((each) => splitPath(each)[0] === subdir)) {
      const [, fn] = splitPath(path);
      const file = stated.get(path);
      const entry = { ...digests.get(path)!, subdir, fn, storePath: join(dir, path) };
      const channel = file?.channel == null ? undefined : channelAt(file.channel);
      const url = channel && `${channel.url}/${path}`;
      const record = await recordOf(rt, { entry, index, folder, stated: file?.record });
      folder.artifacts.push({ ...entry, ...record, channel, url, source: 'cache' });
    }
    append(folder.findings, withoutFile(index, subdir, new Set(paths)));
  }
  for (const path of side) folder.side.push({ path, storePath: join(dir, path), ...digests.get(path)! });
  return folder;
}

type Entry = Digests & { subdir: string; fn: string; storePath: string };

async function recordOf(
  rt: Runtime,
  {
    entry,
    index,
    folder,
    stated,
  }: {
    entry: Entry;
    index: RepodataIndex | undefined;
    folder: ChannelFolder;
    stated: string | undefined;
  },
): Promise<{ record: PackageRecord; origin: RecordOrigin }> {
  const { fn, subdir, storePath } = entry;
  const record = index === undefined ? undefined : pickedRecord(index, fn, subdir);
  if (record !== undefined) {
    for (const algorithm of ['sha256', 'md5'] as const) {
      if (record[algorithm] !== undefined && record[algorithm] !== entry[algorithm])
        throw otherBytes(entry, algorithm, record[algorithm]);
    }
    // An index that somebody re-made has lost the hotfixes; the manifest knows that it had another record.
    if (stated === undefined || sha256Of(canonicalJson(record)) === stated) return { record, origin: 'repodata' };
    folder.findings.push({
      code: 'record-differs',
      message: `${subdir}/${fn} has another record in the index than the manifest of ${folder.dir} knows; the index counts`,
      subject: storePath,
      exit: false,
      warn: true,
    });
    return { record, origin: 'repodata' };
  }
  folder.findings.push({
    code: 'record-rebuilt',
    message: `${subdir}/${fn} is in no index; its own record is used, which lacks what the channel may have mended since`,
    subject: storePath,
    exit: false,
  });
  const own = await openArtifact(rt, storePath, (source) => recordFromArtifact(source, { ...entry, distFilename: fn }));
  return { record: own, origin: 'artifact' };
}

/** All names that `attestationPlace` knows: `.v0.sigs`, and `.sigs` with and without the digest that the record states. */
const ATTESTATION = /\.(conda|tar\.bz2)(\.v\d+\.sigs|\.sigs(\.[0-9a-f]{64})?)$/;

/** Attestations beside their artifacts (CEP 27), and what a manifest of ours calls a side file. */
function isSideFile(path: string, subdirs: readonly string[], stated: ReadonlyMap<string, { kind: string }>): boolean {
  if (stated.get(path)?.kind === 'side') return true;
  const [folder = '', name = ''] = path.split('/');
  return folder !== INSTALLERS_NAME && subdirs.includes(folder) && ATTESTATION.test(name);
}

function withoutFile(index: RepodataIndex | undefined, subdir: string, paths: ReadonlySet<string>): Finding[] {
  if (index === undefined) return [];
  let count = 0;
  for (const fn of index.allFilenames()) if (!paths.has(`${subdir}/${fn}`)) count += 1;
  if (count === 0) return [];
  return [
    {
      code: 'index-without-file',
      message: `${plural(count, 'package')} in the index of ${subdir} ${count === 1 ? 'has no file in the folder; it is' : 'have no file in the folder; they are'} passed over`,
      subject: subdir,
      exit: false,
    },
  ];
}

function otherBytes(
  { subdir, fn, storePath, ...digests }: Entry,
  algorithm: 'sha256' | 'md5',
  expected: string,
): RepackError {
  return new RepackError('E_ARTIFACT_DIGEST', {
    what: `${subdir}/${fn} has other bytes than the index beside it says`,
    where: storePath,
    hint: 'Nothing was changed. Copy it from its source again; if it stays so, index and file do not belong together (repackenv doctor).',
    details: [`${algorithm}: expected ${expected}, found ${digests[algorithm]}`],
  });
}

function noChannel(dir: string, strangers: readonly string[]): RepackError {
  const artifacts = strangers.some((name) => formatOf(name) !== undefined);
  return new RepackError('E_NOT_A_CHANNEL', {
    what: artifacts ? 'The packages do not lie in a subdir' : 'This folder is neither a delta nor a channel',
    where: dir,
    hint: artifacts
      ? 'Put them into noarch/, linux-64/, …, or give the folder above.'
      : 'A delta holds delta.json, a channel noarch/ and linux-64/ and the like.',
  });
}
