import { dirname } from 'node:path';
import { digestStream, type Digests } from '../../codec/digests.js';
import { maxPackedBytes, zstdCompressFrames } from '../../codec/zstd-stream.js';
import { explainDiskErrorOn } from '../../base/disk-errors.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { Compression } from '../set/headers.js';
import { BLOCK, TAR_END, tarHeader, tarPadding } from './write-tar.js';

/** A file to put into a tar. `pieces` must give `size` bytes, each piece in memory of its own. */
export interface TarMember {
  name: string;
  size: number;
  mtimeMs: number;
  pieces(): AsyncIterable<Uint8Array>;
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
  const tar = tarStream(members);
  const stream = target.compression === 'zstd' ? zstdCompressFrames(tar) : tar;
  const digests = digestStream();
  const handle = await onDisk(rt, target, () => rt.fs.open(target.path, 'wx', 0o666));
  let complete = false;
  let [flushing, unflushed] = [Promise.resolve(), 0];
  try {
    for await (const chunk of stream) {
      rt.signal.throwIfAborted();
      const writing = onDisk(rt, target, () => rt.fs.writeAll(handle, chunk));
      // Hashed while the disk has its turn.
      digests.update(chunk);
      await writing;
      target.onBytes?.(chunk.length);
      unflushed += chunk.length;
      if (unflushed < FLUSHED_AT_ONCE) continue;
      // The disk takes what is there while the next pieces are read and hashed.
      await flushing;
      flushing = onDisk(rt, target, () => handle.sync());
      flushing.catch(() => undefined);
      unflushed = 0;
    }
    await flushing;
    // A full or torn-out medium may show only here.
    await onDisk(rt, target, () => handle.sync());
    complete = true;
  } finally {
    await handle.close().catch(async (error: unknown) => {
      if (complete) await onDisk(rt, target, () => Promise.reject(error));
    });
  }
  return digests.digest();
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
async function* tarStream(members: readonly TarMember[]): AsyncGenerator<Uint8Array> {
  let [pieces, bytes]: [Uint8Array[], number] = [[], 0];
  const add = (piece: Uint8Array): void => {
    pieces.push(piece);
    bytes += piece.length;
  };
  const take = (): Uint8Array => {
    const taken = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces, bytes);
    [pieces, bytes] = [[], 0];
    return taken;
  };
  for (const member of members) {
    add(tarHeader(member));
    let left = member.size;
    for await (const piece of member.pieces()) {
      left -= piece.length;
      add(piece);
      if (bytes >= LARGE_PIECE) yield take();
    }
    if (left !== 0) throw new Error(`${member.name} has not the size that its header says`);
    add(tarPadding(member.size));
  }
  add(TAR_END);
  yield take();
}

const LARGE_PIECE = 256 * 1024;
const FLUSHED_AT_ONCE = 16 * 1024 * 1024;

async function onDisk<T>(rt: Runtime, { path, needed }: PartTarget, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw await explainDiskErrorOn(rt, error, { doing: 'write the medium', path, needed, folder: dirname(path) });
  }
}
