import { unpackIndex } from '../../channel/index/forms.js';
import { sha256Of } from '../../codec/digests.js';
import { TooLarge } from '../../codec/limits.js';
import type { Channel, Subdir } from '../../conda/channel/channel.js';
import { isBlank } from '../../base/json-bytes.js';
import { RepackError, isRepackError } from '../../base/errors.js';
import type { RepodataIndex } from '../../conda/record/repodata-index.js';
import { scanRepodata } from '../../conda/record/repodata-scan.js';
import { refusedStatus } from '../explain-failure.js';
import type { GatewayLimits } from '../limits.js';
import { INDEX_FILES, type CachedRepodata, type IndexFile, type RepodataCache } from './cache.js';
import { failureCode } from '../retry.js';
import { transfer, type TransferContext, type TransferResult } from '../transfer.js';
import type { WireRules } from '../wire-url.js';

export interface RepodataFetcher {
  /**
   * The index of a subdir as the channel publishes it, or the status that says there is none (404, 410, and 403: object stores
   * answer it for what is not there). Throws E_REPODATA, E_TOKEN_REFUSED, E_LOGIN_REFUSED, E_UPSTREAM_NOT_FOUND, E_UPSTREAM, E_TLS, E_REDIRECT.
   */
  fetch(channel: Channel, subdir: Subdir): Promise<FetchedRepodata | MissingRepodata>;
  /** `repodata.json` itself, asked anew; it takes the cached index's place. Undefined where there is none. */
  fetchJson(channel: Channel, subdir: Subdir): Promise<FetchedRepodata | undefined>;
}

export interface FetchedRepodata {
  found: true;
  index: RepodataIndex;
  /** Of the unpacked document; taken when it is first asked for. */
  sha256(): string;
  file: IndexFile;
  /** By how much `repodata.json` is newer than this packed form; undefined where that is not known, or the server said "unchanged". */
  behindMs: number | undefined;
}

export interface MissingRepodata {
  found: false;
  status: number;
}

export interface RepodataFetchContext extends TransferContext {
  cache: RepodataCache;
  rules: WireRules;
  signal: AbortSignal;
  /** Nothing is taken from the cache, here or on the way. */
  fresh?: boolean;
}

const NOT_THERE = new Set([403, 404, 410]);

/** One index a channel and subdir: `.zst`, else `.bz2`, else `.json` (design D1b); the file it was found in before is asked first. */
export function repodataFetcher(context: RepodataFetchContext): RepodataFetcher {
  return {
    async fetch(channel, subdir) {
      const url = `${channel.url}/${subdir}`;
      const cached = context.fresh === true ? undefined : await readCached(context, channel, subdir);
      let status = 404;
      let empty: FetchedRepodata | undefined;
      let refusal: RepackError | undefined;
      const broken: RepackError[] = [];
      for (const file of cached === undefined
        ? INDEX_FILES
        : [cached.file, ...INDEX_FILES.filter((name) => name !== cached.file)]) {
        const validators = validatorsOf(context, cached, file);
        const answer = await fetchFile(context, { channel, subdir, file, validators }).catch((error: unknown) => {
          if (!isContentError(error)) throw error;
          broken.push(error);
          return undefined;
        });
        if (answer === undefined) continue;
        // Some servers keep only `.json` up to date: what has nothing when packed may have all in plain.
        if (answer.found && answer.index.size === 0 && file !== 'repodata.json') empty ??= answer;
        else if (answer.found) return answer;
        else if (answer.status === 304 && cached !== undefined)
          return { found: true, file, behindMs: undefined, index: cached.index, sha256: digestOf(cached) };
        // A server that knows no packed form may say so by any status; conda then asks for `.json`.
        else if (!NOT_THERE.has(answer.status)) refusal ??= refused(context, channel, `${url}/${file}`, answer.status);
        else status = answer.status;
      }
      if (empty !== undefined) return empty;
      if (refusal !== undefined) throw refusal;
      if (broken.length > 0) throw allBroken(broken);
      return { found: false, status };
    },
    async fetchJson(channel, subdir) {
      const answer = await fetchFile(context, {
        channel,
        subdir,
        file: 'repodata.json',
        validators: { 'cache-control': 'no-cache' },
      });
      return answer.found ? answer : undefined;
    },
  };
}

function validatorsOf(
  { fresh }: RepodataFetchContext,
  cached: CachedRepodata | undefined,
  file: IndexFile,
): Record<string, string> {
  if (fresh === true) return { 'cache-control': 'no-cache' };
  return cached?.file === file ? conditions(cached) : {};
}

/** Undefined too where the entry no longer reads as an index: then it is fetched anew. */
async function readCached(
  { cache }: RepodataFetchContext,
  channel: Channel,
  subdir: Subdir,
): Promise<(CachedRepodata & { index: RepodataIndex }) | undefined> {
  const cached = await cache.read(`${channel.url}/${subdir}`);
  try {
    return cached && { ...cached, index: scan(cached.bytes, { channel, subdir, file: cached.file }) };
  } catch {
    return undefined;
  }
}

interface FileRequest {
  channel: Channel;
  subdir: Subdir;
  file: IndexFile;
  validators: Readonly<Record<string, string>>;
}

