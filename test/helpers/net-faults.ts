import { gzipSync } from 'node:zlib';
import {
  answer,
  cutAfter,
  file,
  raw,
  redirect,
  resetBeforeHeaders,
  untilClose,
  type ChaosStep,
} from './chaos-server.js';

/** What a server may answer in place of the right bytes. */
export type NetFault = (bytes: Buffer) => ChaosStep;

const HEAD = 'HTTP/1.1 200 OK';
const statuses = [
  201, 203, 204, 205, 206, 300, 304, 305, 400, 401, 402, 403, 404, 405, 407, 408, 409, 410, 412, 413, 416, 418, 421,
  425, 429, 431, 451, 500, 501, 502, 503, 504, 505, 507, 511, 520, 599,
];
const LOGIN_PAGE = '<!DOCTYPE html><title>Sign in</title><form action="/login">';

function flipped(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  copy[Math.floor(copy.length / 2)]! ^= 1;
  return copy;
}

const withHeader =
  (...lines: string[]): NetFault =>
  (bytes) =>
    raw([HEAD, `content-length: ${bytes.length}`, ...lines], bytes);

/** Each ends by itself: a server that stalls is in network-slow.test.ts, where the limits are short. */
export const NET_FAULTS: Readonly<Record<string, NetFault>> = {
  ...Object.fromEntries(statuses.map((status) => [`status ${status}`, () => answer(status)])),
  'status 0': () => raw(['HTTP/1.1 000 What']),
  'status 999': () => raw(['HTTP/1.1 999 What', 'content-length: 0']),
  '429, wait an hour': () => answer(429, { 'retry-after': '3600' }),
  '503, wait until a date': () => answer(503, { 'retry-after': 'Fri, 01 Jan 2100 00:00:00 GMT' }),
  '503, wait for nonsense': () => answer(503, { 'retry-after': '-1e999 days' }),
  'a redirect to itself': () => (request, response) => void redirect(request.url!)(request, response),
  'a redirect to http': () => redirect('http://127.0.0.1:1/x'),
  'a redirect to a file': () => redirect('file:///etc/passwd'),
  'a redirect to data': () => redirect('data:application/json,{}'),
  'a redirect to where nobody is': () => redirect('https://127.0.0.1:1/x'),
  'a redirect to no URL': () => redirect('https://['),
  'a redirect without a place': () => answer(302),
  'a login page': () => answer(200, { 'content-type': 'text/html' }, LOGIN_PAGE),
  nothing: () => answer(200),
  'a bit flipped': (bytes) => file(flipped(bytes)),
  'zeros of that length': (bytes) => file(Buffer.alloc(bytes.length)),
  'twice the bytes': (bytes) => file(Buffer.concat([bytes, bytes])),
  'a byte more': (bytes) => file(Buffer.concat([bytes, Buffer.from('x')])),
  'a byte less': (bytes) => file(bytes.subarray(0, -1)),
  'cut at the start': (bytes) => cutAfter(0, bytes),
  'cut in the middle': (bytes) => cutAfter(Math.floor(bytes.length / 2), bytes),
  'cut before the last byte': (bytes) => cutAfter(bytes.length - 1, bytes, { etag: '"1"' }),
  'ended in the middle, no length': (bytes) => untilClose(bytes.subarray(0, Math.floor(bytes.length / 2))),
  'a reset': () => resetBeforeHeaders(),
  'half a head': () => (request) => void request.socket.end('HTTP/1.1 200 O'),
  'no HTTP': () => (request) => void request.socket.end('220 mail.example ESMTP\r\n'),
  'HTTP/0.9': (bytes) => (request) => void request.socket.end(bytes),
  'an HTTP/2 preface': () => (request) => void request.socket.end('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  'a length that is none': (bytes) => raw([HEAD, 'content-length: many'], bytes),
  'a length below zero': (bytes) => raw([HEAD, 'content-length: -5'], bytes),
  'two lengths': (bytes) => raw([HEAD, 'content-length: 3', `content-length: ${bytes.length}`], bytes),
  'a length of a terabyte': (bytes) => raw([HEAD, 'content-length: 1099511627776'], bytes),
  'a length and chunks': (bytes) => raw([HEAD, 'content-length: 5', 'transfer-encoding: chunked'], bytes),
  'a chunk of no size': () => raw([HEAD, 'transfer-encoding: chunked'], Buffer.from('zz\r\nabc\r\n')),
  'a chunk of all sizes': () => raw([HEAD, 'transfer-encoding: chunked'], Buffer.from('ffffffffffffffff\r\nabc')),
  'chunks without an end': (bytes) =>
    raw([HEAD, 'transfer-encoding: chunked'], Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes])),
  'gzip that is none': withHeader('content-encoding: gzip'),
  'br that is none': withHeader('content-encoding: br'),
  'an unknown encoding': withHeader('content-encoding: x-rot13'),
  'gzip in gzip': (bytes) => {
    const packed = gzipSync(gzipSync(bytes));
    return raw([HEAD, `content-length: ${packed.length}`, 'content-encoding: gzip'], packed);
  },
  'a gzip bomb': () => {
    const packed = gzipSync(Buffer.alloc(40_000_000));
    return raw([HEAD, `content-length: ${packed.length}`, 'content-encoding: gzip'], packed);
  },
  'a header of a megabyte': withHeader(`x-long: ${'a'.repeat(1 << 20)}`),
  'thousands of headers': withHeader(...Array.from({ length: 5000 }, (_, at) => `x-${at}: ${at}`)),
  'a header that is none': withHeader('this is no header'),
  'a header with NUL': withHeader('x-nul: a\0b'),
  'an ETag of lines': withHeader('etag: "a', 'b"'),
  'a range that was not asked for': (bytes) =>
    raw(
      ['HTTP/1.1 206 Partial', `content-range: bytes 5-9/${bytes.length}`, 'content-length: 5'],
      bytes.subarray(5, 10),
    ),
  'a range of nonsense': (bytes) =>
    raw(['HTTP/1.1 206 Partial', 'content-range: bytes 9-1/*', `content-length: ${bytes.length}`], bytes),
  'a hundred times continue': (bytes) =>
    raw(
      [...Array.from({ length: 100 }, () => 'HTTP/1.1 100 Continue\r\n'), HEAD, `content-length: ${bytes.length}`],
      bytes,
    ),
  'switching protocols': () => raw(['HTTP/1.1 101 Switching Protocols', 'upgrade: x', 'connection: upgrade']),
  'a second answer behind the first': (bytes) =>
    raw([HEAD, `content-length: ${bytes.length}`], Buffer.concat([bytes, Buffer.from(`${HEAD}\r\n\r\n`)])),
};

