import { RepackError } from '../../base/errors.js';
import { inParallel } from '../../base/parallel.js';
import { MANIFEST_NAME } from '../../channel/manifest/manifest.js';
import { sha256Of } from '../../codec/digests.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { Cargo, Carrier, Far, FarFile } from '../cargo.js';
import { elementOf, type BucketClient } from './client.js';

export interface BucketOptions {
  label: string;
  bucket: string;
  /** Without slashes at its ends. */
  prefix: string;
  client: BucketClient;
  /** Larger files go in parts of this size (or larger: there are 10,000 at most). */
  partBytes?: number;
}

const PART_BYTES = 32 << 20;
const MOST_PARTS = 10_000;
const AT_ONCE = 6;
/** Of what was put in parts the server tells no md5. */
const SHA256_HEADER = 'x-amz-meta-sha256';

/** A bucket of an S3-compatible server. Each object appears whole; sha256 of each is checked by the server as it arrives. */
export function toBucket(
  rt: Pick<Runtime, 'signal' | 'events'>,
  { label, bucket, prefix, client, partBytes = PART_BYTES }: BucketOptions,
): Carrier {
  const keyOf = (path: string): string => (prefix === '' ? path : `${prefix}/${path}`);
  const where = `s3://${bucket}/${keyOf(label)}`;
  let manifestTag: string | undefined;
  let sawManifest = false;

  async function list(start: string, delimiter?: string): Promise<Map<string, FarFile>> {
    const files = new Map<string, FarFile>();
    let token: string | undefined;
    do {
      const query = { 'list-type': '2', 'encoding-type': 'url', prefix: start };
      const { text } = await client.ask({
        method: 'GET',
        key: '',
        query: {
          ...query,
          ...(delimiter === undefined ? {} : { delimiter }),
          ...(token === undefined ? {} : { 'continuation-token': token }),
        },
      });
      if (!text.includes('<ListBucketResult')) throw notOfABucket(where, `${UNREADABLE}: that is no listing`);
      const keys = keysOf(text, where);
      for (const [, object] of text.matchAll(/<Contents>(.*?)<\/Contents>/gs)) {
        const key = keys(elementOf(object!, 'Key'));
        const size = Number(elementOf(object!, 'Size'));
        const md5 = /[0-9a-f]{32}(?:-\d+)?/.exec(elementOf(object!, 'ETag') ?? '')?.[0];
        if (key.endsWith('/')) continue;
        files.set(prefix === '' ? key : key.slice(prefix.length + 1), { size, ...(md5 === undefined ? {} : { md5 }) });
      }
      const next =
        elementOf(text, 'IsTruncated') === 'true' ? unescaped(elementOf(text, 'NextContinuationToken')) : undefined;
      if (next !== undefined && next === token) throw notOfABucket(where, `${UNREADABLE}: it never ends`);
      token = next;
    } while (token !== undefined);
    return files;
  }

  function get(path: string, method: 'GET' | 'HEAD') {
    return client.ask({ method, key: keyOf(path), takes: [404] });
  }

  async function look(): Promise<Far> {
    const files = new Map([...(await list(keyOf(`${label}/`))), ...(await list(keyOf(`${label}.`), '/'))]);
    const manifest = await get(`${label}/${MANIFEST_NAME}`, 'GET');
    sawManifest = manifest.status === 200;
    manifestTag = sawManifest ? manifest.headers['etag'] : undefined;
    await endOldUploads();
    return {
      files,
      manifest: sawManifest ? Buffer.from(manifest.text, 'utf8') : undefined,
      isChannel: (await get(MANIFEST_NAME, 'HEAD')).status === 200,
    };
  }

  /** Parts of a push that was killed: they are in no list, and cost. */
  async function endOldUploads(): Promise<void> {
    const { status, text } = await client.ask({
      method: 'GET',
      key: '',
      query: { uploads: '', 'encoding-type': 'url', prefix: keyOf(`${label}/`) },
      takes: [400, 403, 404, 405, 501],
    });
    if (status >= 300) return;
    for (const [, upload] of text.matchAll(/<Upload>(.*?)<\/Upload>/gs)) {
      const uploadId = unescaped(elementOf(upload!, 'UploadId')) ?? '';
      await client.ask({
        method: 'DELETE',
        key: keysOf(text, where)(elementOf(upload!, 'Key')),
        query: { uploadId },
        takes: [404],
      });
    }
  }

  async function holds({ path, size, sha256, md5 }: Cargo, far: FarFile): Promise<boolean> {
    if (far.size !== size) return false;
    if (far.md5 === md5) return true;
    const { status, headers } = await get(path, 'HEAD');
    return status === 200 && headers[SHA256_HEADER] === sha256;
  }

  async function put(cargo: readonly Cargo[], done: (path: string) => Promise<void>): Promise<number> {
    // The order in which indexes and papers go is that of the batch.
    const atOnce = cargo.every(({ kind }) => kind === 'artifact') ? AT_ONCE : 1;
    await inParallel(cargo, atOnce, async (each) => {
      rt.signal.throwIfAborted();
      await (each.size > partBytes ? putParts(each) : putOne(each));
      await done(each.path);
    });
    return cargo.reduce((sum, { size }) => sum + size, 0);
  }

  async function putOne(each: Cargo): Promise<void> {
    const { path, size, sha256, from, kind } = each;
    const bytes = 'bytes' in from ? () => from.bytes : () => from.pieces();
    const only: Record<string, string> =
      kind !== 'manifest' || !path.endsWith(MANIFEST_NAME)
        ? {}
        : sawManifest
          ? { 'if-match': manifestTag ?? '*' }
          : { 'if-none-match': '*' };
    const request = { method: 'PUT', key: keyOf(path), body: { size, sha256, bytes } } as const;
    let answer = await client.ask({ ...request, headers: { ...headersOf(each), ...only }, takes: [409, 412, 501] });
    if (answer.status === 501) answer = await client.ask({ ...request, headers: headersOf(each) });
    // Each server of buckets tells the tag of what it took; a login page on the way does not.
    if (answer.status < 300 && answer.headers['etag'] === undefined)
      throw notOfABucket(`s3://${bucket}/${keyOf(path)}`, 'The server does not say that it has taken a file');
    if (answer.status >= 300 && !(await isOurs(each))) {
      throw new RepackError('E_PUSH', {
        what: 'Somebody else has pushed there meanwhile',
        where: `s3://${bucket}/${keyOf(path)}`,
        hint: 'Only one host should push a label to a place. Push again: it looks anew at what is there.',
      });
    }
  }

  /** An answer that was lost on the way: the try after it meets what the first has put. */
  async function isOurs(each: Cargo): Promise<boolean> {
    const { status, headers } = await get(each.path, 'HEAD');
    return status === 200 && headers[SHA256_HEADER] === each.sha256;
  }

  async function putParts(each: Cargo): Promise<void> {
    const key = keyOf(each.path);
    const start = await client.ask({ method: 'POST', key, query: { uploads: '' }, headers: headersOf(each) });
    const uploadId = unescaped(elementOf(start.text, 'UploadId')) ?? '';
    try {
      const tags: string[] = [];
      for await (const part of partsOf(each, Math.max(partBytes, Math.ceil(each.size / MOST_PARTS)))) {
        const body = { size: part.length, sha256: sha256Of(part), bytes: () => part };
        const query = { partNumber: String(tags.length + 1), uploadId };
        tags.push((await client.ask({ method: 'PUT', key, query, body })).headers['etag'] ?? '');
      }
      const parts = tags.map((tag, at) => `<Part><PartNumber>${at + 1}</PartNumber><ETag>${tag}</ETag></Part>`);
      const xml = Buffer.from(`<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`);
      const body = { size: xml.length, sha256: sha256Of(xml), bytes: () => xml };
      const ended = await client.ask({ method: 'POST', key, query: { uploadId }, body, takes: [404] });
      // A failure may come in an answer that begins with 200; 404: the answer to an earlier try was lost.
      if ((ended.status === 404 || /<Error>/.test(ended.text)) && !(await isOurs(each))) {
        throw new RepackError('E_PUSH', {
          what: `The server of the bucket did not put the parts together (${elementOf(ended.text, 'Code') ?? ended.status})`,
          where: `s3://${bucket}/${key}`,
          hint: 'Push again: what has arrived is kept.',
        });
      }
    } catch (error) {
      await client.ask({ method: 'DELETE', key, query: { uploadId }, takes: [404] }).catch(() => undefined);
      throw error;
    }
  }

  async function remove(paths: readonly string[], done: (path: string) => Promise<void>): Promise<void> {
    for (const path of paths) {
      const { status } = await client.ask({ method: 'DELETE', key: keyOf(path), takes: [404] });
      // Buckets answer 204. What else says yes, as a login page does, is not believed: packages go only when their index is gone.
      if (status !== 204 && (await get(path, 'HEAD')).status !== 404)
        throw notOfABucket(`s3://${bucket}/${keyOf(path)}`, 'The server does not take a file away');
      await done(path);
    }
  }

  return { where, renames: false, look, holds, put, remove, close: () => client.close() };
}

