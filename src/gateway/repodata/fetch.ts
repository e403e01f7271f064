import { SHARDS } from '../../channel/index/derived-files.js';
import { sha256Of } from '../../codec/digests.js';
import { TooLarge } from '../../codec/limits.js';
import type { Channel, Subdir } from '../../conda/channel/channel.js';
import { isRepackError, type RepackError } from '../../base/errors.js';
import type { RepodataIndex } from '../../conda/record/repodata-index.js';
import type { RunScan } from '../../conda/record/run-scan.js';
import { scanRepodata } from '../../conda/record/repodata-scan.js';
import { refusedStatus } from '../explain-failure.js';
import { conditions } from './conditions.js';
import { memorySink, tellEach } from './memory-sink.js';
import {
  tellProgress,
  type FetchedRepodata,
  type MissingRepodata,
  type ShardedAnswer,
  type ShardedRepodata,
} from './answers.js';
import type { RepodataFetchContext } from './fetch-context.js';
import { allBroken, asRepodataError, isContentError, overLimit } from './fetch-errors.js';
import { INDEX_FILES, type CachedRepodata, type IndexFile } from './cache.js';
import { failureCode } from '../retry.js';
import { unpackAnswer } from './unpack-answer.js';
import { transfer, type TransferResult } from '../transfer.js';

export interface RepodataFetcher {
  /**
   * The index of a subdir as the channel publishes it (all of its shards where it has nothing else), or the status that says there is none (404, 410, and 403: object stores
   * answer it for what is not there).
   * Throws E_REPODATA, E_TOKEN_REFUSED, E_LOGIN_REFUSED, E_UPSTREAM_NOT_FOUND, E_UPSTREAM, E_TLS, E_REDIRECT.
   */
  whole(channel: Channel, subdir: Subdir): Promise<FetchedRepodata | MissingRepodata>;
  /** As `whole`, but of a large index that the channel also has in shards (CEP 16), these are opened. */
  byName(channel: Channel, subdir: Subdir): Promise<FetchedRepodata | ShardedAnswer | MissingRepodata>;
  /** `repodata.json` itself, asked anew; it takes the cached index's place. Undefined where there is none. */
  fetchJson(channel: Channel, subdir: Subdir): Promise<FetchedRepodata | undefined>;
}

const NOT_THERE = new Set([403, 404, 410]);

export function repodataFetcher(context: RepodataFetchContext): RepodataFetcher {
  return {
    async whole(channel, subdir) {
      const answer = wholeOnly(await fetchIndex(context, channel, subdir, { byName: false }));
      if (answer.found) return answer;
      const shards = await openShards(context, channel, subdir, await keptListing(context, channel, subdir));
      if (shards === undefined) return answer;
      await shards.load(shards.names);
      return shards.answer();
    },
    async byName(channel, subdir) {
      // Read in shards the last time: asked for in that way first.
      const before = await keptListing(context, channel, subdir);
      const again = before && (await usableShards(context, channel, subdir, before));
      if (again !== undefined) return { found: true, shards: again };
      const answer = await fetchIndex(context, channel, subdir, {
        below: context.limits.shardsFromBytes,
        byName: true,
      });
      if (answer.found) return answer;
      const shards = await usableShards(context, channel, subdir);
      if (shards !== undefined) return { found: true, shards };
      return answer.status === LARGE ? fetchIndex(context, channel, subdir, { byName: true }) : answer;
    },
    async fetchJson(channel, subdir) {
      const answer = await fetchFile(context, {
        channel,
        subdir,
        file: 'repodata.json',
        validators: { 'cache-control': 'no-cache' },
        byName: false,
      }).then(wholeOnly);
      return answer.found ? answer : undefined;
    },
  };
}

/** Nothing else was asked for. */
function wholeOnly(answer: FetchedRepodata | ShardedAnswer | MissingRepodata): FetchedRepodata | MissingRepodata {
  if (!answer.found || answer.shards === undefined) return answer;
  throw new Error('an index by names where the whole was asked for');
}

async function keptListing(
  { fresh, cache }: RepodataFetchContext,
  channel: Channel,
  subdir: Subdir,
): Promise<CachedRepodata | undefined> {
  return fresh === true ? undefined : cache.read(`${channel.url}/${subdir}/${SHARDS}`);
}

/** Undefined where there are none. A folder's index is read as fast. Loaded when it is needed: most channels have none. */
async function openShards(
  context: RepodataFetchContext,
  channel: Channel,
  subdir: Subdir,
  before?: CachedRepodata,
): Promise<ShardedRepodata | undefined> {
  if (channel.url.startsWith('file:')) return undefined;
  const { readShards } = await import('./shards.js');
  return readShards(context, { channel, subdir, before });
}