const xml =
  (status: number, code: string): NetFault =>
  () =>
    answer(status, {}, `<Error><Code>${code}</Code></Error>`);
const listing =
  (text: string): NetFault =>
  () =>
    answer(200, {}, `<ListBucketResult><EncodingType>url</EncodingType>${text}</ListBucketResult>`);

/** What the server of a bucket may answer besides. */
export const BUCKET_FAULTS: Readonly<Record<string, NetFault>> = {
  ...NET_FAULTS,
  'an error that is 200': xml(200, 'InternalError'),
  ...Object.fromEntries(
    (
      [
        [301, 'PermanentRedirect'],
        [400, 'AuthorizationHeaderMalformed'],
        [400, 'BadDigest'],
        [400, 'RequestTimeout'],
        [403, 'AccessDenied'],
        [403, 'RequestTimeTooSkewed'],
        [403, 'SignatureDoesNotMatch'],
        [404, 'NoSuchBucket'],
        [404, 'NoSuchUpload'],
        [409, 'ConditionalRequestConflict'],
        [412, 'PreconditionFailed'],
        [500, 'InternalError'],
        [501, 'NotImplemented'],
        [503, 'SlowDown'],
        [507, 'XMinioStorageFull'],
      ] as const
    ).map(([status, code]) => [code, xml(status, code)]),
  ),
  'a listing of half an escape': listing('<Contents><Key>acme/%E0%A4</Key><Size>1</Size></Contents>'),
  'a listing of no code point': listing('<Contents><Key>acme/&#99999999;</Key><Size>1</Size></Contents>'),
  'a listing without names': listing('<Contents><Size>many</Size></Contents>'),
  'a listing of other places': listing('<Contents><Key>../../x</Key><Size>1</Size></Contents>'),
  'a listing without an end': listing(
    '<IsTruncated>true</IsTruncated><NextContinuationToken>a</NextContinuationToken>',
  ),
  'uploads of no name': () => answer(200, {}, '<Upload></Upload><Upload><Key>%</Key></Upload>'),
};
