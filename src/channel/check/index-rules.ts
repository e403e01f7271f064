import { append } from '../../base/append.js';
import { sha256Of, type Digests } from '../../codec/digests.js';
import { canonicalJson } from '../../base/json.js';
import { isRepackError } from '../../base/errors.js';
import { INDEX_NAMES } from '../manifest/manifest.js';
import { caseFold, formatOf, parseDistFilename, splitPath } from '../../conda/channel/names.js';
import type { PackageRecord } from '../../conda/record/records.js';
import type { RepodataIndex } from '../../conda/record/repodata-index.js';
import { documentParts, withdrawnIn } from '../index/document.js';
import type { Folder } from '../read/read-folder.js';
import type { Indexes } from '../read/read-indexes.js';
import { differences } from './manifest-rules.js';
import { violation } from './rules.js';
import type { Violation } from './rules.js';

/** What an index is held against: a file of the folder, or what a manifest states of one. */
type Artifact = Digests & { record?: string | undefined };

export interface IndexCheck {
  subdir: string;
  /** By path: those on disk, or those of a manifest; what is no artifact of this subdir does not count. */
  files: ReadonlyMap<string, Artifact>;
  /** `names`: only the two sets; `records`: size, digests and record too; `all`: also that names fit and nothing goes unchecked. */
  depth: 'names' | 'records' | 'all';
}

/** Index = files: the one set names what the other has, each record is of its file. First by the index, then what it does not name. */
export function checkIndex(index: RepodataIndex, { subdir, files, depth }: IndexCheck): Violation[] {
  const found: Violation[] = [];
  for (const fn of index.allFilenames()) {
    const path = `${subdir}/${fn}`;
    const record = index.record(fn)!;
    const problem = depth === 'all' ? nameProblem(fn, record) : undefined;
    if (problem !== undefined) found.push(violation('record-name', path, { reason: problem }));
    const file = files.get(path);
    if (file === undefined) found.push(violation('file-missing', path));
    else if (depth !== 'names') append(found, checkRecord(path, record, { file, depth }));
  }
  for (const path of files.keys()) {
    const [folder, fn] = splitPath(path);
    if (folder === subdir && formatOf(fn) !== undefined && !index.has(fn))
      found.push(violation('file-unindexed', path));
  }
  return found;
}

function checkRecord(
  path: string,
  record: PackageRecord,
  { file, depth }: { file: Artifact; depth: IndexCheck['depth'] },
): Violation[] {
  const { size = file.size, sha256, md5 } = record;
  const stated = { path, size, sha256: sha256 ?? file.sha256, md5: md5 ?? file.md5 };
  const found = differences(stated, file, 'the index');
  if (depth === 'all' && sha256 === undefined && md5 === undefined) found.push(violation('no-digest', path));
  if (file.record !== undefined && sha256Of(canonicalJson(record)) !== file.record)
    found.push(violation('record-digest', path));
  return found;
}

/** Index set = file set, every size and digest of the index, names that are safe and differ on every file system. */
export function checkIndexesAgainstFiles(folder: Folder, indexes: Indexes): Violation[] {
  const unread = new Set(folder.violations.map(({ subject }) => subject));
  const named: Violation[] = [];
  const unnamed: Violation[] = [];
  for (const [subdir, index] of indexes) {
    let withdrawn: ReadonlySet<string> | undefined;
    for (const each of checkIndex(index, { subdir, files: folder.files, depth: 'all' })) {
      const { rule, subject } = each;
      if (rule === 'file-unindexed') {
        withdrawn ??= withdrawnIn(documentParts(folder.files.get(`${subdir}/${INDEX_NAMES[0]}`)!.bytes!));
        unnamed.push(withdrawn.has(splitPath(subject)[1]) ? violation('file-withdrawn', subject) : each);
      } else if (rule !== 'file-missing' || !unread.has(subject)) named.push(each);
    }
  }
  return [...named, ...unnamed, ...caseClashes(folder, indexes)];
}

function nameProblem(fn: string, record: PackageRecord): string | undefined {
  try {
    const { name, version, build } = parseDistFilename(fn);
    if (name === record.name && version === record.version && build === record.build) return undefined;
    return `its record is for ${record.name}-${record.version}-${record.build}`;
  } catch (error) {
    if (isRepackError(error)) return error.what;
    throw error;
  }
}

function caseClashes(folder: Folder, indexes: Indexes): Violation[] {
  const named = [...indexes].flatMap(([subdir, index]: [string, RepodataIndex]) =>
    [...index.allFilenames()].map((fn) => `${subdir}/${fn}`),
  );
  const seen = new Map<string, string>();
  const found: Violation[] = [];
  for (const path of new Set([...folder.files.keys(), ...named])) {
    const other = seen.get(caseFold(path));
    if (other === undefined) seen.set(caseFold(path), path);
    else found.push(violation('case-clash', path, { other }));
  }
  return found;
}