function headersOf({ path, sha256, kind }: Cargo): Record<string, string> {
  const type = path.endsWith('.json') ? 'application/json' : 'application/octet-stream';
  return {
    'content-type': type,
    [SHA256_HEADER]: sha256,
    // What changes under its name must not be kept by a cache in between.
    ...(kind === 'artifact' ? {} : { 'cache-control': 'no-cache' }),
  };
}

const UNREADABLE = 'The list of what is in the bucket can’t be read';

/** Some other program than a server of buckets, or a broken one. */
function notOfABucket(where: string, what: string): RepackError {
  return new RepackError('E_PUSH', {
    what,
    where,
    hint: 'Check the endpoint, and that nothing on the way answers in its place (a login page).',
  });
}

/** Of one size, but for the last; the source is checked as it is read. */
async function* partsOf({ from }: Cargo, partBytes: number): AsyncGenerator<Uint8Array> {
  const pieces = 'bytes' in from ? [from.bytes] : from.pieces();
  let waiting: Uint8Array[] = [];
  let length = 0;
  for await (const piece of pieces) {
    waiting.push(piece);
    length += piece.length;
    while (length >= partBytes) {
      const all = Buffer.concat(waiting);
      yield all.subarray(0, partBytes);
      waiting = [all.subarray(partBytes)];
      length -= partBytes;
    }
  }
  if (length > 0) yield Buffer.concat(waiting);
}

/** Keys as `encoding-type=url` writes them, where the server says that it did. */
function keysOf(listing: string, where: string): (key: string | undefined) => string {
  const isEncoded = elementOf(listing, 'EncodingType') === 'url';
  return (key = '') => {
    try {
      return isEncoded ? decodeURIComponent(unescaped(key)!.replaceAll('+', ' ')) : unescaped(key)!;
    } catch (error) {
      if (error instanceof URIError || error instanceof RangeError)
        throw notOfABucket(where, `${UNREADABLE}: a key is ${key.slice(0, 200)}`);
      throw error;
    }
  };
}

function unescaped(text: string | undefined): string | undefined {
  return text?.replaceAll(/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi, (whole, decimal?: string, hex?: string, name = '') => {
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
    return ENTITIES[name] ?? whole;
  });
}

const ENTITIES: Readonly<Record<string, string>> = { quot: '"', apos: "'", lt: '<', gt: '>', amp: '&' };
