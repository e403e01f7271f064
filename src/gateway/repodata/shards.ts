import { inParallel } from '../../base/parallel.js';
import { RepackError, isRepackError } from '../../base/errors.js';
import { asText, isObject, member } from '../../base/json.js';
import { SHARDS } from '../../channel/index/derived-files.js';
import { decodeShards } from '../../channel/index/shard-files.js';
import { unpackIndex } from '../../channel/index/forms.js';
import { sha256Of } from '../../codec/digests.js';
import type { Channel, Subdir } from '../../conda/channel/channel.js';
import { dependencyName } from '../../conda/spec/dependency.js';
import { scanRepodata } from '../../conda/record/repodata-scan.js';
import { artifactPlace } from '../base-url.js';
import { transfer } from '../transfer.js';
import { mostUnpacked } from '../limits.js';
import type { CachedRepodata } from './cache.js';
import { conditions } from './conditions.js';
import type { ShardedRepodata } from './answers.js';
import type { RepodataFetchContext } from './fetch-context.js';
import { memorySink } from './memory-sink.js';

/** Shards at once. */
const AT_ONCE = 8;
/** A shard holds the records of one name: the largest known has 2 MB. */
const MAX_SHARD_BYTES = 100_000_000;

interface Listing {
  subdir: string | undefined;
  baseUrl: string | undefined;
  shardsBaseUrl: string | undefined;
  /** Package name -> sha256 of its shard, as it comes over the line. */
  shards: ReadonlyMap<string, string>;
}

export interface ShardsRequest {
  channel: Channel;
  subdir: Subdir;
  /** The listing as it was the last time. */
  before?: CachedRepodata | undefined;
}

/** Undefined where the subdir has no listing that can be used: then its index is read whole. */
export async function readShards(
  context: RepodataFetchContext,
  request: ShardsRequest,
): Promise<ShardedRepodata | undefined> {
  const { channel, subdir } = request;
  const url = `${channel.url}/${subdir}`;
  const listing = await fetchListing(context, request).catch((error: unknown) => {
    if (context.signal.aborted) throw error;
    return undefined;
  });
  if (listing === undefined || (listing.subdir ?? subdir) !== subdir) return undefined;
  const place = artifactPlace({ channel, subdir, baseUrl: listing.shardsBaseUrl, declared: context.channels });
  const records: Record<'packages' | 'packages.conda', Record<string, unknown>> = {
    packages: {},
    'packages.conda': {},
  };
  const loaded = new Set<string>();

  const fetchShard = async (name: string, sha256: string): Promise<{ packed: Uint8Array; known: boolean }> => {
    const cached = context.fresh === true ? undefined : await context.cache.readShard(url, sha256);
    if (cached !== undefined) return { packed: cached, known: true };
    const path = `${place.folder === '' ? '' : `${place.folder}/`}${sha256}.msgpack.zst`;
    const { bytes, status } = await fetched(context, { channel: place.channel, path, maxBytes: MAX_SHARD_BYTES });
    const where = `${url}, shard of ${name}`;
    if (bytes === undefined) throw broken(where, `the shard is not there (status ${status})`);
    if (sha256Of(bytes) !== sha256) throw broken(where, 'the shard has other bytes than the listing says');
    return { packed: bytes, known: false };
  };

  const names = [...listing.shards.keys()];
  return {
    names,
    async load(asked) {
      const wanted = [...asked].filter((name) => !loaded.has(name) && listing.shards.has(name));
      const needs = new Set<string>();
      await inParallel(wanted, AT_ONCE, async (name) => {
        const sha256 = listing.shards.get(name)!;
        const { packed, known } = await fetchShard(name, sha256);
        const where = `${url}, shard of ${name}`;
        const bytes = await unpacked(packed, { where, context });
        if (!known) await context.cache.writeShard(url, sha256, { packed, bytes });
        const shard = decoded(bytes, where);
        for (const key of ['packages', 'packages.conda'] as const) {
          for (const [fn, value] of Object.entries(objectOf(member(shard, key)))) {
            const record = asJson(value);
            records[key][fn] = record;
            for (const text of dependsOf(record)) needs.add(dependencyName(text));
          }
        }
        loaded.add(name);
      });
      return needs;
    },
    answer() {
      const info = { subdir, base_url: listing.baseUrl };
      const document = JSON.stringify({ info, ...records, repodata_version: listing.baseUrl === undefined ? 1 : 2 });
      const bytes = new TextEncoder().encode(document);
      const index = scanRepodata(bytes, `${url}/${SHARDS}`, { subdir, names });
      return { found: true, file: SHARDS, behindMs: undefined, index, sha256: async () => sha256Of(bytes) };
    },
  };
}

