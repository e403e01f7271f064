import { createHash } from 'node:crypto';
import { dirname } from 'node:path';
import type { Digests } from '../../codec/digests.js';
import { hashBeside } from './hash-beside.js';
import { ahead } from '../../base/ahead.js';
import { maxPackedBytes, zstdCompressFrames } from '../../codec/zstd-stream.js';
import { explainDiskErrorOn } from '../../base/disk-errors.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { Compression } from '../set/headers.js';
import { openBlocks, type Blocks } from './blocks.js';
import { BLOCK, TAR_END, tarHeader, tarPadding } from './write-tar.js';

/** Where the next piece belongs: asked for it by piece, it has room for a byte at least. */
export type Room = () => Uint8Array;

/** A file to put into a tar. `pieces` must give `size` bytes, each piece at the start of the room that it asked for. */
export interface TarMember {
  name: string;
  size: number;
  mtimeMs: number;
  pieces(room: Room): AsyncIterable<Uint8Array>;
}

/** Pieces of what is in memory. */
export async function* putInto(room: Room, bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length;) {
    const place = room();
    const piece = place.subarray(0, bytes.length - at);
    piece.set(bytes.subarray(at, at + piece.length));
    at += piece.length;
    yield piece;
  }
}

export interface PartTarget {
  /** Absolute; nothing must be there. */
  path: string;
  compression: Compression;
  /** Bytes that the whole set takes, for the message when the disk is full. */
  needed: number;
  /** Told as bytes are written. */
  onBytes?: (bytes: number) => void;
}

/**
 * Writes one tar (packed when asked for) and gives the digests of its bytes; it is on disk when this returns (fsync). Streams: some 10 MB of
 * memory, whatever the size. The same members give the same bytes: headers hold name, size and mtime only.
 *
 * @throws RepackError E_DISK, E_DISK_FULL; whatever a member's `pieces` throws.
 */
export async function writePart(rt: Runtime, members: readonly TarMember[], target: PartTarget): Promise<Digests> {
  const blocks = openBlocks();
  const tar = tarStream(members, blocks);
  const packed = target.compression === 'zstd';
  const sha256 = createHash('sha256');
  // What is packed lies in no block, and packing takes longer than both digests.
  const md5 = hashBeside(rt, 'md5', { bytes: packed ? 0 : members.reduce((sum, { size }) => sum + size, 0) });
  const handle = await onDisk(rt, target, () => rt.fs.open(target.path, 'wx', 0o666));
  let complete = false;
  let [size, unflushed] = [0, 0];
  let [writing, flushing] = [Promise.resolve(), Promise.resolve()];
  try {
    for await (const chunk of ahead(packed ? zstdCompressFrames(givenBack(tar, blocks)) : tar)) {
      rt.signal.throwIfAborted();
      await writing;
      writing = onDisk(rt, target, () => rt.fs.writeAll(handle, chunk));
      const used = Promise.allSettled([writing, md5.update(chunk)]);
      if (!packed) void used.then(() => blocks.give(chunk));
      // Hashed while the disk and the other thread have their turn.
      sha256.update(chunk);
      size += chunk.length;
      target.onBytes?.(chunk.length);
      unflushed += chunk.length;
      if (unflushed < FLUSHED_AT_ONCE) continue;
      await writing;
      // The disk takes what is there while the next pieces are read and hashed.
      await flushing;
      flushing = onDisk(rt, target, () => handle.sync());
      flushing.catch(() => undefined);
      unflushed = 0;
    }
    await writing;
    await flushing;
    // A full or torn-out medium may show only here.
    await onDisk(rt, target, () => handle.sync());
    const digests = { size, sha256: sha256.digest('hex'), md5: await md5.digest() };
    complete = true;
    return digests;
  } finally {
    await md5.close();
    await handle.close().catch(async (error: unknown) => {
      if (complete) await onDisk(rt, target, () => Promise.reject(error));
    });
  }
}

/** The most that {@link writePart} makes of members of these names and sizes. */
export function maxPartBytes(members: readonly { name: string; size: number }[], compression: Compression): number {
  return maxBytesAround(
    members.reduce((sum, { name, size }) => sum + maxMemberBytes(name, size), 0),
    compression,
  );
}

/** The most that {@link writePart} makes of members that take `bytes` together, by {@link maxMemberBytes}. */
export function maxBytesAround(bytes: number, compression: Compression): number {
  return compression === 'zstd' ? maxPackedBytes(bytes + TAR_END.length) : bytes + TAR_END.length;
}

/** What a member takes in a tar: its header, a pax header where name or size don't fit in it, the content in whole blocks. */
export function maxMemberBytes(name: string, size: number): number {
  const plain = Buffer.byteLength(name) <= 100 && size < 8 ** 11;
  const pax = plain ? 0 : BLOCK + blocks(Buffer.byteLength(name) + 64);
  return BLOCK + pax + blocks(size);
}

function blocks(bytes: number): number {
  return Math.ceil(bytes / BLOCK) * BLOCK;
}

/** In large pieces: many small members would be as many small writes, and each waits for the disk's thread. */
async function* tarStream(members: readonly TarMember[], blocks: Blocks): AsyncGenerator<Uint8Array> {
  let [block, filled] = [await blocks.take(), 0];
  for (const member of [...members, undefined]) {
    const head = member === undefined ? TAR_END : tarHeader(member);
    // Room for content is left behind it.
    if (filled + head.length >= block.length) {
      yield block.subarray(0, filled);
      [block, filled] = [await blocks.take(), 0];
    }
    block.set(head, filled);
    filled += head.length;
    if (member === undefined) break;
    let left = member.size;
    for await (const piece of member.pieces(() => block.subarray(filled))) {
      if (piece.buffer !== block.buffer) throw new TypeError(`${member.name} was not put where it belongs`);
      left -= piece.length;
      filled += piece.length;
      if (filled < block.length) continue;
      yield block;
      [block, filled] = [await blocks.take(), 0];
    }
    if (left !== 0) throw new Error(`${member.name} has not the size that its header says`);
    // It fits: where a content ends in a block, the rest of that is whole blocks of the tar.
    const padding = tarPadding(member.size);
    block.set(padding, filled);
    filled += padding.length;
  }
  yield block.subarray(0, filled);
}

/** For who takes what is in a block before the next one is asked for. */
async function* givenBack(stream: AsyncIterable<Uint8Array>, blocks: Blocks): AsyncGenerator<Uint8Array> {
  for await (const block of stream) {
    yield block;
    blocks.give(block);
  }
}

const FLUSHED_AT_ONCE = 16 * 1024 * 1024;

async function onDisk<T>(rt: Runtime, { path, needed }: PartTarget, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw await explainDiskErrorOn(rt, error, { doing: 'write the medium', path, needed, folder: dirname(path) });
  }
}
