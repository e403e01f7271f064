import { join } from 'node:path';
import { bzip2Decompress } from '../codec/bzip2.js';
import { sha256Of } from '../codec/digests.js';
import { zstdDecompress } from '../codec/zstd.js';
import { errnoOf } from '../model/disk-errors.js';
import { isRepackError } from '../model/errors.js';
import { canonicalJson } from '../model/json.js';
import type { PackageRecord } from '../model/records.js';
import type { RepodataIndex } from '../model/repodata-index.js';
import { scanRepodata } from '../model/repodata-scan.js';
import { decodeMsgpack } from './msgpack.js';
import type { Folder, ReadRuntime } from './read-folder.js';
import { violation } from './violations.js';
import type { Violation } from './violations.js';

const SHARDS = 'repodata_shards.msgpack.zst';
const SHARD = /^[0-9a-f]{64}\.msgpack\.zst$/;
/** Indexes made out of `repodata.json`, in each form; the second has the records as they were before hotfixes. */
const DERIVED = /^(current_repodata|repodata_from_packages)\.json(\.zst|\.bz2|\.gz)?$/;
/** Can't be held against an index without remaking it: it goes wherever `repodata.json` changes. */
const UNCHECKED = /^(repodata|current_repodata)(\.json)?\.jlap$|\.json\.gz$/;
/** The largest index known unpacks to a fifth of it. */
const MAX_UNPACKED = 1_500_000_000;

/** Index files that are made out of `repodata.json` and wrong as soon as it changes: `current_repodata.json`, shards, jlap. */
export function isDerived(fn: string): boolean {
  return DERIVED.test(fn) || UNCHECKED.test(fn) || fn === SHARDS || SHARD.test(fn);
}

export interface DerivedFiles {
  /** Below the subdir, with `/`: all index files of it that are made out of `repodata.json`. */
  all: string[];
  violations: Violation[];
}

/** What of a subdir is made out of its `repodata.json`, and which of that says something else than `index` does. */
export async function checkDerived(
  rt: ReadRuntime,
  { folder, subdir, index }: { folder: Folder; subdir: string; index: RepodataIndex },
): Promise<DerivedFiles> {
  const names = [...folder.files.keys()]
    .filter((path) => path.startsWith(`${subdir}/`))
    .map((path) => path.slice(subdir.length + 1))
    .filter(isDerived);
  const nested = names.includes(SHARDS) ? await shardFolder(rt, join(folder.dir, subdir)) : [];
  const violations: Violation[] = [];
  for (const fn of names) {
    const path = `${subdir}/${fn}`;
    const problem = await problemOf(rt, { file: join(folder.dir, path), fn, index });
    if (problem !== undefined) violations.push(violation(problem.rule, path, { reason: problem.reason }));
  }
  return { all: [...names, ...nested], violations };
}

/**
 * Below the subdir: index files that say something else than `index` does; with a stale list of shards all of them; where `repodata.json`
 * `changed`, also what can't be compared.
 */
export async function derivedToRemove(
  rt: ReadRuntime,
  { changed, ...options }: { folder: Folder; subdir: string; index: RepodataIndex; changed: boolean },
): Promise<string[]> {
  const { all, violations } = await checkDerived(rt, options);
  const stale = new Set(violations.map(({ subject }) => subject.slice(options.subdir.length + 1)));
  const shardsGo = stale.has(SHARDS);
  return all.filter((fn) => {
    if (stale.has(fn) || (changed && UNCHECKED.test(fn))) return true;
    return shardsGo && SHARD.test(fn.slice(fn.lastIndexOf('/') + 1));
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
}

async function problemOf(rt: ReadRuntime, task: ToCheck): Promise<Problem | undefined> {
  const { file, fn, index } = task;
  try {
    if (fn === SHARDS) return stale(await shardsDiffer(rt, file, index));
    if (!DERIVED.test(fn) || UNCHECKED.test(fn)) return undefined;
    const other = scanRepodata(await unpacked(file, await rt.fs.readFile(file)), file);
    return stale(await indexDiffers(other, index, { records: fn.startsWith('current_repodata') }));
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT' && fn !== SHARDS) return undefined;
    if (isRepackError(error)) return { rule: 'derived-broken', reason: error.what };
    if (error instanceof Error) return { rule: 'derived-broken', reason: error.message };
    throw error;
  }
}

function stale(reason: string | undefined): Problem | undefined {
  return reason === undefined ? undefined : { rule: 'derived-stale', reason };
}

async function unpacked(file: string, bytes: Uint8Array): Promise<Uint8Array> {
  if (file.endsWith('.zst')) return zstdDecompress(bytes, { maxBytes: MAX_UNPACKED });
  return file.endsWith('.bz2') ? bzip2Decompress(bytes, { maxBytes: MAX_UNPACKED }) : bytes;
}

/** `records`: they must be equal; else only what they name. */
async function indexDiffers(
  other: RepodataIndex,
  index: RepodataIndex,
  { records }: { records: boolean },
): Promise<string | undefined> {
  for (const fn of other.allFilenames()) {
    const [found, expected] = [other.record(fn)!, index.record(fn)];
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
async function shardsDiffer(rt: ReadRuntime, file: string, index: RepodataIndex): Promise<string | undefined> {
  const listing = decodeMsgpack(await unpacked(file, await rt.fs.readFile(file)));
  const info = member(listing, 'info');
  const shards = member(listing, 'shards');
  if (!(shards instanceof Map)) return 'it lists no shards';
  const base = String(member(info, 'shards_base_url') ?? '');
  if (/^[a-z]+:|^\/|\.\./i.test(base)) return `its shards are elsewhere (${base})`;
  let count = 0;
  for (const [name, digest] of shards) {
    const hex = digest instanceof Uint8Array ? Buffer.from(digest).toString('hex') : String(digest);
    const path = join(file, '..', base, `${hex}.msgpack.zst`);
    const packed = await rt.fs.readFile(path).catch(() => undefined);
    if (packed === undefined) return `the shard of ${String(name)} is not there`;
    if (sha256Of(packed) !== hex) return `the shard of ${String(name)} has other bytes than it is named after`;
    const shard = decodeMsgpack(await zstdDecompress(packed, { maxBytes: MAX_UNPACKED }));
    for (const [fn, record] of recordsOf(shard)) {
      const expected = index.record(fn);
      if (expected === undefined) return `it names ${fn}, which is not in there`;
      if (!sameDigest(record, expected)) return `it has another digest of ${fn}`;
      count++;
    }
  }
  return count === index.size ? undefined : `it has ${count} packages, not ${index.size}`;
}

function recordsOf(shard: unknown): [string, unknown][] {
  return ['packages', 'packages.conda'].flatMap((key) => {
    const records = member(shard, key);
    return records instanceof Map ? [...records].map(([fn, record]): [string, unknown] => [String(fn), record]) : [];
  });
}

/** Digests in a shard are bytes, or text. */
function sameDigest(record: unknown, expected: PackageRecord): boolean {
  const found = member(record, 'sha256') ?? member(record, 'md5');
  const hex = found instanceof Uint8Array ? Buffer.from(found).toString('hex') : String(found);
  return hex === expected.sha256 || hex === expected.md5;
}

function member(value: unknown, key: string): unknown {
  return value instanceof Map ? (value as Map<unknown, unknown>).get(key) : undefined;
}
