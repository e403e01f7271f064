import { damaged } from './limits.js';

/** One zstd frame, as its headers tell without unpacking it (RFC 8878). Offsets in bytes from the start of the data. */
export interface ZstdFrame {
  start: number;
  end: number;
  skippable: boolean;
  /** Bytes of memory that a decoder must keep to follow references back. */
  windowSize: number;
  /** Size of the content, where the frame declares it. */
  contentSize: number | undefined;
  /** More than this can't come out: raw and repeated blocks say their size, a packed one has at most 128 KiB. */
  maxContentSize: number;
  /** A checksum of the content (XXH64) follows the frame. */
  hasChecksum: boolean;
}

/** The largest window that the `zstd` program accepts without being told to. */
const MAX_WINDOW = 128 * 1024 * 1024;
const MAX_BLOCK = 128 * 1024;
const MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;

/**
 * Walks the frames of zstd data that come in pieces, by their headers alone: what would make a decoder allocate without
 * limit, and what is cut off, is known before a byte is unpacked.
 *
 * `streamed`: a frame in one segment is held against the limit for windows too, since a streaming decoder keeps a window
 * of that size; in one shot the output is the window.
 *
 * `push` returns the frames that ended; `finish` is called after the last piece; both throw RepackError E_DECOMPRESS.
 */
export function zstdFrameWalker({ streamed }: { streamed: boolean }) {
  let pending = new Uint8Array(0);
  /** Offset of pending[0] in the data. */
  let offset = 0;
  /** Bytes of a block, checksum or skippable frame still to pass over. */
  let skip = 0;
  let frame: ZstdFrame | undefined;
  let lastBlock = false;

  function push(chunk: Uint8Array): ZstdFrame[] {
    const done: ZstdFrame[] = [];
    let rest = chunk;
    if (skip > 0) {
      const passed = Math.min(skip, rest.length);
      skip -= passed;
      offset += passed;
      rest = rest.subarray(passed);
    }
    if (pending.length > 0) {
      const joined = new Uint8Array(pending.length + rest.length);
      joined.set(pending);
      joined.set(rest, pending.length);
      rest = joined;
    }
    for (;;) {
      if (frame !== undefined && lastBlock && skip === 0) {
        if ((frame.contentSize ?? 0) > frame.maxContentSize) {
          throw damaged('zstd', frame.start, 'a frame declares more than it can hold');
        }
        done.push({ ...frame, end: offset });
        frame = undefined;
      }
      const used = skip > 0 ? undefined : frame === undefined ? startFrame(rest) : startBlock(rest, frame);
      if (used === undefined) break;
      const passed = Math.min(used + skip, rest.length);
      skip -= passed - used;
      offset += passed;
      rest = rest.subarray(passed);
    }
    pending = rest.slice();
    return done;
  }

  /** Bytes used, undefined when more are needed. */
  function startFrame(bytes: Uint8Array): number | undefined {
    if (bytes.length < 5) return undefined;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const magic = view.getUint32(0, true);
    if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC) {
      if (bytes.length < 8) return undefined;
      skip = view.getUint32(4, true);
      lastBlock = true;
      frame = { ...EMPTY_FRAME, start: offset, skippable: true };
      return 8;
    }
    if (magic !== MAGIC)
      throw damaged(
        'zstd',
        offset,
        offset === 0 ? 'it does not start as zstd does' : 'something else follows the end of a frame',
      );
    const header = readFrameHeader(view, offset);
    if (header === undefined) return undefined;
    const { windowSize } = header.frame;
    if (windowSize > MAX_WINDOW && (streamed || !header.singleSegment)) {
      throw damaged('zstd', offset + 5, `it asks for a window of ${windowSize} bytes`);
    }
    frame = header.frame;
    lastBlock = false;
    return header.length;
  }

  function startBlock(bytes: Uint8Array, current: ZstdFrame): number | undefined {
    if (bytes.length < 3) return undefined;
    const header = bytes[0]! | (bytes[1]! << 8) | (bytes[2]! << 16);
    lastBlock = (header & 1) === 1;
    const type = (header >>> 1) & 3;
    const size = header >>> 3;
    if (type === 3 || size > MAX_BLOCK) throw damaged('zstd', offset, 'a block of an impossible kind or size');
    current.maxContentSize += type === 2 ? MAX_BLOCK : size;
    skip = (type === 1 ? 1 : size) + (lastBlock && current.hasChecksum ? 4 : 0);
    return 3;
  }

  function finish(): void {
    if (offset === 0 && pending.length === 0) throw damaged('zstd', 0, 'it is empty');
    if (frame !== undefined || pending.length > 0)
      throw damaged('zstd', offset + pending.length, 'it ends too early (truncated)');
  }

  return { push, finish };
}

const EMPTY_FRAME = {
  start: 0,
  end: 0,
  skippable: false,
  windowSize: 0,
  contentSize: undefined,
  maxContentSize: 0,
  hasChecksum: false,
};

function readFrameHeader(
  view: DataView,
  start: number,
): { frame: ZstdFrame; length: number; singleSegment: boolean } | undefined {
  const descriptor = view.getUint8(4);
  const singleSegment = (descriptor & 0x20) !== 0;
  const sizeBytes = [singleSegment ? 1 : 0, 2, 4, 8][descriptor >>> 6]!;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3]!;
  const length = 5 + (singleSegment ? 0 : 1) + dictionaryBytes + sizeBytes;
  if (view.byteLength < length) return undefined;
  if ((descriptor & 0x08) !== 0) throw damaged('zstd', start + 4, 'a reserved bit of the frame header is set');
  if (dictionaryBytes > 0) throw damaged('zstd', start + 4, 'it needs a dictionary');
  const contentSize = readContentSize(view, length - sizeBytes, sizeBytes);
  const windowSize = singleSegment ? (contentSize ?? 0) : readWindowSize(view.getUint8(5));
  const frame = { ...EMPTY_FRAME, start, windowSize, contentSize, hasChecksum: (descriptor & 0x04) !== 0 };
  return { frame, length, singleSegment };
}

function readWindowSize(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >>> 3));
  return base + (base / 8) * (descriptor & 7);
}

function readContentSize(view: DataView, at: number, bytes: number): number | undefined {
  if (bytes === 0) return undefined;
  if (bytes === 1) return view.getUint8(at);
  if (bytes === 2) return view.getUint16(at, true) + 256;
  if (bytes === 4) return view.getUint32(at, true);
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
}
