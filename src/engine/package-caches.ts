import { isAbsolute, posix, win32 } from 'node:path';
import type { FileSystem } from '../runtime/fs.js';
import type { InstalledRecord } from './prefix-records.js';

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

/**
 * The folders that packages were linked from: `package_tarball_full_path`, `extracted_package_dir` and `link.source` are each an entry of
 * one. mamba from 2.6 on has one for each channel and subdir.
 */
export function linkedFrom(records: readonly InstalledRecord[]): string[] {
  const folders = new Set<string>();
  for (const path of records.flatMap((record) => record.cachePaths)) {
    folders.add(/^[A-Za-z]:[\\/]|^\\\\/.test(path) ? win32.dirname(path) : posix.dirname(path));
  }
  return [...folders];
}

async function folderAt(fs: FileSystem, dir: string): Promise<string | undefined> {
  try {
    const real = await fs.realpath(dir);
    return (await fs.stat(real)).isDirectory() ? real : undefined;
  } catch {
    return undefined;
  }
}
