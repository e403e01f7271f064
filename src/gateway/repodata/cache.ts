import { asText } from '../../base/json.js';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { SHARDS } from '../../channel/index/derived-files.js';
import { sha256Of } from '../../codec/digests.js';
import { holdsAnySecret, holdsSecret } from '../../base/secret-forms.js';
import type { Secret } from '../../base/secret.js';
import type { Runtime } from '../../runtime/runtime.js';
import { keptScanText, marksOf, parseKeptScan, sameMarks, type KeptScan } from './kept-scan.js';

export const INDEX_FILES = ['repodata.json.zst', 'repodata.json.bz2', 'repodata.json'] as const;
export type IndexFile = (typeof INDEX_FILES)[number];

/** What one entry holds: an index, unpacked, or the listing of a sharded one, unpacked too. */
export type CachedFile = IndexFile | typeof SHARDS;

/** A `repodata.json`, unpacked, with what the server needs to say "unchanged". */
export interface CachedRepodata {
  bytes: Uint8Array;
  /** Of the bytes, where it was taken already. */
  sha256?: string | undefined;
  /** Which of the channel's files it came in. */
  file: CachedFile;
  etag: string | undefined;
  lastModified: string | undefined;
}

/** An entry, and where its bytes lie. */
export interface CachedBody extends Omit<CachedRepodata, 'bytes' | 'sha256'> {
  path: string;
  sha256: string;
}

/** Unpacked repodata by identity URL of its subdir. An entry that is not whole counts as not there. */
export interface RepodataCache {
  read(url: string): Promise<CachedRepodata | undefined>;
  write(url: string, entry: CachedRepodata): Promise<void>;
  /**
   * Where the records of the index at `url` lie, as `writeScan` was told, and the entry whose body it is about; for a channel in a folder there
   * is none, and the caller knows the file. Undefined where the body is not the file that was scanned.
   */
  readScan(url: string): Promise<{ scan: KeptScan; body?: CachedBody | undefined } | undefined>;
  writeScan(url: string, scan: KeptScan): Promise<void>;
  dropScan(url: string): Promise<void>;
  /** The body of the entry, unread. */
  body(url: string): Promise<CachedBody | undefined>;
  /** A shard of the subdir at `url`, packed; undefined where it is not there or no longer whole. */
  readShard(url: string, sha256: string): Promise<Uint8Array | undefined>;
  /** `bytes`: unpacked, for what must not be written. */
  writeShard(url: string, sha256: string, shard: { packed: Uint8Array; bytes: Uint8Array }): Promise<void>;
  /** The subdir's other shards go. */
  keepShards(url: string, listed: ReadonlySet<string>): Promise<void>;
}

export type CacheRuntime = Pick<Runtime, 'fs' | 'clock' | 'events' | 'machine'>;

const SCHEMA = 1;
const STALE_MS = 6 * 60 * 60 * 1000;

/**
 * The cache in `dir`: `<key>.entry.json` names `<key>.<sha256>.json`; keys are hashes of identity URLs, and nothing that holds the
 * token or a login is ever written. Both files appear by rename, the entry last. It only saves time: a disk that refuses is a debug event.
 */
export async function openRepodataCache(
  rt: CacheRuntime,
  dir: string,
  secrets: readonly Secret[],
): Promise<RepodataCache> {
  const told = (doing: string) => (error: unknown) => {
    rt.events.emit({ type: 'debug', message: `repodata cache: ${doing}: ${String(error)}` });
    return undefined;
  };
  await rt.fs.mkdirp(dir, 0o700).catch(told('making its folder'));
  await sweep(rt, dir).catch(told('sweeping'));
  return {
    // A channel in a folder is read as fast from there.
    read: async (url) => (url.startsWith('file:') ? undefined : read(rt, dir, url).catch(told('reading'))),
    async write(url, entry) {
      if (url.startsWith('file:')) return;
      if (secrets.some((each) => holdsSecret(stampsOf(entry), each)) || (await holdsAnySecret(entry.bytes, secrets)))
        return;
      await write(rt, dir, url, entry).catch(told('writing'));
    },
    async readScan(url) {
      const text = await rt.fs.readText(join(dir, scanName(url))).catch(() => undefined);
      const scan = text === undefined ? undefined : parseKeptScan(text);
      if (scan === undefined || url.startsWith('file:')) return scan && { scan };
      const body = await bodyOf(rt, dir, url).catch(() => undefined);
      if (body === undefined || body.sha256 !== scan.sha256) return undefined;
      return sameMarks(scan.marks, await marksOf(rt.fs, body.path)) ? { scan, body } : undefined;
    },
    async writeScan(url, scan) {
      const text = keptScanText(scan);
      if (await holdsAnySecret(Buffer.from(text), secrets)) return;
      await writeWhole(rt, join(dir, scanName(url)), text).catch(told('writing'));
    },
    dropScan: async (url) => void (await rt.fs.remove(join(dir, scanName(url))).catch(told('removing'))),
    body: async (url) => (url.startsWith('file:') ? undefined : bodyOf(rt, dir, url).catch(() => undefined)),
    async readShard(url, sha256) {
      const bytes = await rt.fs.readFile(join(dir, shardName(url, sha256))).catch(() => undefined);
      return bytes !== undefined && sha256Of(bytes) === sha256 ? bytes : undefined;
    },
    async writeShard(url, sha256, { packed, bytes }) {
      if (await holdsAnySecret(bytes, secrets)) return;
      await writeWhole(rt, join(dir, shardName(url, sha256)), packed).catch(told('writing'));
    },
    async keepShards(url, listed) {
      const keep = new Set([...listed].map((sha256) => shardName(url, sha256)));
      const stale = async (): Promise<void> => {
        for (const { name } of await rt.fs.readdir(dir)) {
          if (name.startsWith(`${keyOf(url)}.`) && name.endsWith('.shard') && !keep.has(name))
            await rt.fs.remove(join(dir, name));
        }
      };
      await stale().catch(told('removing shards'));
    },
  };
}

