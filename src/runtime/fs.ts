import type { Dirent, Stats, StatsFs } from 'node:fs';
import { constants, promises } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { platform } from 'node:os';
import { dirname } from 'node:path';
import fsExtra from 'fs-extra';

/**
 * The disk. A plain object of async functions, so that a fault test can replace any single call
 * (`{ ...nodeFileSystem(), rename: async () => { throw … } }`).
 */
export interface FileSystem {
  readFile(path: string): Promise<Buffer>;
  readText(path: string): Promise<string>;
  /** Creates or truncates. */
  writeFile(path: string, bytes: Uint8Array | string, mode?: number): Promise<void>;
  /** Fails with EEXIST where something is there; mode 0600. */
  writeNew(path: string, bytes: Uint8Array | string): Promise<void>;
  /** Flags as in fs.open (string or number), e.g. `O_RDONLY | O_NOFOLLOW`. */
  open(path: string, flags: string | number, mode?: number): Promise<FileHandle>;
  /**
   * For reading a file that others may have put there: a symbolic link fails with ELOOP (Windows has no such flag: `lstat` first),
   * a FIFO does not block.
   */
  openNoFollow(path: string): Promise<FileHandle>;
  lstat(path: string): Promise<Stats>;
  stat(path: string): Promise<Stats>;
  statfs(path: string): Promise<StatsFs>;
  readdir(path: string): Promise<Dirent[]>;
  /** Creates missing parents too. */
  mkdirp(path: string, mode?: number): Promise<void>;
  /** Fails with EEXIST where something is there: the atomic claim of a lock. */
  mkdir(path: string, mode?: number): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  rmdir(path: string): Promise<void>;
  /** Removes a tree; nothing there is no error. */
  remove(path: string): Promise<void>;
  link(existing: string, fresh: string): Promise<void>;
  /** Copy-on-write clone where the file system has it, else a copy; fails where `to` exists. */
  copyNew(from: string, to: string): Promise<void>;
  utimes(path: string, atimeMs: number, mtimeMs: number): Promise<void>;
  chmod(path: string, mode: number): Promise<void>;
  realpath(path: string): Promise<string>;
  access(path: string, mode?: number): Promise<void>;
  /** fsync of a file by path. */
  syncFile(path: string): Promise<void>;
  /** fsync of a folder; nothing on Windows, which has no such thing. */
  syncDir(path: string): Promise<void>;
}

export const OPEN_READ_NOFOLLOW = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/**
 * Not `mkdir` with `recursive`, which tries for ever where a folder that is there answers ENOENT to what is made in it (/proc, the root
 * of an automounter).
 */
async function makeFolders(path: string, mode?: number): Promise<void> {
  try {
    await promises.mkdir(path, mode);
  } catch (error) {
    if (await isFolder(path)) return;
    const parent = dirname(path);
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || parent === path) throw error;
    await makeFolders(parent, mode);
    // One more try, with the parent there; another run may be making the same folder.
    await promises.mkdir(path, mode).catch(async (again: unknown) => {
      if (!(await isFolder(path))) throw again;
    });
  }
}

async function isFolder(path: string): Promise<boolean> {
  return promises.stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}

export function nodeFileSystem(): FileSystem {
  return {
    readFile: (path) => fsExtra.readFile(path),
    readText: (path) => fsExtra.readFile(path, 'utf8'),
    writeFile: (path, bytes, mode) => fsExtra.writeFile(path, bytes, mode === undefined ? {} : { mode }),
    writeNew: (path, bytes) => fsExtra.writeFile(path, bytes, { flag: 'wx', mode: 0o600 }),
    open: (path, flags, mode) => promises.open(path, flags, mode),
    openNoFollow: (path) => promises.open(path, OPEN_READ_NOFOLLOW),
    lstat: (path) => promises.lstat(path),
    stat: (path) => promises.stat(path),
    statfs: (path) => promises.statfs(path),
    readdir: (path) => promises.readdir(path, { withFileTypes: true }),
    mkdirp: makeFolders,
    mkdir: (path, mode) => promises.mkdir(path, mode),
    rename: (from, to) => promises.rename(from, to),
    unlink: (path) => promises.unlink(path),
    rmdir: (path) => promises.rmdir(path),
    remove: (path) => fsExtra.remove(path),
    link: (existing, fresh) => promises.link(existing, fresh),
    copyNew: (from, to) => promises.copyFile(from, to, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL),
    utimes: (path, atimeMs, mtimeMs) => promises.utimes(path, atimeMs / 1000, mtimeMs / 1000),
    chmod: (path, mode) => promises.chmod(path, mode),
    realpath: (path) => promises.realpath(path),
    access: (path, mode) => promises.access(path, mode),
    syncFile: async (path) => {
      const handle = await promises.open(path, 'r+');
      try {
        await handle.sync();
      } finally {
        await handle.close();
      }
    },
    syncDir: async (path) => {
      if (platform() === 'win32') return;
      const handle = await promises.open(path, 'r');
      try {
        await handle.sync();
      } finally {
        await handle.close();
      }
    },
  };
}
