import { append } from '../../base/append.js';
import { join } from 'node:path';
import { NOARCH } from '../../conda/channel/channel.js';
import { errnoOf } from '../../base/disk-errors.js';
import { RepackError } from '../../base/errors.js';
import type { Finding } from '../../base/findings.js';
import { canonicalJson } from '../../base/json.js';
import type { Manifest } from '../manifest/manifest.js';
import { INDEX_NAMES, isIndexPath, MANIFEST_NAME } from '../manifest/manifest.js';
import { parseManifest, readManifest } from '../manifest/read-manifest.js';
import { checkArtifacts } from './artifact-rules.js';
import { checkDependencies } from './dependencies.js';
import { checkIndexesAgainstFiles } from './index-rules.js';
import { subdirInCapitals } from '../doctor/names.js';
import { checkAgainstManifest, checkSums } from './manifest-rules.js';
import { channelsIn } from '../read/list-folder.js';
import { readFolder } from '../read/read-folder.js';
import type { Folder, ReadRuntime, SeenFiles } from '../read/read-folder.js';
import { readIndexes } from '../read/read-indexes.js';
import type { Indexes } from '../read/read-indexes.js';
import { asFinding, violation } from './rules.js';
import type { Violation } from './rules.js';

export interface VerifyReport {
  dir: string;
  findings: Finding[];
  /** Regular files of the channel: artifacts, indexes, manifest, SHA256SUMS. */
  files: number;
  bytes: number;
  generation: number | undefined;
  label: string | undefined;
  subdirs: string[];
  /** No finding that makes the program end with 1. */
  ok: boolean;
}

/** A channel folder as it was found, and what its index, manifest and sums say against it. */
export interface Look {
  folder: Folder;
  indexes: Indexes;
  manifest: Manifest | undefined;
  violations: Violation[];
}

/**
 * All that is wrong with a folder that was looked at: index against files, and with our manifest what is missing, left over, changed, half
 * synchronised; every artifact is opened. `solves`: what a solve from the folder alone has shown. Nothing is changed.
 */
export async function verifyFolder(
  rt: ReadRuntime,
  look: Look,
  solves: readonly Violation[] = [],
): Promise<VerifyReport> {
  const { folder, indexes, manifest } = look;
  const { dir } = folder;
  const violations = [...look.violations, ...solves];
  append(
    violations,
    await checkArtifacts(rt, { dir, folder, indexes, told: new Set(violations.map(({ subject }) => subject)) }),
    checkDependencies(look),
  );
  const findings = violations.map(asFinding);
  return {
    dir,
    findings,
    files: folder.files.size,
    bytes: [...folder.files.values()].reduce((sum, { size }) => sum + size, 0),
    generation: manifest?.generation,
    label: manifest?.label,
    subdirs: [...folder.subdirs],
    ok: !findings.some(({ exit }) => exit),
  };
}

/**
 * Reads the folder and holds index, files, manifest and sums against each other. Where something is wrong it looks again, until two looks see
 * the same: the folder may be being published just now. `known`: what an earlier look has hashed need not be read again.
 *
 * Throws E_NOT_A_CHANNEL where there is no folder, or nothing of a channel in it.
 */
export async function lookAtFolder(rt: ReadRuntime, dir: string, known?: SeenFiles): Promise<Look> {
  let seen = await look(rt, dir, known);
  for (let looks = 1; looks < MOST_LOOKS && seen.violations.some(({ rule }) => rule !== 'stranger'); looks++) {
    const before = allOf(seen);
    seen = await look(rt, dir, seen.folder.files);
    if (allOf(seen) === before) break;
  }
  return seen;
}

/** In one order: files are read at the same time. */
function allOf({ violations }: Look): string {
  return violations.map(canonicalJson).sort().join('\n');
}

/** One that changes for longer is reported as it was seen last. */
const MOST_LOOKS = 20;

async function look(rt: ReadRuntime, dir: string, seen: SeenFiles | undefined): Promise<Look> {
  const stated = (await readManifest(rt, join(dir, MANIFEST_NAME)))?.manifest;
  const folder = await readFolder(rt, dir, { manifest: stated, seen }).catch((error: unknown) => {
    throw noFolder(dir, error);
  });
  await refuseNonChannel(rt, folder);
  const { manifest, violations } = manifestIn(folder);
  const read = await readIndexes(folder, { needsZst: manifest !== undefined });
  append(violations, folder.violations, read.violations, checkIndexesAgainstFiles(folder, read.indexes));
  if (manifest !== undefined) append(violations, checkAgainstManifest(folder, manifest, read.indexes));
  append(violations, checkSums(folder, manifest));
  for (const name of folder.strangers) violations.push(violation('stranger', name));
  const told = violations.filter((each) => manifest !== undefined || !isIndexersFolder(folder, each));
  return { folder, indexes: read.indexes, manifest, violations: withoutEchoes(told) };
}

