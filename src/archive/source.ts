import type { FileHandle } from 'node:fs/promises';

/** Bytes that can be read anywhere: an artifact on disk, or in memory. */
export interface RandomAccessSource {
  readonly size: number;
  /** `length` bytes from `position`; fewer only where the source ends. */
  read(position: number, length: number): Promise<Uint8Array>;
  /** From `start` to the end, in pieces, read as they are asked for. */
  stream(start?: number): AsyncIterable<Uint8Array>;
}

const PIECE = 1 << 16;

export function bufferSource(bytes: Uint8Array): RandomAccessSource {
  return sourceOf(bytes.length, async (position, length) => bytes.subarray(position, position + length));
}

/** The caller closes the handle. `size` as fstat says it. */
export function fileHandleSource(handle: Pick<FileHandle, 'read'>, size: number): RandomAccessSource {
  return sourceOf(size, async (position, length) => {
    const buffer = new Uint8Array(Math.min(length, Math.max(size - position, 0)));
    let filled = 0;
    while (filled < buffer.length) {
      const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled, position + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return buffer.subarray(0, filled);
  });
}

/** The bytes from `start` up to `end`, in pieces. */
export async function* streamRange(source: RandomAccessSource, start: number, end: number): AsyncGenerator<Uint8Array> {
  for (let position = start; position < end;) {
    const piece = await source.read(position, Math.min(PIECE, end - position));
    if (piece.length === 0) return;
    yield piece;
    position += piece.length;
  }
}

function sourceOf(size: number, read: RandomAccessSource['read']): RandomAccessSource {
  const source: RandomAccessSource = { size, read, stream: (start = 0) => streamRange(source, start, size) };
  return source;
}
