import { spawnSync } from 'node:child_process';
import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import { PROJECT_ROOT } from '../../scripts/lib/layers.js';

/** Both share bytes between files (reflink). */
export type DiskKind = 'xfs' | 'btrfs';

export interface Disk {
  dir: string;
  /** Bytes in use, all of them on disk. */
  used(): number;
  unmount(): void;
}

/**
 * A fresh file system of its own (128 MiB, xfs 300 MiB) in a loop device below `work`. Undefined where this account may not mount or the
 * kernel does not know it.
 */
export function mountDisk(kind: DiskKind, work: string): Disk | undefined {
  const [image, dir] = [join(work, `${kind}.img`), join(work, kind)];
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return undefined;
  mkdirSync(dir, { recursive: true });
  writeSparse(image, brotliDecompressSync(readFileSync(join(PROJECT_ROOT, 'test/fixtures/disks', `${kind}.img.br`))));
  if (spawnSync('mount', ['-t', kind, '-o', 'loop', image, dir]).status !== 0) {
    rmSync(image);
    return undefined;
  }
  return {
    dir,
    used: () => {
      spawnSync('sync', ['-f', dir]);
      const { blocks, bfree, bsize } = statfsSync(dir);
      return (blocks - bfree) * bsize;
    },
    unmount: () => void spawnSync('umount', [dir]),
  };
}

const PIECE = 1 << 16;

function writeSparse(path: string, bytes: Buffer): void {
  const file = openSync(path, 'w');
  const hole = Buffer.alloc(PIECE);
  ftruncateSync(file, bytes.length);
  for (let at = 0; at < bytes.length; at += PIECE) {
    const piece = bytes.subarray(at, at + PIECE);
    if (!piece.equals(hole)) writeSync(file, piece, 0, piece.length, at);
  }
  closeSync(file);
}
