import { Readable, type Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import type { HttpResponse } from '../runtime/http.js';
import { TransferFailure } from './retry.js';

/**
 * The body without the `Content-Encoding` that some servers put on it though `identity` was asked. Undefined where it has none, or one in name
 * only: files whose own compression a server takes for one begin like themselves. What comes out is bounded by who reads it, piece by piece.
 */
export async function decodedBody({ headers, body }: HttpResponse): Promise<AsyncIterable<Uint8Array> | undefined> {
  const encoding = headers['content-encoding']?.trim().toLowerCase();
  if (encoding === undefined || encoding === '' || encoding === 'identity') return undefined;
  const decoder = DECODERS[encoding];
  if (decoder === undefined) return undefined;
  const pieces = body[Symbol.asyncIterator]();
  const first = await pieces.next();
  const rest = joined(first, pieces);
  const head = first.done === true ? new Uint8Array() : first.value;
  return decoder.begins(head) ? unpacked(rest, decoder.make(), encoding) : rest;
}

const DECODERS: Readonly<Record<string, { begins: (head: Uint8Array) => boolean; make: () => Transform }>> = {
  gzip: { begins: isGzip, make: () => createGunzip() },
  'x-gzip': { begins: isGzip, make: () => createGunzip() },
  deflate: {
    begins: (head) => (head[0]! & 0x0f) === 8 && (head[0]! * 256 + head[1]!) % 31 === 0,
    make: () => createInflate(),
  },
  // Brotli has no mark; what is served with it is text, and JSON begins with a brace.
  br: { begins: (head) => head.length > 0 && head[0] !== 0x7b, make: () => createBrotliDecompress() },
};

function isGzip(head: Uint8Array): boolean {
  return head[0] === 0x1f && (head.length < 2 || head[1] === 0x8b);
}

async function* joined(first: IteratorResult<Uint8Array>, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  for (let piece = first; piece.done !== true; piece = await rest.next()) yield piece.value;
}

async function* unpacked(
  packed: AsyncIterable<Uint8Array>,
  decoder: Transform,
  encoding: string,
): AsyncGenerator<Uint8Array> {
  const source = Readable.from(packed);
  let broken: unknown;
  source.on('error', (error) => {
    broken = error;
    decoder.destroy(error);
  });
  try {
    yield* source.pipe(decoder) as AsyncIterable<Uint8Array>;
  } catch {
    if (broken !== undefined) throw broken;
    throw new TransferFailure('ENCODING', `the answer is not the ${encoding} that it says it is`);
  } finally {
    source.destroy();
    decoder.destroy();
  }
}
