import { join } from 'node:path';
import { digestsOf, digestsOfFile } from '../../codec/digests.js';
import type { Digests } from '../../codec/digests.js';
import { errnoOf } from '../../base/disk-errors.js';
import { INDEX_NAMES, isOwnRootFile, MANIFEST_NAME, SIGNATURE_NAME, SUMS_NAME } from '../manifest/manifest.js';
import { KNOWN_SUBDIRS, isSubdir } from '../../conda/channel/names.js';
import { inParallel } from '../../base/parallel.js';
import type { Runtime } from '../../runtime/runtime.js';
import { violation } from '../check/violations.js';
import type { Violation } from '../check/violations.js';

export type ReadRuntime = Pick<Runtime, 'fs' | 'signal' | 'machine'>;

export interface FolderFile extends Digests {
  /** Only of index files, the manifest and SHA256SUMS. */
  bytes: Uint8Array | undefined;
  /** As it was when its bytes were read, ms. */
  mtimeMs: number;
}

/** A channel folder as it is: every regular file of it read to its end and hashed. Paths are relative, with `/`. */
export interface Folder {
  dir: string;
  subdirs: readonly string[];
  files: ReadonlyMap<string, FolderFile>;
  /** At the root, and no part of a channel. */
  strangers: readonly string[];
  /** Links, folders in the wrong place, what can't be read. */
  violations: readonly Violation[];
}

/** Digests by path, size, time and inode: what a second look need not read again. */
export type HashCache = Map<string, Digests>;

export interface ReadOptions {
  listed?: readonly string[];
  /** Folders that hold side files only: read, and no subdirs. */
  sideFolders?: readonly string[];
  cache?: HashCache;
  stated?: ReadonlyMap<string, Digests>;
}

const READ_WHOLE: ReadonlySet<string> = new Set([...INDEX_NAMES, MANIFEST_NAME, SIGNATURE_NAME, SUMS_NAME]);

/**
 * Reads a channel folder. `listed`: subdirs that its manifest names, beside those that conda knows and those that have an index. `stated`:
 * digests that a file has if its sha256 is the one given here (then its md5 need not be computed). Links are never followed. Throws only what `readdir` of `dir` itself throws, and `rt.signal`'s reason.
 */
export async function readFolder(
  rt: ReadRuntime,
  dir: string,
  { listed = [], sideFolders = [], cache = new Map(), stated }: ReadOptions = {},
): Promise<Folder> {
  const subdirs: string[] = [];
  const folders: string[] = [];
  const strangers: string[] = [];
  const violations: Violation[] = [];
  const paths: string[] = [];
  for (const entry of await rt.fs.readdir(dir)) {
    const { name } = entry;
    if (isOwnRootFile(name)) paths.push(name);
    else if (sideFolders.includes(name) && entry.isDirectory()) folders.push(name);
    else if (isSubdir(name) && entry.isDirectory() && (await countsAsSubdir(rt, dir, name, listed))) subdirs.push(name);
    else if (isSubdir(name) && entry.isSymbolicLink() && KNOWN_SUBDIRS.includes(name))
      violations.push(violation('link', name));
    else strangers.push(name);
  }
  for (const subdir of [...subdirs, ...folders]) {
    const names = await rt.fs.readdir(join(dir, subdir)).catch((error: unknown) => {
      violations.push(unreadable(subdir, error));
      return [];
    });
    paths.push(...names.map((entry) => `${subdir}/${entry.name}`));
  }
  const files = new Map<string, FolderFile>();
  await inParallel(paths.sort(), Math.max(4, rt.machine.cpus), async (path) => {
    rt.signal.throwIfAborted();
    const read = await readOne(rt, { dir, path, cache, stated: stated?.get(path) });
    if (read === undefined) return;
    if ('rule' in read) violations.push(read);
    else files.set(path, read);
  });
  return { dir, subdirs: subdirs.sort(), files, strangers: strangers.sort(), violations };
}

/** Not every folder with a dash in its name (`old-backup`) is a subdir. */
async function countsAsSubdir(rt: ReadRuntime, dir: string, name: string, listed: readonly string[]): Promise<boolean> {
  if (KNOWN_SUBDIRS.includes(name) || listed.includes(name)) return true;
  return rt.fs.lstat(join(dir, name, INDEX_NAMES[0])).then(
    () => true,
    () => false,
  );
}

/** Undefined where the file has gone since the folder was listed. */
async function readOne(
  rt: ReadRuntime,
  { dir, path, cache, stated }: { dir: string; path: string; cache: HashCache; stated: Digests | undefined },
): Promise<FolderFile | Violation | undefined> {
  try {
    const stats = await rt.fs.lstat(join(dir, path));
    const odd = oddKind(path, stats);
    if (odd !== undefined) return odd;
    if (READ_WHOLE.has(path.slice(path.lastIndexOf('/') + 1))) {
      const bytes = await rt.fs.readFile(join(dir, path));
      return { ...digestsOf(bytes), bytes, mtimeMs: stats.mtimeMs };
    }
    const key = `${path}|${stats.size}|${stats.mtimeMs}|${stats.ino}`;
    const digests = cache.get(key) ?? (await hash(rt, join(dir, path), stated));
    cache.set(key, digests);
    return { ...digests, bytes: undefined, mtimeMs: stats.mtimeMs };
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined) throw error;
    if (errno === 'ENOENT') return undefined;
    return errno === 'ELOOP' ? violation('link', path) : unreadable(path, error);
  }
}

function oddKind(path: string, stats: Awaited<ReturnType<Runtime['fs']['lstat']>>): Violation | undefined {
  if (stats.isFile()) return undefined;
  if (stats.isSymbolicLink()) return violation('link', path);
  return violation(stats.isDirectory() ? 'folder' : 'special', path);
}

async function hash(rt: ReadRuntime, path: string, stated: Digests | undefined): Promise<Digests> {
  const handle = await rt.fs.openNoFollow(path);
  try {
    return await digestsOfFile(handle, { stated, onPiece: () => rt.signal.throwIfAborted() });
  } finally {
    await handle.close();
  }
}

function unreadable(path: string, error: unknown): Violation {
  return violation('unreadable', path, { errno: errnoOf(error) ?? String(error) });
}
