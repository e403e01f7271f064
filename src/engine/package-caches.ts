import { isAbsolute } from 'node:path';
import type { FileSystem } from '../runtime/fs.js';

/** More folders than this are no package caches but a mistake. */
const MAX_CACHES = 64;

/**
 * Package caches to read from: absolute, there, each once by its real path, in order. What an engine names and is not there
 * is normal (conda lists folders that it would make), so it is left out without a word.
 */
export async function readableCaches(fs: FileSystem, dirs: readonly string[]): Promise<string[]> {
  const caches: string[] = [];
  for (const dir of dirs.slice(0, MAX_CACHES)) {
    if (!isAbsolute(dir)) continue;
    const real = await folderAt(fs, dir);
    if (real !== undefined && !caches.includes(real)) caches.push(real);
  }
  return caches;
}

async function folderAt(fs: FileSystem, dir: string): Promise<string | undefined> {
  try {
    const real = await fs.realpath(dir);
    return (await fs.stat(real)).isDirectory() ? real : undefined;
  } catch {
    return undefined;
  }
}