async function fetchListing(
  context: RepodataFetchContext,
  { channel, subdir, before }: ShardsRequest,
): Promise<Listing | undefined> {
  const where = `${channel.url}/${subdir}/${SHARDS}`;
  const {
    bytes: packed,
    status,
    headers,
  } = await fetched(context, {
    channel,
    path: `${subdir}/${SHARDS}`,
    maxBytes: context.limits.maxRepodataWireBytes,
    headers: context.fresh === true ? { 'cache-control': 'no-cache' } : conditions(before),
  });
  const bytes = packed === undefined ? undefined : await unpacked(packed, { where, context });
  const listing = listingOf(bytes ?? (status === 304 ? before?.bytes : undefined), where);
  if (listing === undefined || bytes === undefined) return listing;
  const stamps = { etag: headers['etag'], lastModified: headers['last-modified'] };
  await context.cache.write(where, { bytes, file: SHARDS, ...stamps });
  await context.cache.keepShards(`${channel.url}/${subdir}`, new Set(listing.shards.values()));
  return listing;
}

function listingOf(bytes: Uint8Array | undefined, where: string): Listing | undefined {
  if (bytes === undefined) return undefined;
  const listing = decoded(bytes, where);
  const info = objectOf(member(listing, 'info'));
  const shards = Object.entries(objectOf(member(listing, 'shards'))).map(([name, digest]) => {
    const sha256 = String(asJson(digest));
    if (!/^[0-9a-f]{64}$/.test(sha256)) throw broken(where, `the digest of ${JSON.stringify(name)} is none`);
    return [name, sha256] as const;
  });
  const [baseUrl, shardsBaseUrl] = ['base_url', 'shards_base_url'].map((key) => asText(info[key]) || undefined);
  return { subdir: asText(info['subdir']) || undefined, baseUrl, shardsBaseUrl, shards: new Map(shards) };
}

interface FileRequest {
  channel: Channel;
  path: string;
  maxBytes: number;
  headers?: Readonly<Record<string, string>>;
}

/** `bytes`: undefined where the status says that there are none. */
async function fetched(
  context: RepodataFetchContext,
  request: FileRequest,
): Promise<{ bytes: Uint8Array | undefined; status: number; headers: Readonly<Record<string, string>> }> {
  const sink = memorySink();
  const { signal } = context;
  const { ok, status, headers } = await transfer(context, { ...request, sink, signal, contentCode: 'E_REPODATA' });
  return { bytes: ok ? sink.bytes() : undefined, status, headers };
}

async function unpacked(
  packed: Uint8Array,
  { where, context }: { where: string; context: RepodataFetchContext },
): Promise<Uint8Array> {
  try {
    return await unpackIndex(SHARDS, packed, mostUnpacked(packed, context.limits));
  } catch (error) {
    throw broken(where, isRepackError(error) ? error.what : String(error));
  }
}

function decoded(bytes: Uint8Array, where: string): unknown {
  try {
    return decodeShards(bytes);
  } catch {
    throw broken(where, 'it is no MessagePack');
  }
}

/** Digests are bytes in a shard, and hex digits in a `repodata.json`. */
function asJson(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (Array.isArray(value)) return value.map(asJson);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, asJson(each)]));
}

function dependsOf(record: unknown): string[] {
  const depends = member(record, 'depends');
  return Array.isArray(depends) ? depends.filter((text) => typeof text === 'string') : [];
}

function objectOf(value: unknown): Record<string, unknown> {
  return isObject(value) ? value : {};
}

function broken(where: string, why: string): RepackError {
  return new RepackError('E_REPODATA', {
    what: `The channel's sharded index (CEP 16) can't be used: ${why}`,
    where,
    hint: 'Try again; if it stays, tell whoever runs the channel.',
  });
}
