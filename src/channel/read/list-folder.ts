import { join } from 'node:path';
import { NOARCH } from '../../conda/channel/channel.js';
import { INDEX_NAMES, isOwnRootFile, MANIFEST_NAME, sideFoldersOf } from '../manifest/manifest.js';
import type { Manifest } from '../manifest/manifest.js';
import { KNOWN_SUBDIRS, isSubdir } from '../../conda/channel/names.js';
import { errnoOf } from '../../base/disk-errors.js';
import { inParallel } from '../../base/parallel.js';
import type { FileSystem } from '../../runtime/fs.js';

type Disk = { fs: FileSystem };
type Entry = Awaited<ReturnType<FileSystem['readdir']>>[number];

/** What stands where only files of a channel belong; `file`: where only a folder does. */
export type OddKind = 'link' | 'special' | 'folder' | 'file';

/** What lies in a channel folder. Paths are relative, with `/`; everything is sorted. */
export interface Listing {
  dir: string;
  subdirs: readonly string[];
  /** Regular files below subdirs and side folders, and those at the root that are ours by name. */
  paths: readonly string[];
  /** At the root, and no part of a channel. */
  strangers: readonly string[];
  odd: ReadonlyMap<string, OddKind>;
  /** Folders that can't be listed, with what the disk said. */
  closed: ReadonlyMap<string, unknown>;
}

export interface ListOptions {
  /** Of this folder, where it is ours: says which subdirs and side folders it has. */
  manifest?: Pick<Manifest, 'files' | 'subdirs'> | undefined;
  /** Folders at the root that count as its own without a manifest that says so. */
  sides?: readonly string[] | undefined;
  /** Files in folders of a subdir are listed too, and such folders are not odd. */
  deep?: boolean;
}

/** Lists a channel folder; no link is followed. Throws what `readdir` of `dir` itself throws. */
export async function listFolder(
  rt: Disk,
  dir: string,
  { manifest, sides = manifest === undefined ? [] : sideFoldersOf(manifest), deep = false }: ListOptions = {},
): Promise<Listing> {
  const subdirs: string[] = [];
  const paths: string[] = [];
  const strangers: string[] = [];
  const odd = new Map<string, OddKind>();
  const closed = new Map<string, unknown>();
  const folders: string[] = [];
  for (const entry of await rt.fs.readdir(dir)) {
    const { name } = entry;
    const isSide = sides.includes(name);
    if (isOwnRootFile(name)) {
      if (entry.isFile()) paths.push(name);
      else odd.set(name, kindOf(entry));
    } else if (!isSide && !(await isSubdirOf(rt, dir, { entry, manifest }))) strangers.push(name);
    else if (!entry.isDirectory()) odd.set(name, kindOf(entry));
    else {
      folders.push(name);
      if (!isSide) subdirs.push(name);
    }
  }
  const list = async (folder: string): Promise<void> => {
    const entries = await rt.fs.readdir(join(dir, folder)).catch((error: unknown) => {
      closed.set(folder, error);
      return [];
    });
    for (const entry of entries) {
      const path = `${folder}/${entry.name}`;
      if (entry.isFile()) paths.push(path);
      else if (deep && entry.isDirectory()) await list(path);
      else odd.set(path, kindOf(entry));
    }
  };
  await inParallel(folders, 4, list);
  return { dir, subdirs: subdirs.sort(), paths: paths.sort(), strangers: strangers.sort(), odd, closed };
}

/**
 * Which folder is a subdir: conda knows its name, or our manifest lists it; where no manifest of ours says what the folder holds, also one
 * that has an index. Not every name that has the form of one (`old-backup`) is one: what is a subdir of ours may be emptied.
 */
async function isSubdirOf(
  rt: Disk,
  dir: string,
  { entry, manifest }: { entry: Entry; manifest: ListOptions['manifest'] },
): Promise<boolean> {
  const { name } = entry;
  if (!isSubdir(name)) return false;
  if (KNOWN_SUBDIRS.includes(name) || manifest?.subdirs.includes(name) === true) return true;
  if (manifest !== undefined || !entry.isDirectory()) return false;
  return isThere(rt, join(dir, name, INDEX_NAMES[0]));
}

/** Whether anything is there; what this account may not look at is not. */
export async function isThere(rt: { fs: Pick<FileSystem, 'lstat'> }, path: string): Promise<boolean> {
  return rt.fs.lstat(path).then(
    () => true,
    () => false,
  );
}

/** A folder itself; a link to one is none. */
export async function isFolder(rt: { fs: Pick<FileSystem, 'lstat'> }, path: string): Promise<boolean> {
  return rt.fs.lstat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}

/**
 * Folders in this one that are channels: they have a manifest or, `anybodys`, an index of noarch. People name ROOT, where the folder of a
 * label is meant.
 */
export async function channelsIn(rt: Disk, dir: string, { anybodys }: { anybodys: boolean }): Promise<string[]> {
  const marks = anybodys ? [MANIFEST_NAME, `${NOARCH}/${INDEX_NAMES[0]}`] : [MANIFEST_NAME];
  const found: string[] = [];
  for (const { name } of await rt.fs.readdir(dir).catch(() => [])) {
    const stats = await Promise.all(marks.map((mark) => rt.fs.lstat(join(dir, name, mark)).catch(() => undefined)));
    if (stats.some((each) => each?.isFile() === true)) found.push(name);
  }
  return found.sort();
}

/**
 * Folders with an index, sorted. What can't be looked at now (too many open files, a share that is away) counts as it did `before`: one
 * bad moment must not make 404, which conda takes for an empty channel.
 */
export async function indexedSubdirs(
  rt: Disk,
  dir: string,
  before: readonly string[] = [],
): Promise<readonly string[]> {
  const entries = await rt.fs.readdir(dir).catch((error: unknown) => (isAbsence(error) ? [] : undefined));
  if (entries === undefined) return before;
  const found: string[] = [];
  for (const entry of entries) {
    if (!entry.isDirectory() || !isSubdir(entry.name)) continue;
    const has = await rt.fs.lstat(join(dir, entry.name, INDEX_NAMES[0])).then(
      (index) => index.isFile(),
      (error: unknown) => !isAbsence(error) && before.includes(entry.name),
    );
    if (has) found.push(entry.name);
  }
  return found.sort();
}

/** Whether the disk says that there is nothing, not that it can't say. */
export function isAbsence(error: unknown): boolean {
  const errno = errnoOf(error);
  return errno === 'ENOENT' || errno === 'ENOTDIR';
}

function kindOf(entry: Entry): OddKind {
  if (entry.isSymbolicLink()) return 'link';
  if (entry.isDirectory()) return 'folder';
  return entry.isFile() ? 'file' : 'special';
}