/** What conda-index (`.cache`) makes in every subdir, and rattler-index for sharded repodata. */
function isIndexersFolder({ files }: Folder, { rule, subject }: Violation): boolean {
  const [subdir = '', name = ''] = subject.split('/');
  return (
    rule === 'folder' &&
    (name === '.cache' || (name === 'shards' && files.has(`${subdir}/repodata_shards.msgpack.zst`)))
  );
}

/** A file that index and manifest both miss, or both find changed, is reported once: in the words of the manifest. */
function withoutEchoes(violations: readonly Violation[]): Violation[] {
  const about = (rule: Violation['rule']) =>
    new Set(violations.filter((each) => each.rule === rule).map(({ subject }) => subject));
  const lost = about('manifest-missing-file');
  const extra = about('manifest-extra-file');
  const byManifest = new Set(
    violations
      .filter(({ values }) => values['by'] === 'the manifest')
      .map(({ rule, subject, values }) => `${rule} ${subject} ${values['algorithm']}`),
  );
  return violations.filter(({ rule, subject, values }) => {
    if (rule === 'file-missing' || rule === 'index-missing' || rule === 'form-missing') return !lost.has(subject);
    if (rule === 'file-unindexed' || rule === 'file-withdrawn') return !extra.has(subject);
    return values['by'] !== 'the index' || !byManifest.has(`${rule} ${subject} ${values['algorithm']}`);
  });
}

function manifestIn(folder: Folder): { manifest: Manifest | undefined; violations: Violation[] } {
  const bytes = folder.files.get(MANIFEST_NAME)?.bytes;
  if (bytes === undefined) return { manifest: undefined, violations: [] };
  const parsed = parseManifest(bytes);
  switch (parsed.kind) {
    case 'sound':
      return { manifest: parsed.manifest, violations: [] };
    case 'broken':
      return {
        manifest: undefined,
        violations: [
          parsed.spec === undefined
            ? violation('manifest-broken', MANIFEST_NAME, { reason: parsed.reason })
            : violation('spec-unreadable', parsed.spec, { reason: parsed.reason }),
        ],
      };
    case 'newer':
      return {
        manifest: undefined,
        violations: [violation('manifest-newer', MANIFEST_NAME, { schema: parsed.schema })],
      };
    case 'other':
      return { manifest: undefined, violations: [] };
  }
}

async function refuseNonChannel(rt: ReadRuntime, folder: Folder): Promise<void> {
  const { files, dir, subdirs } = folder;
  if (files.has(MANIFEST_NAME) || subdirs.length > 0) return;
  const inSubdir = folder.strangers.some(isIndexPath);
  const capitals = folder.strangers.filter((name) => subdirInCapitals(name) !== undefined);
  const channels = await channelsIn(rt, dir, { anybodys: true });
  throw new RepackError('E_NOT_A_CHANNEL', {
    what:
      channels.length > 0
        ? 'That folder holds channel folders, and is none itself'
        : 'This folder is no channel: it has no manifest and no subdir',
    where: dir,
    hint: inSubdir
      ? 'Give the folder above it: the one that holds noarch/.'
      : capitals.length > 0
        ? `${capitals.join(', ')}: clients look for lower case. Rename them, or copy the folder again in a way that keeps it.`
        : channels.length > 0
          ? `Name one of them: ${channels.slice(0, 5).join(', ')}${channels.length > 5 ? ', …' : ''}.`
          : `Give the folder that holds ${NOARCH}/${INDEX_NAMES[0]}.`,
  });
}

function noFolder(dir: string, error: unknown): unknown {
  const errno = errnoOf(error);
  if (errno === undefined) return error;
  const what =
    errno === 'ENOENT'
      ? 'There is no such folder'
      : errno === 'ENOTDIR'
        ? 'This is no folder'
        : `The folder can't be read (${errno})`;
  return new RepackError('E_NOT_A_CHANNEL', {
    what,
    where: dir,
    hint: 'Give the folder of a channel, ROOT/LABEL.',
    cause: error,
  });
}