/** Undefined also where they are kept in a place that is not followed: the whole index may be there all the same. */
async function usableShards(
  context: RepodataFetchContext,
  channel: Channel,
  subdir: Subdir,
  before?: CachedRepodata,
): Promise<ShardedRepodata | undefined> {
  return openShards(context, channel, subdir, before).catch((error: unknown) => {
    if (isContentError(error)) return undefined;
    throw error;
  });
}

/**
 * One index a channel and subdir: `.zst`, else `.bz2`, else `.json` (design D1b); the file it was found in before is asked first. One that
 * comes with `below` bytes or more is not read: its status is `LARGE`. `byName`: a large one may be answered as one that is read by names.
 */
async function fetchIndex(
  context: RepodataFetchContext,
  channel: Channel,
  subdir: Subdir,
  how: { below?: number; byName: boolean },
): Promise<FetchedRepodata | ShardedAnswer | MissingRepodata> {
  const url = `${channel.url}/${subdir}`;
  const cached = context.fresh === true ? undefined : await readCached(context, { channel, subdir, ...how });
  let status = 404;
  let empty: FetchedRepodata | undefined;
  let refusal: RepackError | undefined;
  const broken: RepackError[] = [];
  for (const file of cached === undefined
    ? INDEX_FILES
    : [cached.file, ...INDEX_FILES.filter((name) => name !== cached.file)]) {
    const validators = validatorsOf(context, cached, file);
    const answer = await fetchFile(context, { channel, subdir, file, validators, ...how }).catch((error: unknown) => {
      if (!isContentError(error)) throw error;
      broken.push(error);
      return undefined;
    });
    if (answer === undefined) continue;
    // Some servers keep only `.json` up to date: what has nothing when packed may have all in plain.
    if (answer.found && answer.shards !== undefined) return answer;
    else if (answer.found && answer.index.size === 0 && file !== 'repodata.json') empty ??= answer;
    else if (answer.found || answer.status === LARGE) return answer;
    else if (answer.status === 304 && cached !== undefined) return cached.answer;
    // A server that knows no packed form may say so by any status; conda then asks for `.json`.
    else if (!NOT_THERE.has(answer.status)) refusal ??= refused(context, channel, `${url}/${file}`, answer.status);
    else status = answer.status;
  }
  if (empty !== undefined) return empty;
  if (refusal !== undefined) throw refusal;
  if (broken.length > 0) throw allBroken(broken);
  return { found: false, status };
}

function validatorsOf(
  { fresh }: RepodataFetchContext,
  cached: CachedIndex | undefined,
  file: IndexFile,
): Record<string, string> {
  if (fresh === true) return { 'cache-control': 'no-cache' };
  return cached?.file === file ? conditions(cached) : {};
}

interface CachedIndex extends Pick<CachedRepodata, 'etag' | 'lastModified'> {
  file: IndexFile;
  /** Where it is still that of the channel. */
  answer: FetchedRepodata | ShardedAnswer;
}

/** Undefined too where the entry no longer reads as an index: then it is fetched anew. */
async function readCached(
  context: RepodataFetchContext,
  { channel, subdir, byName }: { channel: Channel; subdir: Subdir; byName: boolean },
): Promise<CachedIndex | undefined> {
  const url = `${channel.url}/${subdir}`;
  const kept = byName ? await context.cache.readScan(url) : undefined;
  const unread = kept?.body;
  const keptFile = INDEX_FILES.find((name) => name === unread?.file);
  if (kept && unread && keptFile) {
    const { inPlace } = await import('./in-place.js');
    return {
      ...unread,
      file: keptFile,
      answer: inPlace(context, { channel, subdir, file: keptFile, scan: kept.scan, path: unread.path }),
    };
  }
  const cached = await context.cache.read(url);
  const file = INDEX_FILES.find((name) => name === cached?.file);
  if (cached === undefined || file === undefined) return undefined;
  try {
    const { bytes } = cached;
    const large = byName ? await scanLarge(context, { channel, subdir, file }, bytes) : undefined;
    const index = large === undefined ? scan(bytes, { channel, subdir, file }) : undefined;
    const answer = await answered(context, { channel, subdir, file }, { bytes, sha256: cached.sha256, large, index });
    return { ...cached, file, answer };
  } catch {
    return undefined;
  }
}

interface FileRequest {
  channel: Channel;
  subdir: Subdir;
  file: IndexFile;
  validators: Readonly<Record<string, string>>;
  /** From so many bytes on it is not read: the status is then `LARGE`. */
  below?: number;
  byName: boolean;
}

const LARGE = 0;

