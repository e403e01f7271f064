import { isRepackError } from '../../base/errors.js';
import { INDEX_NAMES } from '../manifest/manifest.js';
import { caseFold, formatOf, parseDistFilename } from '../../conda/channel/names.js';
import type { PackageRecord } from '../../conda/record/records.js';
import type { RepodataIndex } from '../../conda/record/repodata-index.js';
import { documentParts, withdrawnIn } from '../doctor/document.js';
import type { Folder, FolderFile } from '../read/read-folder.js';
import type { Indexes } from '../read/read-indexes.js';
import { violation } from './rules.js';
import type { Violation } from './rules.js';

/** Index set = file set, every size and digest of the index, names that are safe and differ on every file system. */
export function checkIndexesAgainstFiles(folder: Folder, indexes: Indexes): Violation[] {
  const unread = new Set(folder.violations.map(({ subject }) => subject));
  const found: Violation[] = [];
  for (const [subdir, index] of indexes) {
    for (const fn of index.allFilenames()) {
      const path = `${subdir}/${fn}`;
      const record = index.record(fn)!;
      const problem = nameProblem(fn, record);
      if (problem !== undefined) found.push(violation('record-name', path, { reason: problem }));
      const file = folder.files.get(path);
      if (file !== undefined) found.push(...checkAgainstRecord(path, file, record));
      else if (!unread.has(path)) found.push(violation('file-missing', path));
    }
  }
  return [...found, ...unindexed(folder, indexes), ...caseClashes(folder, indexes)];
}

function unindexed(folder: Folder, indexes: Indexes): Violation[] {
  const found: Violation[] = [];
  const withdrawn = new Map<string, ReadonlySet<string>>();
  for (const path of folder.files.keys()) {
    const [subdir = '', fn = ''] = path.split('/');
    const index = indexes.get(subdir);
    if (index === undefined || formatOf(fn) === undefined || index.has(fn)) continue;
    const names = withdrawn.get(subdir) ?? withdrawnIn(documentParts(folder.files.get(indexPath(subdir))!.bytes!));
    withdrawn.set(subdir, names);
    found.push(violation(names.has(fn) ? 'file-withdrawn' : 'file-unindexed', path));
  }
  return found;
}

function indexPath(subdir: string): string {
  return `${subdir}/${INDEX_NAMES[0]}`;
}

function checkAgainstRecord(path: string, file: FolderFile, record: PackageRecord): Violation[] {
  const found: Violation[] = [];
  const by = 'the index';
  if (record.size !== undefined && record.size !== file.size) {
    found.push(violation('size-differs', path, { found: file.size, expected: record.size, by }));
  }
  if (record.sha256 === undefined && record.md5 === undefined) found.push(violation('no-digest', path));
  for (const algorithm of ['sha256', 'md5'] as const) {
    const expected = record[algorithm];
    if (expected === undefined || expected.toLowerCase() === file[algorithm]) continue;
    found.push(violation('digest-differs', path, { algorithm, found: file[algorithm], expected, by }));
  }
  return found;
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
