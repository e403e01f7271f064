import { join } from 'node:path';
import { ownRecord, withoutLocalKeys } from '../../archive/record-from-artifact.js';
import { errnoOf } from '../../base/disk-errors.js';
import { openArtifact } from '../read/artifact.js';
import { isRepackError } from '../../base/errors.js';
import { canonicalJson } from '../../base/json.js';
import { inParallel } from '../../base/parallel.js';
import type { PackageRecord } from '../../conda/record/records.js';
import type { Folder, ReadRuntime } from '../read/read-folder.js';
import type { Indexes } from '../read/read-indexes.js';
import { violation } from './rules.js';
import type { Violation } from './rules.js';

/** What a channel adds to a record, or writes in another form: no correction of what the package says. */
const CHANNELS_OWN = new Set('md5 sha256 size fn url channel subdir indexed_timestamp attestations_sha256'.split(' '));

/**
 * Opens every artifact and compares what it says of itself with its record in the index (bad-inputs F6): the record counts, and a
 * difference is reported. Only `info/` is read.
 */
export async function checkArtifacts(
  rt: ReadRuntime,
  { dir, folder, indexes, told }: { dir: string; folder: Folder; indexes: Indexes; told: ReadonlySet<string> },
): Promise<Violation[]> {
  const indexed = [...indexes].flatMap(([subdir, index]) =>
    [...index.allFilenames()].map((fn) => ({ path: `${subdir}/${fn}`, fn, index })),
  );
  // What is wrong from the outside already is not opened.
  const sound = indexed.filter(({ path }) => folder.files.has(path) && !told.has(path));
  const found = await inParallel(sound, 4, async ({ path, fn, index }) => {
    const record = index.record(fn);
    return record === undefined ? undefined : compare(rt, { file: join(dir, path), path, fn, record });
  });
  return found.filter((each) => each !== undefined);
}

interface IndexedFile {
  file: string;
  path: string;
  fn: string;
  record: PackageRecord;
}

async function compare(rt: ReadRuntime, { file, path, fn, record }: IndexedFile): Promise<Violation | undefined> {
  try {
    const own = await openArtifact(rt, file, (source) => ownRecord(source, fn));
    const keys = differingKeys(own, record);
    return keys.length === 0 ? undefined : violation('hotfixed', path, { keys: keys.join(', ') });
  } catch (error) {
    if (isRepackError(error)) return violation('artifact-corrupt', path, { reason: error.what });
    // Gone or unreadable: reported by the rules on files.
    if (errnoOf(error) !== undefined) return undefined;
    throw error;
  }
}

/** Where a record says something else than the artifact says of itself; what channels add does not count. */
export function differingKeys(own: PackageRecord, record: PackageRecord): string[] {
  // Some indexers keep what no index needs (`arch`, `has_prefix`), which the artifact says just the same.
  const keys = new Set(Object.keys(withoutLocalKeys({ ...own, ...record })));
  return [...keys]
    .filter(
      (key) => !CHANNELS_OWN.has(key) && canonicalJson([own[key] ?? null]) !== canonicalJson([record[key] ?? null]),
    )
    .sort();
}
