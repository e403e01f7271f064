import { plural } from '../../base/plural.js';
import { join } from 'node:path';
import { sha256Of } from '../../codec/digests.js';
import { errnoOf } from '../../base/disk-errors.js';
import { isRepackError } from '../../base/errors.js';
import { canonicalJson, isObject, member } from '../../base/json.js';
import type { PackageRecord } from '../../conda/record/records.js';
import type { RepodataIndex } from '../../conda/record/repodata-index.js';
import { scanRepodata } from '../../conda/record/repodata-scan.js';
import { unpackIndex } from '../index/forms.js';
import { decodeShards } from '../index/shard-files.js';
import { DERIVED, isDerived, isShardList, RAW_SHARDS, SHARD, SHARDS, UNCHECKED } from '../index/derived-files.js';
import type { Folder, ReadRuntime } from '../read/read-folder.js';
import { violation } from '../check/rules.js';
import type { Violation } from '../check/rules.js';

export interface DerivedFiles {
  /** Below the subdir, with `/`: all index files of it that are made out of `repodata.json`. */
  all: string[];
  violations: Violation[];
}

export interface DerivedOf {
  folder: Folder;
  subdir: string;
  index: RepodataIndex;
  /** What `removed` of that index lists: files made before hotfixes have them still. */
  withdrawn: ReadonlySet<string>;
}

/** What of a subdir is made out of its `repodata.json`, and which of that says something else than `index` does. */
export async function checkDerived(
  rt: ReadRuntime,
  { folder, subdir, index, withdrawn }: DerivedOf,
): Promise<DerivedFiles> {
  const names = [...folder.files.keys()]
    .filter((path) => path.startsWith(`${subdir}/`))
    .map((path) => path.slice(subdir.length + 1))
    .filter(isDerived);
  const nested = names.some(isShardList) ? await shardFolder(rt, join(folder.dir, subdir)) : [];
  const violations: Violation[] = [];
  for (const fn of names) {
    const path = `${subdir}/${fn}`;
    const problem = await problemOf(rt, { file: join(folder.dir, path), fn, index, withdrawn });
    if (problem !== undefined) violations.push(violation(problem.rule, path, { reason: problem.reason }));
  }
  return { all: [...names, ...nested], violations };
}

/**
 * Below the subdir: index files that say something else than `index` does; with a stale list of shards both lists and all shards; where `repodata.json`
 * `changed`, also what can't be compared.
 */
export async function derivedToRemove(
  rt: ReadRuntime,
  { changed, ...options }: DerivedOf & { changed: boolean },
): Promise<string[]> {
  const { all, violations } = await checkDerived(rt, options);
  const stale = new Set(violations.map(({ subject }) => subject.slice(options.subdir.length + 1)));
  const shardsGo = [...stale].some(isShardList);
  return all.filter((fn) => {
    if (stale.has(fn) || (changed && UNCHECKED.test(fn))) return true;
    return shardsGo && (isShardList(fn) || SHARD.test(fn.slice(fn.lastIndexOf('/') + 1)));
  });
}

/** rattler-index puts the shards into a folder of their own. */
async function shardFolder(rt: ReadRuntime, dir: string): Promise<string[]> {
  const entries = await rt.fs.readdir(join(dir, 'shards')).catch(() => []);
  return entries.filter((entry) => entry.isFile() && SHARD.test(entry.name)).map((entry) => `shards/${entry.name}`);
}

type Problem = { rule: 'derived-stale' | 'derived-broken'; reason: string };

interface ToCheck {
  file: string;
  fn: string;
  index: RepodataIndex;
  withdrawn: ReadonlySet<string>;
}

async function problemOf(rt: ReadRuntime, task: ToCheck): Promise<Problem | undefined> {
  const { file, fn, index, withdrawn } = task;
  try {
    if (fn === SHARDS) return stale(await shardsDiffer(rt, file, { index, records: true, withdrawn: NONE }));
    if (fn === RAW_SHARDS) return stale(await shardsDiffer(rt, file, { index, records: false, withdrawn }));
    if (!DERIVED.test(fn) || UNCHECKED.test(fn)) return undefined;
    const other = scanRepodata(await unpackIndex(file, await rt.fs.readFile(file)), file);
    const records = fn.startsWith('current_repodata');
    return stale(indexDiffers(other, { index, records, withdrawn: records ? NONE : withdrawn }));
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT' && !isShardList(fn)) return undefined;
    if (isRepackError(error)) return { rule: 'derived-broken', reason: error.what };
    if (error instanceof Error) return { rule: 'derived-broken', reason: error.message };
    throw error;
  }
}

