import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

export interface ReadOnlyMedium {
  /** How it is read-only: `mounted` (an image of ext4 in a loop device), or `copied` (files and folder without write permission). */
  kind: 'mounted' | 'copied';
  dir: string;
  /** To be called before the folder around it is removed. */
  release(): void;
}

/**
 * What lies in `source`, as a read-only medium below `work`: really mounted where this account may mount and mkfs.ext4 is there, else the
 * folder itself without write permission.
 */
export function readOnlyMedium(source: string, work: string): ReadOnlyMedium {
  const image = join(work, 'medium.img');
  const dir = join(work, 'mounted');
  mkdirSync(dir, { recursive: true });
  const megabytes = 16 + Math.ceil(bytesBelow(source) / 900_000);
  const made = spawnSync('mkfs.ext4', ['-q', '-d', source, image, `${megabytes}M`]);
  if (made.status === 0 && spawnSync('mount', ['-o', 'loop,ro', image, dir]).status === 0) {
    return { kind: 'mounted', dir, release: () => void spawnSync('umount', [dir]) };
  }
  setWritable(source, false);
  return { kind: 'copied', dir: source, release: () => setWritable(source, true) };
}

function setWritable(dir: string, writable: boolean): void {
  for (const name of readdirSync(dir)) chmodSync(join(dir, name), writable ? 0o644 : 0o444);
  chmodSync(dir, writable ? 0o755 : 0o555);
}

function bytesBelow(dir: string): number {
  return readdirSync(dir).reduce((sum, name) => sum + statSync(join(dir, name)).size, 0);
}
