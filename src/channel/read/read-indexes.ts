import { setImmediate } from 'node:timers/promises';
import { append } from '../../base/append.js';
import { objectIn } from '../../base/json.js';
import { isBlank } from '../../base/json-bytes.js';
import { NOARCH } from '../../conda/channel/channel.js';
import { formatOf, splitPath } from '../../conda/channel/names.js';
import { isRepackError } from '../../base/errors.js';
import { isFormOf } from '../index/forms.js';
import { INDEX_NAMES } from '../manifest/manifest.js';
import { scanRepodata } from '../../conda/record/repodata-scan.js';
import type { RepodataIndex } from '../../conda/record/repodata-index.js';
import type { Folder } from './read-folder.js';
import { violation } from '../check/rules.js';
import type { Violation } from '../check/rules.js';

/** The indexes that can be read, by subdir. */
export type Indexes = ReadonlyMap<string, RepodataIndex>;

export interface ReadIndexesOptions {
  /** `.zst` must be there too (design D8). */
  needsZst: boolean;
}

/** Reads `repodata.json` of every subdir and holds its compressed forms against it. */
export async function readIndexes(
  folder: Folder,
  { needsZst }: ReadIndexesOptions,
): Promise<{ indexes: Indexes; violations: Violation[] }> {
  const indexes = new Map<string, RepodataIndex>();
  const violations: Violation[] = [];
  const said = new Set(folder.violations.map(({ subject }) => subject));
  for (const subdir of new Set([NOARCH, ...folder.subdirs])) {
    const path = `${subdir}/${INDEX_NAMES[0]}`;
    const bytes = folder.files.get(path)?.bytes;
    // A link or an unreadable file has been reported as that.
    if (bytes === undefined && !said.has(path) && !said.has(subdir)) violations.push(violation('index-missing', path));
    const lone = bytes !== undefined && isBlank(bytes) && isAlone(folder, subdir);
    if (lone) violations.push(violation('index-empty', path, { lone: 1 }));
    const read = bytes === undefined ? undefined : await readIndex(path, bytes, lone);
    if (read !== undefined && 'rule' in read) violations.push(read);
    else if (read !== undefined) {
      indexes.set(subdir, read);
      append(violations, oddities(read, { path, subdir }));
    }
    append(violations, await checkForms(folder, { subdir, bytes, needsZst, said }));
  }
  return { indexes, violations };
}

const isPacked = (fn: string): boolean => INDEX_NAMES.slice(1).some((name) => name === fn);

/** No other form of the index, and no package, says that the index of a subdir had more. */
function isAlone({ files }: Folder, subdir: string): boolean {
  return ![...files.keys()].some((path) => {
    const [folder, fn] = splitPath(path);
    return folder === subdir && (isPacked(fn) || formatOf(fn) !== undefined);
  });
}

/** Whoever waits, and whoever wants to stop, has a turn after so many records. */
const RECORDS_AT_ONCE = 4096;

async function readIndex(path: string, bytes: Uint8Array, mayBeBlank: boolean): Promise<RepodataIndex | Violation> {
  if (bytes.length === 0 && !mayBeBlank) return violation('index-empty', path);
  if (bytes.length > 0 && bytes.every((byte) => byte === 0)) return violation('index-nul', path);
  try {
    const index = scanRepodata(bytes, path, { mayBeBlank });
    let read = 0;
    for (const fn of index.allFilenames()) {
      index.record(fn);
      if (++read % RECORDS_AT_ONCE === 0) await setImmediate();
    }
    return index;
  } catch (error) {
    if (!isRepackError(error)) throw error;
    const version = futureVersion(bytes);
    if (version !== undefined) return violation('index-future', path, { version });
    return violation('index-broken', path, {
      reason: error.where === undefined || error.where === path ? error.what : `${error.what} (${error.where})`,
    });
  }
}

/** The `repodata_version` of sound JSON that names one beyond what is known: 1, and 2 (CEP 15, rattler-index). */
export function futureVersion(bytes: Uint8Array): string | undefined {
  const version = objectIn(Buffer.from(bytes).toString('utf8'))?.['repodata_version'];
  return version === undefined || version === 1 || version === 2 ? undefined : JSON.stringify(version);
}

function oddities(index: RepodataIndex, { path, subdir }: { path: string; subdir: string }): Violation[] {
  const found: Violation[] = [];
  if (index.repodataVersion !== 1) found.push(violation('index-version', path, { version: index.repodataVersion }));
  if (index.subdir !== undefined && index.subdir !== subdir)
    found.push(violation('index-subdir', path, { said: index.subdir }));
  if (index.baseUrl !== undefined) found.push(violation('index-base-url', path));
  return found;
}

interface FormsToCheck extends ReadIndexesOptions {
  subdir: string;
  bytes: Uint8Array | undefined;
  said: ReadonlySet<string>;
}

async function checkForms(folder: Folder, { subdir, bytes, needsZst, said }: FormsToCheck): Promise<Violation[]> {
  const found: Violation[] = [];
  for (const name of INDEX_NAMES.slice(1)) {
    const path = `${subdir}/${name}`;
    const packed = folder.files.get(path)?.bytes;
    if (packed === undefined) {
      const needed = needsZst && name.endsWith('.zst') && !said.has(path) && !said.has(subdir);
      if (needed) found.push(violation('form-missing', path));
      continue;
    }
    const problem = await formProblem(path, packed, bytes);
    if (problem !== undefined) found.push(problem);
  }
  return found;
}

async function formProblem(
  path: string,
  packed: Uint8Array,
  bytes: Uint8Array | undefined,
): Promise<Violation | undefined> {
  if (packed.length === 0) return violation('index-empty', path);
  if (packed.every((byte) => byte === 0)) return violation('index-nul', path);
  if (bytes === undefined) return undefined;
  try {
    return (await isFormOf(path, packed, bytes)) ? undefined : violation('form-differs', path);
  } catch (error) {
    if (!isRepackError(error)) throw error;
    return violation('form-broken', path, { reason: error.what });
  }
}
