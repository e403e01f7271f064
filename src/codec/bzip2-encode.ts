import type BZip2 from 'bzip2-wasm';
import { setImmediate } from 'node:timers/promises';
import { RepackError } from '../base/errors.js';
import { foldBlockCrc } from './bzip2-crc.js';
import { loadBzip2Encoder } from './bzip2-wasm.js';

/** Blocks of 900 kB, as `bzip2 -9` and Python's default. */
const LEVEL = 9;
/** bzip2-wasm crashes on more in one call. */
const MAX_CALL_BYTES = 899_000;
/** What a block takes after the first run-length step, 899,981 bytes, with some room. */
const MAX_BLOCK_BYTES = 899_900;
const HEADER = [0x42, 0x5a, 0x68, 0x30 + LEVEL];
const END_MAGIC = [0x17, 0x72, 0x45, 0x38, 0x50, 0x90];

/**
 * Packs `bytes` as ONE bzip2 stream (conda 4.3 and some Pythons stop at the end of the first). The same bytes give the same
 * result on every Node and OS: the encoder is WebAssembly and blocks are cut by content. About 12 MB/s; the event loop
 * has its turn between blocks.
 */
export async function bzip2Compress(bytes: Uint8Array): Promise<Uint8Array> {
  const encoder = await loadBzip2Encoder();
  const out = new BitOutput(Math.ceil(bytes.length / 4) + 64);
  out.append(Uint8Array.from(HEADER), 8 * HEADER.length);
  let streamCrc = 0;
  for (let from = 0; from < bytes.length;) {
    const to = cutBlock(bytes, from);
    const { block, bitLength, crc } = encodeBlock(encoder, bytes.subarray(from, to));
    out.append(block, bitLength);
    streamCrc = foldBlockCrc(streamCrc, crc);
    from = to;
    await setImmediate();
  }
  const trailer = new Uint8Array(10);
  trailer.set(END_MAGIC);
  new DataView(trailer.buffer).setInt32(6, streamCrc);
  out.append(trailer, 80);
  return out.finish();
}

/** Where the block that starts at `from` ends: as much as surely fits in one. */
export function cutBlock(bytes: Uint8Array, from: number): number {
  const limit = Math.min(bytes.length, from + MAX_CALL_BYTES);
  let cost = 0;
  let at = from;
  while (at < limit) {
    const value = bytes[at];
    let end = at + 1;
    while (end < limit && end - at < 255 && bytes[end] === value) end++;
    // Four equal bytes and more take five: the four and a count.
    cost += end - at < 4 ? end - at : 5;
    if (cost > MAX_BLOCK_BYTES) break;
    at = end;
  }
  return at;
}

/** One block's bits, out of a stream that holds this block alone. */
function encodeBlock(encoder: BZip2, bytes: Uint8Array): { block: Uint8Array; bitLength: number; crc: number } {
  const stream = encoder.compress(bytes, LEVEL, Math.ceil(bytes.length * 1.01) + 600);
  const view = new DataView(stream.buffer, stream.byteOffset, stream.byteLength);
  const endBit = findTrailer(stream);
  const crc = view.getInt32(10);
  // One block's checksum is the stream's too: else there are two, and the second would be folded in wrongly.
  if (endBit === undefined || readInt32At(stream, endBit + 48) !== crc) {
    throw new RepackError('E_BUG', {
      what: 'The bzip2 encoder did not make one block of one block',
      hint: 'Report this, please.',
    });
  }
  return { block: stream.subarray(HEADER.length), bitLength: endBit - 8 * HEADER.length, crc };
}

/** Bit offset of the end-of-stream magic: 80 bits and 0 to 7 of padding before the end. */
function findTrailer(stream: Uint8Array): number | undefined {
  for (let padding = 0; padding < 8; padding++) {
    const start = stream.length * 8 - padding - 80;
    if (END_MAGIC.every((byte, i) => readByteAt(stream, start + 8 * i) === byte)) return start;
  }
  return undefined;
}

function readInt32At(bytes: Uint8Array, bit: number): number {
  return (
    (readByteAt(bytes, bit) << 24) |
    (readByteAt(bytes, bit + 8) << 16) |
    (readByteAt(bytes, bit + 16) << 8) |
    readByteAt(bytes, bit + 24)
  );
}

function readByteAt(bytes: Uint8Array, bit: number): number {
  const at = bit >>> 3;
  return (((bytes[at]! << 8) | (bytes[at + 1] ?? 0)) >>> (8 - (bit & 7))) & 255;
}

/** Bytes written at any bit. */
class BitOutput {
  private bits = 0;
  private bytes: Uint8Array;

  constructor(capacity: number) {
    this.bytes = new Uint8Array(capacity);
  }

  append(source: Uint8Array, bitLength: number): void {
    this.reserve((this.bits + bitLength + 16) >>> 3);
    const shift = this.bits & 7;
    let at = this.bits >>> 3;
    const count = (bitLength + 7) >>> 3;
    for (let i = 0; i < count; i++, at++) {
      const unused = i === count - 1 ? (8 - (bitLength & 7)) & 7 : 0;
      const value = (source[i]! >>> unused) << unused;
      this.bytes[at]! |= value >>> shift;
      if (shift > 0) this.bytes[at + 1] = value << (8 - shift);
    }
    this.bits += bitLength;
  }

  finish(): Uint8Array {
    return this.bytes.slice(0, (this.bits + 7) >>> 3);
  }

  private reserve(length: number): void {
    if (length <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(length, 2 * this.bytes.length));
    larger.set(this.bytes);
    this.bytes = larger;
  }
}
