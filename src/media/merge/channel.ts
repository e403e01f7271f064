import { join } from 'node:path';
import { recordFromArtifact } from '../../archive/record-from-artifact.js';
import { fileHandleSource } from '../../archive/source.js';
import { digestsOfFile, sha256Of, type Digests } from '../../codec/digests.js';
import { errnoOf } from '../../base/disk-errors.js';
import { RepackError } from '../../base/errors.js';
import type { Finding } from '../../base/findings.js';
import { canonicalJson } from '../../base/json.js';
import { INDEX_NAMES, INSTALLERS_NAME, MANIFEST_NAME, type Manifest } from '../../channel/manifest/manifest.js';
import { formatOf, isSubdir, KNOWN_SUBDIRS, parseDistFilename } from '../../conda/channel/names.js';
import { readManifest } from '../../channel/manifest/read-manifest.js';
import type { PackageRecord, RecordOrigin } from '../../conda/record/records.js';
import { pickedRecord } from '../../conda/record/repodata-record.js';
import type { RepodataIndex } from '../../conda/record/repodata-index.js';
import { scanRepodata } from '../../conda/record/repodata-scan.js';
import type { SideFile } from '../../channel/staged.js';
import type { Runtime } from '../../runtime/runtime.js';
import { listFiles } from './files.js';

/** An artifact that lies in a channel folder, with the record that counts for it. */
export interface ChannelArtifact extends Digests {
  subdir: string;
  fn: string;
  record: PackageRecord;
  origin: RecordOrigin;
  /** Identity URL of the channel it came from, where the folder's manifest says so. */
  channel: string | null;
  /** Absolute. */
  path: string;
}

/** A channel folder, ours or anybody's, as something to be folded into another. */
export interface ChannelFolder {
  dir: string;
  artifacts: ChannelArtifact[];
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
 * index has it, the artifact's own (design D4). What an index names and is not there is told: a folder of news needs no more than the news.
 *
 * @throws RepackError E_NOT_A_CHANNEL, E_ARTIFACT_DIGEST, E_RECORD, E_REPODATA, E_ARTIFACT_CORRUPT, E_ARCHIVE_MEMBER, E_MEDIUM
 */
export async function readChannelFolder(
  rt: Runtime,
  { dir, known, counts = () => true }: ReadChannelOptions,
): Promise<ChannelFolder> {
  const paths = (await listFiles(rt, dir, { strict: false })).filter(counts);
  const manifest = (await readManifest(rt, join(dir, MANIFEST_NAME)))?.manifest;
  const subdirs = subdirsOf(paths, manifest);
  if (subdirs.length === 0) throw noChannel(dir, paths);
  const stated = new Map((manifest?.files ?? []).map((file) => [file.path, file]));
  const folder: ChannelFolder = { dir, artifacts: [], side: [], manifest, findings: [] };
  for (const subdir of subdirs) {
    const index = await readIndex(rt, dir, subdir);
    for (const path of paths.filter((each) => each.startsWith(`${subdir}/`))) {
      rt.signal.throwIfAborted();
      const fn = path.slice(subdir.length + 1);
      if (formatOf(fn) === undefined) continue;
      parseDistFilename(fn);
      const digests = known?.get(path) ?? (await hash(rt, join(dir, path)));
      const entry = { ...digests, subdir, fn, path: join(dir, path), channel: stated.get(path)?.channel ?? null };
      folder.artifacts.push({
        ...entry,
        ...(await recordOf(rt, { entry, index, folder, stated: stated.get(path)?.record })),
      });
    }
    folder.findings.push(...withoutFile(index, subdir, new Set(paths)));
  }
  for (const path of paths.filter((each) => isSideFile(each, subdirs, stated))) {
    const digests = known?.get(path) ?? (await hash(rt, join(dir, path)));
    folder.side.push({ path, storePath: join(dir, path), ...digests });
  }
  return folder;
}

async function recordOf(
  rt: Runtime,
  {
    entry,
    index,
    folder,
    stated,
  }: {
    entry: Digests & { subdir: string; fn: string; path: string };
    index: RepodataIndex | undefined;
    folder: ChannelFolder;
    stated: string | undefined;
  },
): Promise<{ record: PackageRecord; origin: RecordOrigin }> {
  const { fn, subdir, path } = entry;
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
      subject: path,
      exit: false,
      warn: true,
    });
    return { record, origin: 'repodata' };
  }
  folder.findings.push({
    code: 'record-rebuilt',
    message: `${subdir}/${fn} is in no index; its own record is used, which lacks what the channel may have mended since`,
    subject: path,
    exit: false,
  });
  return { record: await ownRecord(rt, entry), origin: 'artifact' };
}

async function ownRecord(
  rt: Runtime,
  { path, fn, subdir, ...digests }: Digests & { path: string; fn: string; subdir: string },
) {
  const handle = await rt.fs.openNoFollow(path);
  try {
    return await recordFromArtifact(fileHandleSource(handle, digests.size), { distFilename: fn, subdir, ...digests });
  } finally {
    await handle.close();
  }
}

/** Folders that conda knows as subdirs, that the manifest lists, or that have an index. */
function subdirsOf(paths: readonly string[], manifest: Manifest | undefined): string[] {
  const folders = [
    ...new Set(paths.filter((path) => path.includes('/')).map((path) => path.slice(0, path.indexOf('/')))),
  ];
  return folders.filter(
    (folder) =>
      isSubdir(folder) &&
      (KNOWN_SUBDIRS.includes(folder) ||
        manifest?.subdirs.includes(folder) === true ||
        paths.includes(`${folder}/${INDEX_NAMES[0]}`)),
  );
}

async function readIndex(rt: Runtime, dir: string, subdir: string): Promise<RepodataIndex | undefined> {
  const path = join(dir, subdir, INDEX_NAMES[0]);
  const bytes = await rt.fs.readFile(path).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  return bytes === undefined ? undefined : scanRepodata(bytes, path);
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
      message: `${count} packages in the index of ${subdir} have no file in the folder; they are passed over`,
      subject: subdir,
      exit: false,
    },
  ];
}

async function hash(rt: Runtime, path: string): Promise<Digests> {
  const handle = await rt.fs.openNoFollow(path);
  try {
    return await digestsOfFile(handle, { onPiece: () => rt.signal.throwIfAborted() });
  } finally {
    await handle.close();
  }
}

function otherBytes(
  { subdir, fn, path, ...digests }: Digests & { subdir: string; fn: string; path: string },
  algorithm: 'sha256' | 'md5',
  expected: string,
): RepackError {
  return new RepackError('E_ARTIFACT_DIGEST', {
    what: `${subdir}/${fn} has other bytes than the index beside it says`,
    where: path,
    hint: 'Nothing was changed. Copy it from its source again; if it stays so, index and file do not belong together (repackenv doctor).',
    details: [`${algorithm}: expected ${expected}, found ${digests[algorithm]}`],
  });
}

function noChannel(dir: string, paths: readonly string[]): RepackError {
  const artifacts = paths.some((path) => !path.includes('/') && formatOf(path) !== undefined);
  return new RepackError('E_NOT_A_CHANNEL', {
    what: artifacts ? 'The packages do not lie in a subdir' : 'This folder is neither a delta nor a channel',
    where: dir,
    hint: artifacts
      ? 'Put them into noarch/, linux-64/, …, or give the folder above.'
      : 'A delta holds delta.json, a channel noarch/ and linux-64/ and the like.',
  });
}