async function bodyOf(rt: CacheRuntime, dir: string, url: string): Promise<CachedBody | undefined> {
  const text = await rt.fs.readText(join(dir, `${keyOf(url)}.entry.json`)).catch(() => undefined);
  const entry = text === undefined ? undefined : parseEntry(text, url);
  return entry && { ...entry, path: join(dir, `${keyOf(url)}.${entry.sha256}.json`) };
}

async function read(rt: CacheRuntime, dir: string, url: string): Promise<CachedRepodata | undefined> {
  const body = await bodyOf(rt, dir, url);
  if (body === undefined) return undefined;
  const { path, ...entry } = body;
  const bytes = await rt.fs.readFile(path);
  if (sha256Of(bytes) !== entry.sha256) throw new Error(`the entry of ${url} is damaged`);
  return { bytes, ...entry };
}

async function write(rt: CacheRuntime, dir: string, url: string, { bytes, ...entry }: CachedRepodata): Promise<void> {
  const key = keyOf(url);
  const sha256 = sha256Of(bytes);
  const body = `${key}.${sha256}.json`;
  await writeWhole(rt, join(dir, body), bytes);
  await writeWhole(rt, join(dir, `${key}.entry.json`), JSON.stringify({ schema: SCHEMA, url, sha256, ...entry }));
  for (const { name } of await rt.fs.readdir(dir)) {
    if (name.startsWith(`${key}.`) && /^[0-9a-f]+\.[0-9a-f]{64}\.json$/.test(name) && name !== body)
      await rt.fs.remove(join(dir, name));
  }
}

async function writeWhole(rt: CacheRuntime, path: string, content: Uint8Array | string): Promise<void> {
  const aside = `${path}.${rt.machine.pid}-${rt.machine.randomId()}.part`;
  await rt.fs.writeWhole(path, content, { aside, mode: 0o600, durable: false });
}

interface Entry extends Omit<CachedRepodata, 'bytes' | 'sha256'> {
  sha256: string;
}

function parseEntry(text: string, url: string): Entry | undefined {
  const value = JSON.parse(text) as Record<string, unknown>;
  const { schema, sha256, file } = value;
  const known = [...INDEX_FILES, SHARDS as CachedFile].find((name) => name === file);
  if (schema !== SCHEMA || value['url'] !== url || known === undefined) return undefined;
  if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256)) return undefined;
  return { sha256, file: known, etag: asText(value['etag']), lastModified: asText(value['lastModified']) };
}

/** What a run that was killed left half written. */
async function sweep(rt: CacheRuntime, dir: string): Promise<void> {
  for (const { name } of await rt.fs.readdir(dir)) {
    if (!name.endsWith('.part')) continue;
    const { mtimeMs } = await rt.fs.lstat(join(dir, name));
    if (rt.clock.now() - mtimeMs > STALE_MS) await rt.fs.remove(join(dir, name));
  }
}

/** A server might echo the token, in an ETag or in a record's `url`. */
function stampsOf({ etag, lastModified }: CachedRepodata): string {
  return `${etag ?? ''}\n${lastModified ?? ''}`;
}

function scanName(url: string): string {
  return `${keyOf(url)}.scan.json`;
}

function shardName(url: string, sha256: string): string {
  return `${keyOf(url)}.${sha256}.shard`;
}

function keyOf(url: string): string {
  return createHash('sha256').update(url).digest('hex').slice(0, 32);
}
