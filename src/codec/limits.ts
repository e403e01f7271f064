import { setImmediate } from 'node:timers/promises';
import { RepackError } from '../base/errors.js';

/** How much a decoder may put out, in bytes. Nothing beyond it is ever allocated or yielded. */
export interface DecodeLimits {
  maxBytes: number;
}

export type Compression = 'bzip2' | 'zstd';

/** `byte` counts from the first byte of the compressed data. */
export function damaged(compression: Compression, byte: number, reason: string, cause?: unknown): RepackError {
  return new RepackError('E_DECOMPRESS', {
    what: `The ${compression} data is damaged: ${reason}`,
    where: `byte ${byte} of the compressed data`,
    hint: 'Fetch it again; if it comes out the same, it is broken at its source.',
    cause,
  });
}

/** More than the limit comes out: fetching it again, or in another form, can not help. */
export class TooLarge extends RepackError {}

export function tooLarge(compression: Compression, maxBytes: number): TooLarge {
  return new TooLarge('E_DECOMPRESS', {
    what: `The ${compression} data unpacks to more than the ${maxBytes} bytes allowed here`,
    hint: 'It is broken or made to fill memory (a decompression bomb); look at where it comes from.',
  });
}

/** More than was allowed came out, so far as it was looked at: nothing says that the data is damaged. */
export function isTooLarge(error: unknown): boolean {
  return error instanceof TooLarge;
}

/** Bytes in memory as a stream that lets the event loop have its turn at every chunk. */
export async function* inTurns(bytes: Uint8Array, chunkBytes = 1 << 18): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    yield bytes.subarray(at, at + chunkBytes);
    await setImmediate();
  }
}

export function concat(chunks: readonly Uint8Array[]): Uint8Array {
  const only = chunks[0];
  if (chunks.length === 1 && only !== undefined) return only;
  const whole = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