/** A file that does not unpack or does not read as an index is fetched once more: a proxy or a broken line may have spoilt it. */
async function fetchFile(
  context: RepodataFetchContext,
  request: FileRequest,
): Promise<FetchedRepodata | MissingRepodata> {
  const { channel, subdir, file } = request;
  for (let again = false; ; again = true) {
    const sink = memorySink();
    const headers = again ? { 'cache-control': 'no-cache' } : request.validators;
    const result = await transfer(context, {
      channel,
      path: `${subdir}/${file}`,
      sink,
      headers,
      maxBytes: context.limits.maxRepodataWireBytes,
      signal: context.signal,
      contentCode: 'E_REPODATA',
    }).catch((error: unknown) => {
      throw failureCode(error) === 'TOO_LONG' ? overLimit(error, request, context.limits) : error;
    });
    if (!result.ok) return { found: false, status: result.status };
    try {
      const bytes = await unpack(received(sink.bytes(), request), file, context.limits);
      const index = scan(bytes, request);
      await context.cache.write(`${channel.url}/${subdir}`, { bytes, file, ...stamps(result) });
      const behind = await behindMs(context, request, result.headers['last-modified']);
      return { found: true, index, file, behindMs: behind, sha256: digestOf({ bytes }) };
    } catch (error) {
      if (error instanceof TooLarge) throw overLimit(error, request, context.limits);
      if (again || !isRepackError(error)) throw asRepodataError(error, request);
    }
  }
}

function digestOf({ bytes, sha256 }: Pick<CachedRepodata, 'bytes' | 'sha256'>): () => string {
  let taken = sha256;
  return () => (taken ??= sha256Of(bytes));
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

/** A file of 0 bytes, or of blanks, in a folder is an empty index (CEP 36); from a server it is an answer that broke. Throws E_REPODATA. */
function received(bytes: Uint8Array, { channel, file }: FileRequest): Uint8Array {
  if (!isBlank(bytes)) return bytes;
  const inFolder = channel.url.startsWith('file:');
  if (inFolder && file === 'repodata.json') return new TextEncoder().encode('{}');
  throw new RepackError('E_REPODATA', {
    what: `${inFolder ? 'The file' : 'The answer'} is empty (${bytes.length} bytes): no index`,
    hint: 'Try again; if it stays, tell whoever runs the channel.',
  });
}

async function unpack(bytes: Uint8Array, file: IndexFile, limits: GatewayLimits): Promise<Uint8Array> {
  const head = Buffer.from(bytes.subarray(0, 64)).toString('latin1').trimStart();
  if (head.startsWith('<')) {
    throw new RepackError('E_REPODATA', {
      what: 'A web page came instead of the index: a login page, a proxy, or a wrong address',
      hint: 'Open the address in a browser on this machine, and check the channel and the proxy in the configuration.',
    });
  }
  const { maxRepodataBytes: most, maxRepodataRatio: ratio } = limits;
  // A small one may be made of one line again and again, as in tests.
  return unpackIndex(file, bytes, Math.min(most, Math.max(most / 10, bytes.length * ratio)));
}

function scan(bytes: Uint8Array, { channel, subdir, file }: Omit<FileRequest, 'validators'>): RepodataIndex {
  return scanRepodata(bytes, `${channel.url}/${subdir}/${file}`, { subdir });
}

/** Another form of the index may be sound, unless it is too large in each. */
function isContentError(error: unknown): error is RepackError {
  return isRepackError(error) && error.code === 'E_REPODATA' && !(error instanceof OverLimit);
}

/** Told once, with what each form said. */
function allBroken(errors: readonly RepackError[]): RepackError {
  const last = errors.at(-1)!;
  if (errors.length === 1) return last;
  return new RepackError('E_REPODATA', {
    what: last.what,
    where: last.where,
    hint: last.hint,
    details: [...last.details, ...errors.slice(0, -1).map(({ what, where }) => `${where ?? ''}: ${what}`)],
    cause: last,
  });
}

class OverLimit extends RepackError {}

function overLimit(cause: unknown, { channel, subdir, file }: FileRequest, limits: GatewayLimits): RepackError {
  const mb = Math.floor(limits.maxRepodataBytes / 1_000_000);
  return new OverLimit('E_REPODATA', {
    what: isRepackError(cause) ? cause.what : 'The index is larger than the limit',
    where: `${channel.url}/${subdir}/${file}`,
    hint: `At most ${mb} MB are read of an index, and less of one that unpacks to more than ${limits.maxRepodataRatio} times its size. If you know it to be right, raise --max-index-mb.`,
    cause,
  });
}

function asRepodataError(error: unknown, { channel, subdir, file }: FileRequest): unknown {
  if (!isRepackError(error)) return error;
  return new RepackError('E_REPODATA', {
    what: error.what,
    where: error.code === 'E_REPODATA' && error.where !== undefined ? error.where : `${channel.url}/${subdir}/${file}`,
    hint:
      error.code === 'E_REPODATA'
        ? error.hint
        : 'The index is broken where it is served: tell whoever runs the channel.',
    details: error.code === 'E_REPODATA' || error.where === undefined ? error.details : [error.where],
    cause: error,
  });
}

function refused(context: RepodataFetchContext, channel: Channel, url: string, status: number): RepackError {
  return refusedStatus(status, { url, channel, rules: context.rules });
}

function conditions({
  etag,
  lastModified,
}: {
  etag: string | undefined;
  lastModified: string | undefined;
}): Record<string, string> {
  if (etag !== undefined) return { 'if-none-match': etag };
  return lastModified === undefined ? {} : { 'if-modified-since': lastModified };
}

function stamps({ headers }: TransferResult): { etag: string | undefined; lastModified: string | undefined } {
  return { etag: headers['etag'], lastModified: headers['last-modified'] };
}

function memorySink(): {
  readonly size: number;
  write(chunk: Uint8Array): Promise<void>;
  restart(): Promise<void>;
  bytes(): Uint8Array;
} {
  let chunks: Uint8Array[] = [];
  let size = 0;
  return {
    get size() {
      return size;
    },
    async write(chunk) {
      chunks.push(chunk);
      size += chunk.length;
    },
    async restart() {
      chunks = [];
      size = 0;
    },
    bytes: () => (chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)),
  };
}