function stale(reason: string | undefined): Problem | undefined {
  return reason === undefined ? undefined : { rule: 'derived-stale', reason };
}

const NONE: ReadonlySet<string> = new Set();

/** `records`: they must be equal; else only what they name. `withdrawn`: what may be named though the index does not. */
interface Expected {
  index: RepodataIndex;
  records: boolean;
  withdrawn: ReadonlySet<string>;
}

function indexDiffers(other: RepodataIndex, { index, records, withdrawn }: Expected): string | undefined {
  for (const fn of other.allFilenames()) {
    const [found, expected] = [other.record(fn)!, index.record(fn)];
    if (expected === undefined && withdrawn.has(fn)) continue;
    if (expected === undefined) return `it names ${fn}, which is not in there`;
    if (digestOf(found) !== digestOf(expected)) return `it has another digest of ${fn}`;
    if (records && canonicalJson(found) !== canonicalJson(expected)) return `it has another record of ${fn}`;
  }
  if (other.size === 0 && index.size > 0) return 'it is empty';
  return undefined;
}

function digestOf(record: Pick<PackageRecord, 'sha256' | 'md5'>): string {
  return String(record.sha256 ?? record.md5);
}

/** Sharded repodata (CEP 16): an index of names, and for each name a file that is called after its own digest. */
async function shardsDiffer(
  rt: ReadRuntime,
  file: string,
  { index, records, withdrawn }: Expected,
): Promise<string | undefined> {
  const listing = decodeShards(await unpackIndex(file, await rt.fs.readFile(file)));
  const info = member(listing, 'info');
  const shards = member(listing, 'shards');
  if (!isObject(shards)) return 'it lists no shards';
  const base = String(member(info, 'shards_base_url') ?? '');
  if (/^[a-z]+:|^\/|\.\./i.test(base)) return `its shards are elsewhere (${base})`;
  let count = 0;
  for (const [name, digest] of Object.entries(shards)) {
    const hex = digest instanceof Uint8Array ? Buffer.from(digest).toString('hex') : String(digest);
    const path = join(file, '..', base, `${hex}.msgpack.zst`);
    const packed = await rt.fs.readFile(path).catch(() => undefined);
    if (packed === undefined) return `the shard of ${name} is not there`;
    if (sha256Of(packed) !== hex) return `the shard of ${name} has other bytes than it is named after`;
    const shard = decodeShards(await unpackIndex(path, packed));
    for (const [fn, record] of recordsOf(shard)) {
      const expected = index.record(fn);
      if (expected === undefined && withdrawn.has(fn)) continue;
      if (expected === undefined) return `it names ${fn}, which is not in there`;
      if (!sameDigest(record, expected)) return `it has another digest of ${fn}`;
      if (records && !sameDepends(record, expected)) return `it has another record of ${fn}`;
      count++;
    }
  }
  return count === index.size ? undefined : `it has ${plural(count, 'package')}, not ${index.size}`;
}

function recordsOf(shard: unknown): [string, unknown][] {
  return ['packages', 'packages.conda'].flatMap((key) => {
    const records = member(shard, key);
    return isObject(records) ? Object.entries(records) : [];
  });
}

/** Digests in a shard are bytes, or text. */
function sameDigest(record: unknown, expected: PackageRecord): boolean {
  const found = member(record, 'sha256') ?? member(record, 'md5');
  const hex = found instanceof Uint8Array ? Buffer.from(found).toString('hex') : String(found);
  return hex === expected.sha256 || hex === expected.md5;
}

/** What a client solves by. The rest is not held against each other: shards have `run_exports` more, and numbers in other forms. */
function sameDepends(record: unknown, expected: PackageRecord): boolean {
  return (['depends', 'constrains'] as const).every(
    (key) => canonicalJson(member(record, key) ?? []) === canonicalJson(expected[key] ?? []),
  );
}
