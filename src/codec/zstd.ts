import { compress, decompress, init } from '@bokuweb/zstd-wasm';
import { Decompress } from 'fzstd';
import { RepackError } from '../base/errors.js';
import { concat, damaged, tooLarge, type DecodeLimits } from './limits.js';
import { requireWasmMemory } from './wasm-memory.js';
import { zstdFrameWalker, type ZstdFrame } from './zstd-frames.js';

/** conda-index's level. About 3 MB/s: 20 ms for a label of 100 packages. */
const INDEX_ZSTD_LEVEL = 16;
/**
 * Of an index beyond 4 MiB, some 8,000 records: packing it again is most of a run that finds one record more. Four times as fast, and real indexes
 * come to a twelfth more bytes (r/linux-64 14.1 % of its size for 12.9 %; level 9 14.4 %, level 3 15.9 %).
 */
const LARGE_INDEX_ZSTD_LEVEL = 12;
const LARGE_INDEX_BYTES = 4 * 1024 * 1024;
/** For what is read once and on this machine: about 50 MB/s. */
export const FAST_ZSTD_LEVEL = 1;

/** The WebAssembly heap ends at 2 GiB, and its `malloc` failing goes unnoticed in the library. */
const MAX_WASM_BYTES = 1_900_000_000;

/**
 * Packs `bytes` as one zstd frame that declares its size, without checksum (as conda-index). The same bytes and level
 * give the same result on every Node and OS: the encoder is WebAssembly of one build, never node:zlib.
 *
 * Blocks the thread while it works.
 */
export async function zstdCompress(bytes: Uint8Array, level: number = indexLevel(bytes)): Promise<Uint8Array> {
  if (bytes.length * 2.1 > MAX_WASM_BYTES) {
    throw new RepackError('E_REPODATA', {
      what: `${bytes.length} bytes are more than the zstd encoder can take`,
      hint: 'Split the channel.',
    });
  }
  await ready();
  return compress(bytes as Uint8Array<ArrayBuffer>, level);
}

function indexLevel({ length }: Uint8Array): number {
  return length > LARGE_INDEX_BYTES ? LARGE_INDEX_ZSTD_LEVEL : INDEX_ZSTD_LEVEL;
}

/**
 * Unpacks zstd data that nobody has vouched for. Frames' checksums (XXH64) are compared where there are any. The size that may
 * come out is known and held against `maxBytes` before anything is allocated. Blocks the thread while it works, at 100 to 200
 * MB/s. WebAssembly on every Node: no slower than node:zlib's decoder where there is one, and the same everywhere.
 *
 * @throws RepackError E_DECOMPRESS: damaged, truncated, something behind it, or more than `maxBytes`.
 */
export async function zstdDecompress(bytes: Uint8Array, { maxBytes }: DecodeLimits): Promise<Uint8Array> {
  const frames = walk(bytes).filter((frame) => !frame.skippable);
  const declared = frames.reduce((sum, frame) => sum + (frame.contentSize ?? 0), 0);
  if (declared > maxBytes) throw tooLarge('zstd', maxBytes);
  const chunks: Uint8Array[] = [];
  let left = maxBytes;
  for (const frame of frames) {
    // One frame a call: the decoder makes room for the first only (and node:zlib's silently stops behind it).
    const room = frame.contentSize ?? Math.min(frame.maxContentSize, left);
    const chunk = await unpackFrame(bytes.subarray(frame.start, frame.end), room).catch((error: unknown) => {
      throw room < frame.maxContentSize && frame.contentSize === undefined && isOverflow(error)
        ? tooLarge('zstd', maxBytes)
        : damaged('zstd', frame.start, 'a frame does not unpack, or its checksum is wrong', error);
    });
    left -= chunk.length;
    if (left < 0) throw tooLarge('zstd', maxBytes);
    chunks.push(chunk);
  }
  return concat(chunks);
}

/**
 * Unpacks zstd data piece by piece, and no more of it than the consumer asks for. Only for bytes whose digest was found right:
 * this decoder compares no checksum, so a flipped bit can pass unseen.
 *
 * @throws RepackError E_DECOMPRESS as zstdDecompress.
 */
export async function* zstdDecompressStream(
  source: AsyncIterable<Uint8Array>,
  { maxBytes }: DecodeLimits,
): AsyncGenerator<Uint8Array> {
  const walker = zstdFrameWalker({ streamed: true });
  let out: Uint8Array[] = [];
  let total = 0;
  let offset = 0;
  const decoder = new Decompress((chunk) => {
    total += chunk.length;
    if (total > maxBytes) throw tooLarge('zstd', maxBytes);
    // The decoder goes on using the memory it hands out.
    if (chunk.length > 0) out.push(chunk.slice());
  });
  for await (const chunk of source) {
    walker.push(chunk);
    decode(decoder, chunk, { offset, last: false });
    offset += chunk.length;
    yield* out;
    out = [];
  }
  walker.finish();
  decode(decoder, new Uint8Array(0), { offset, last: true });
  yield* out;
}

function decode(decoder: Decompress, chunk: Uint8Array, { offset, last }: { offset: number; last: boolean }): void {
  try {
    decoder.push(chunk, last);
  } catch (error) {
    throw error instanceof RepackError ? error : damaged('zstd', offset, 'a block does not unpack', error);
  }
}

function walk(bytes: Uint8Array): ZstdFrame[] {
  const walker = zstdFrameWalker({ streamed: false });
  const frames = walker.push(bytes);
  walker.finish();
  return frames;
}

/** ZSTD_error_dstSize_tooSmall. */
function isOverflow(error: unknown): boolean {
  return error instanceof Error && error.message.endsWith('code -70');
}

async function unpackFrame(bytes: Uint8Array, room: number): Promise<Uint8Array> {
  if (bytes.length + room > MAX_WASM_BYTES) throw new RangeError(`${room} bytes are more than this decoder can take`);
  await ready();
  return decompress(bytes as Uint8Array<ArrayBuffer>, { defaultHeapSize: room });
}

/** Loads the WebAssembly now. Begun beside another module's, V8 compiles it only after that one: 0.15 s behind the solver's. */
export async function prepareZstd(): Promise<void> {
  // Whoever needs it hears of a failure.
  await ready().catch(() => undefined);
}

let initializing: Promise<void> | undefined;

async function ready(): Promise<void> {
  if (initializing === undefined) requireWasmMemory();
  initializing ??= init();
  return initializing;
}
