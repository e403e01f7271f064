import { join } from 'node:path';
import { digestsOf, digestsOfFile } from '../../codec/digests.js';
import type { Digests } from '../../codec/digests.js';
import { errnoOf } from '../../base/disk-errors.js';
import { INDEX_NAMES, MANIFEST_NAME, SIGNATURE_NAME, SUMS_NAME } from '../manifest/manifest.js';
import { byteProgress } from '../../base/byte-progress.js';
import { inParallel } from '../../base/parallel.js';
import type { Runtime } from '../../runtime/runtime.js';
import { violation } from '../check/rules.js';
import type { Violation } from '../check/rules.js';
import type { LiveFile } from '../staged.js';
import { listFolder } from './list-folder.js';
import type { Listing, ListOptions } from './list-folder.js';

export type ReadRuntime = Pick<Runtime, 'fs' | 'signal' | 'machine'> & Partial<Pick<Runtime, 'events'>>;

type OnBytes = (bytes: number, path: string) => void;

/** A file whose bytes were hashed, and the marks that any later writing would change. Times in ms. */
export interface SeenFile extends LiveFile {
  ctimeMs: number;
  ino: number;
}

/** By path relative to the channel folder. */
export type SeenFiles = ReadonlyMap<string, SeenFile>;

export interface FolderFile extends SeenFile {
  /** Only of index files, the manifest, its signature and SHA256SUMS, where they were asked for. */
  bytes: Uint8Array | undefined;
}

/** A channel folder as it is, every regular file of it hashed. Paths are relative, with `/`. */
export interface Folder {
  dir: string;
  subdirs: readonly string[];
  files: ReadonlyMap<string, FolderFile>;
  /** At the root, and no part of a channel. */
  strangers: readonly string[];
  /** Links, folders in the wrong place, what can't be read. */
  violations: readonly Violation[];
}

export interface HashOptions {
  /** Files that are still as they were seen are not read again. */
  seen?: SeenFiles | undefined;
  /** Digests that a file has if its sha256 is the one given here (then its md5 need not be computed). */
  stated?: ReadonlyMap<string, Digests> | undefined;
}

const READ_WHOLE: ReadonlySet<string> = new Set([...INDEX_NAMES, MANIFEST_NAME, SIGNATURE_NAME, SUMS_NAME]);

/**
 * Reads a channel folder, and keeps the bytes of its index files, manifest and sums. Links are never followed. Throws only what `readdir` of
 * `dir` itself throws, and `rt.signal`'s reason: what can't be read is a violation.
 */
export async function readFolder(
  rt: ReadRuntime,
  dir: string,
  { manifest, sides, ...options }: Pick<ListOptions, 'manifest' | 'sides'> & HashOptions = {},
): Promise<Folder> {
  const listing = await listFolder(rt, dir, { manifest, sides });
  const violations: Violation[] = [...listing.closed].map(([path, error]) => unreadable(path, error));
  const strangers = [...listing.strangers];
  for (const [path, kind] of listing.odd) {
    if (kind === 'file') strangers.push(path);
    else violations.push(violation(kind, path));
  }
  const files = new Map<string, FolderFile>();
  const onBytes = byteProgress(rt, { stage: 'read' });
  await inParallel(listing.paths, Math.max(4, rt.machine.cpus), async (path) => {
    try {
      const keep = READ_WHOLE.has(nameOf(path));
      files.set(path, await readFile(rt, { ...options, dir, path, keep, onBytes }));
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === undefined) throw error;
      // Gone since the folder was listed, or another thing now.
      if (errno !== 'ENOENT') violations.push(errno === 'ELOOP' ? violation('link', path) : unreadable(path, error));
    }
  });
  return { dir, subdirs: listing.subdirs, files, strangers: strangers.sort(), violations };
}

/** Hashes these files of a folder. Throws what the disk says of the first that can't be read, and `rt.signal`'s reason. */
export async function hashFiles(
  rt: ReadRuntime,
  { dir, paths }: Pick<Listing, 'dir' | 'paths'>,
  options: HashOptions = {},
): Promise<Map<string, LiveFile>> {
  const onBytes = byteProgress(rt, { stage: 'read' });
  const hashed = await inParallel(paths, Math.max(4, rt.machine.cpus), async (path) => {
    const { size, sha256, md5, mtimeMs } = await readFile(rt, { ...options, dir, path, keep: false, onBytes });
    return { size, sha256, md5, mtimeMs };
  });
  return new Map(paths.map((path, at) => [path, hashed[at]!]));
}

async function readFile(
  rt: ReadRuntime,
  {
    dir,
    path,
    seen,
    stated,
    keep,
    onBytes,
  }: HashOptions & { dir: string; path: string; keep: boolean; onBytes: OnBytes },
): Promise<FolderFile> {
  rt.signal.throwIfAborted();
  const file = join(dir, path);
  const { size, mtimeMs, ctimeMs, ino } = await rt.fs.lstat(file);
  const marks = { size, mtimeMs, ctimeMs, ino };
  if (keep) {
    const bytes = await rt.fs.readFile(file);
    return { ...marks, ...digestsOf(bytes), bytes };
  }
  const known = recallFile(seen?.get(path), marks);
  if (known !== undefined) return { ...marks, ...known, bytes: undefined };
  const handle = await rt.fs.openNoFollow(file);
  try {
    const onPiece = (piece: number): void => {
      rt.signal.throwIfAborted();
      onBytes(piece, path);
    };
    return { ...marks, ...(await digestsOfFile(handle, { stated: stated?.get(path), onPiece })), bytes: undefined };
  } finally {
    await handle.close();
  }
}

/**
 * The digests of a file, if it is the one that was seen: same size, same times, same inode. `ctime` is set by the kernel at every change
 * of content, times, links or rights, so a file that was altered and given its old mtime back is hashed again.
 */
export function recallFile(
  seen: SeenFile | undefined,
  { size, mtimeMs, ctimeMs, ino }: Pick<SeenFile, 'size' | 'mtimeMs' | 'ctimeMs' | 'ino'>,
): LiveFile | undefined {
  if (seen === undefined || seen.size !== size || seen.ino !== ino) return undefined;
  if (seen.mtimeMs !== mtimeMs || seen.ctimeMs !== ctimeMs) return undefined;
  return { size, sha256: seen.sha256, md5: seen.md5, mtimeMs };
}

function unreadable(path: string, error: unknown): Violation {
  return violation('unreadable', path, { errno: errnoOf(error) ?? String(error) });
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
