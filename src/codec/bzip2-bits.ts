import type { RepackError } from '../base/errors.js';
import { damaged } from './limits.js';

/** Unread bits: the `held` low bits of `hold`, then bytes[next..end). `base` is the offset of bytes[0] in the whole input. */
export interface BitInput {
  bytes: Uint8Array;
  next: number;
  end: number;
  hold: number;
  held: number;
  base: number;
}

/** `fill` before every read that may need more than what lies ahead: reading itself never waits. */
export function openInput(source: AsyncIterable<Uint8Array>) {
  const iterator = source[Symbol.asyncIterator]();
  const bits: BitInput = { bytes: new Uint8Array(1 << 16), next: 0, end: 0, hold: 0, held: 0, base: 0 };
  let ended = false;
  return {
    bits,
    /** Reads on until `count` bytes lie ahead or the input ends; says how many do. */
    async fill(count: number): Promise<number> {
      while (!ended && bits.end - bits.next < count) {
        const result = await iterator.next();
        if (result.done === true) ended = true;
        else append(bits, result.value);
      }
      return bits.end - bits.next;
    },
    async close(): Promise<void> {
      if (!ended) await iterator.return?.();
    },
  };
}

function append(bits: BitInput, chunk: Uint8Array): void {
  const ahead = bits.end - bits.next;
  if (bits.end + chunk.length > bits.bytes.length) {
    const fits = ahead + chunk.length <= bits.bytes.length / 2;
    const target = fits ? bits.bytes : new Uint8Array(2 * (ahead + chunk.length));
    target.set(bits.bytes.subarray(bits.next, bits.end));
    bits.bytes = target;
    bits.base += bits.next;
    bits.next = 0;
    bits.end = ahead;
  }
  bits.bytes.set(chunk, bits.end);
  bits.end += chunk.length;
}

/** `count` up to 24. */
export function readBits(input: BitInput, count: number): number {
  while (input.held < count) {
    if (input.next >= input.end) throw fault(input, TRUNCATED);
    input.hold = (input.hold << 8) | input.bytes[input.next++]!;
    input.held += 8;
  }
  input.held -= count;
  return (input.hold >>> input.held) & ((1 << count) - 1);
}

export function fault(input: BitInput, reason: string): RepackError {
  return faultAt(input, input.next, reason);
}

/**
 * For a reader that keeps `next` in a variable of its own. One that went past the end met a truncated file, whatever it then made
 * of the zeros there: behind a block come 80 bits at least, more than is ever taken ahead.
 */
export function faultAt(input: BitInput, next: number, reason: string): RepackError {
  const told = next > input.end ? TRUNCATED : reason;
  return damaged('bzip2', input.base + Math.min(next, input.end), told);
}

const TRUNCATED = 'it ends too early (truncated)';

/** Bits past the end of the input were used: it is truncated. */
export function refuseOverrun(input: BitInput): void {
  const past = input.next - input.end;
  if (past > 0 && past * 8 > input.held) throw fault(input, TRUNCATED);
  if (past <= 0) return;
  input.hold >>>= past * 8;
  input.held -= past * 8;
  input.next = input.end;
}