/** A file that does not unpack or does not read as an index is fetched once more: a proxy or a broken line may have spoilt it. */
async function fetchFile(
  context: RepodataFetchContext,
  request: FileRequest,
): Promise<FetchedRepodata | ShardedAnswer | MissingRepodata> {
  const { channel, subdir, file } = request;
  if (request.byName && channel.url.startsWith('file:') && file === 'repodata.json') {
    const large = await (await import('./in-place.js')).inFolder(context, { channel, subdir, file });
    if (large !== undefined) return large;
  }
  for (let again = false; ; again = true) {
    const sink = memorySink();
    const told = { of: 0, any: false };
    const toldSink = tellEach(sink, (bytes) => {
      told.any = true;
      tellProgress(context, request, { bytes, of: told.of });
    });
    const headers = again ? { 'cache-control': 'no-cache' } : request.validators;
    const large = new AbortController();
    const result = await transfer(context, {
      onStart(whole = 0) {
        told.of = whole;
        if (whole < (request.below ?? Number.POSITIVE_INFINITY)) return sink.expect(whole);
        large.abort();
        large.signal.throwIfAborted();
      },
      channel,
      path: `${subdir}/${file}`,
      sink: toldSink,
      headers,
      maxBytes: context.limits.maxRepodataWireBytes,
      signal: AbortSignal.any([context.signal, large.signal]),
      contentCode: 'E_REPODATA',
    }).catch((error: unknown) => {
      if (large.signal.aborted) return { ok: false, status: LARGE, headers: {} } as TransferResult;
      throw failureCode(error) === 'TOO_LONG' ? overLimit(error, request, context.limits) : error;
    });
    if (!result.ok) return { found: false, status: result.status };
    if (told.any) tellProgress(context, request, { bytes: sink.size, of: sink.size });
    try {
      const bytes = await unpackAnswer(sink.bytes(), request, context.limits);
      const large = request.byName ? await scanLarge(context, request, bytes) : undefined;
      const index = large === undefined ? scan(bytes, request) : undefined;
      if (told.any) context.rt.events.emit({ type: 'stage-finished', stage: 'index' });
      await context.cache.write(`${channel.url}/${subdir}`, { bytes, file, ...stamps(result) });
      const behind = await behindMs(context, request, result.headers['last-modified']);
      return await answered(context, { ...request, behindMs: behind }, { bytes, large, index });
    } catch (error) {
      if (error instanceof TooLarge) throw overLimit(error, request, context.limits);
      if (again || !isRepackError(error)) throw asRepodataError(error, request);
    }
  }
}

type IndexRequest = Pick<FileRequest, 'channel' | 'subdir' | 'file'> & { behindMs?: number | undefined };

async function scanLarge(
  { limits }: RepodataFetchContext,
  { subdir }: IndexRequest,
  bytes: Uint8Array,
): Promise<RunScan | undefined> {
  if (bytes.length < limits.rangedFromBytes) return undefined;
  const { scanRuns, slicesOf } = await import('./ranged.js');
  return scanRuns(slicesOf(bytes), { subdir });
}

/** What is in the cache and was scanned by names is read from there, the rest whole. */
async function answered(
  context: RepodataFetchContext,
  request: IndexRequest,
  read: {
    bytes: Uint8Array;
    sha256?: string | undefined;
    large: RunScan | undefined;
    index: RepodataIndex | undefined;
  },
): Promise<FetchedRepodata | ShardedAnswer> {
  const { bytes, large } = read;
  const shards = large && (await (await import('./in-place.js')).inCache(context, request, large));
  if (shards !== undefined) return shards;
  const { file, behindMs } = request;
  return { found: true, file, behindMs, index: read.index ?? scan(bytes, request), sha256: digestOf(read) };
}

function digestOf({ bytes, sha256 }: Pick<CachedRepodata, 'bytes' | 'sha256'>): () => Promise<string> {
  let taken = sha256;
  return async () => (taken ??= sha256Of(bytes));
}

/** How much older a packed form, written at `lastModified`, is than `repodata.json`. */
async function behindMs(
  { upstream, signal }: RepodataFetchContext,
  { channel, subdir, file }: FileRequest,
  lastModified: string | undefined,
): Promise<number | undefined> {
  const packed = Date.parse(lastModified ?? '');
  if (file === 'repodata.json' || Number.isNaN(packed)) return undefined;
  try {
    const json = await upstream.open({ channel, path: `${subdir}/repodata.json`, method: 'HEAD', signal });
    await json.discard();
    const plain = json.status === 200 ? Date.parse(json.headers['last-modified'] ?? '') : Number.NaN;
    return Number.isNaN(plain) ? undefined : plain - packed;
  } catch {
    // Only a hint was wanted.
    return undefined;
  }
}

function scan(
  bytes: Uint8Array,
  { channel, subdir, file }: Pick<FileRequest, 'channel' | 'subdir' | 'file'>,
): RepodataIndex {
  return scanRepodata(bytes, `${channel.url}/${subdir}/${file}`, { subdir });
}

function refused(context: RepodataFetchContext, channel: Channel, url: string, status: number): RepackError {
  return refusedStatus(status, { url, channel, rules: context.rules });
}

function stamps({ headers }: TransferResult): { etag: string | undefined; lastModified: string | undefined } {
  return { etag: headers['etag'], lastModified: headers['last-modified'] };
}
