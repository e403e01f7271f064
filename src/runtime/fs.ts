import type { BigIntStats, Dirent, Stats, StatsFs } from 'node:fs';
import { constants, lstatSync, promises } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { platform } from 'node:os';
import { dirname, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import fsExtra from 'fs-extra';
import { openQuickly, quickDisk, withPath } from './quick-disk.js';

/**
 * The disk. A plain object of async functions, so that a fault test can replace any single call
 * (`{ ...nodeFileSystem(), rename: async () => { throw … } }`). The last three are made of the others.
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
  /** Whole numbers to the nanosecond: an inode or a time is not rounded to another one. */
  lstatExact(path: string): Promise<BigIntStats>;
  /** The same, while everything waits: for a disk of this machine, where it takes a tenth of the time. Undefined: nothing is there. */
  lstatNow(path: string): BigIntStats | undefined;
  stat(path: string): Promise<Stats>;
  /**
   * Four numbers for each of these files of a folder, which any writing of it changes: size, mtime, ctime (ms), inode; NaN for what is gone or no
   * regular file. A tenth of the work of as many `lstat`, for folders of half a million files.
   */
  marks(dir: string, names: readonly string[]): Promise<Float64Array>;
  statfs(path: string): Promise<StatsFs>;
  readdir(path: string): Promise<Dirent[]>;
  /** Creates missing parents too. `made` is given each folder that it made, also where it fails in the end; the outermost first. */
  mkdirp(path: string, mode?: number, made?: string[]): Promise<void>;
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
  /** Copy-on-write clone or nothing: fails where the file system has none, between two volumes, and where `to` exists. */
  cloneNew(from: string, to: string): Promise<void>;
  utimes(path: string, atimeMs: number, mtimeMs: number): Promise<void>;
  chmod(path: string, mode: number): Promise<void>;
  realpath(path: string): Promise<string>;
  access(path: string, mode?: number): Promise<void>;
  /** fsync of a file by path. */
  syncFile(path: string): Promise<void>;
  /** fsync of a folder; nothing on Windows, which has no such thing. */
  syncDir(path: string): Promise<void>;
  /** Every byte, however few the disk takes at a time; from `position` on, else where the handle stands. */
  writeAll(handle: Pick<FileHandle, 'write'>, bytes: Uint8Array, position?: number): Promise<void>;
  /** The file has all of the bytes or is as it was: written aside, fsynced, renamed. The folder is not fsynced. */
  writeWhole(path: string, bytes: Uint8Array | string, options?: WholeFileOptions): Promise<void>;
  /** A file that is about to get its name in a channel: mode 0644, its mtime, fsynced. */
  settle(path: string, mtimeMs: number): Promise<void>;
}

export interface WholeFileOptions {
  /** Its name until it is whole. By default `PATH.new`: for what only one run at a time writes. */
  aside?: string;
  /** Less the umask; 0644 by default. */
  mode?: number;
  /** The mode holds whatever the umask. */
  exactMode?: boolean;
  /** False where a torn file is found out when it is read: no fsync. */
  durable?: boolean;
}

export const OPEN_READ_NOFOLLOW = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/**
 * Not `mkdir` with `recursive`, which tries for ever where a folder that is there answers ENOENT to what is made in it (/proc, the root
 * of an automounter).
 */
async function makeFolders(path: string, mode?: number, made: string[] = []): Promise<void> {
  for (let left = 2; ; left -= 1) {
    try {
      await quickDisk.mkdir(path, mode);
      made.push(path);
      return;
    } catch (error) {
      // Another run may be making the same folders, or taking away those that it made.
      if (await isFolder(path)) return;
      const parent = dirname(path);
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || parent === path || left === 0) throw error;
      await makeFolders(parent, mode, made);
    }
  }
}

const MARKS_AT_ONCE = 512;

/** Not asynchronous file by file: that is four times the work. In between, signals and others have their turn. */
async function marksOf(dir: string, names: readonly string[]): Promise<Float64Array> {
  const marks = new Float64Array(names.length * 4).fill(Number.NaN);
  for (const [at, name] of names.entries()) {
    if (at % MARKS_AT_ONCE === MARKS_AT_ONCE - 1) await setImmediate();
    const stats = lstatSync(join(dir, name), { throwIfNoEntry: false });
    if (stats?.isFile() === true) marks.set([stats.size, stats.mtimeMs, stats.ctimeMs, stats.ino], at * 4);
  }
  return marks;
}

async function isFolder(path: string): Promise<boolean> {
  return quickDisk.stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}

export function nodeFileSystem(): FileSystem {
  const lstatNow: FileSystem['lstatNow'] = (path) => lstatSync(path, { bigint: true, throwIfNoEntry: false });
  const calls = sayingWhere({
    readFile: (path) => fsExtra.readFile(path),
    readText: (path) => fsExtra.readFile(path, 'utf8'),
    writeFile: (path, bytes, mode) => fsExtra.writeFile(path, bytes, mode === undefined ? {} : { mode }),
    writeNew: (path, bytes) => fsExtra.writeFile(path, bytes, { flag: 'wx', mode: 0o600 }),
    open: openQuickly,
    openNoFollow: (path) => openQuickly(path, OPEN_READ_NOFOLLOW),
    lstat: (path) => quickDisk.lstat(path),
    lstatExact: (path) => promises.lstat(path, { bigint: true }),
    stat: (path) => quickDisk.stat(path),
    marks: marksOf,
    statfs: (path) => promises.statfs(path),
    readdir: (path) => quickDisk.readdir(path, { withFileTypes: true }),
    mkdirp: makeFolders,
    mkdir: (path, mode) => quickDisk.mkdir(path, mode),
    rename: (from, to) => quickDisk.rename(from, to),
    unlink: (path) => quickDisk.unlink(path),
    rmdir: (path) => quickDisk.rmdir(path),
    remove: (path) => fsExtra.remove(path),
    link: (existing, fresh) => quickDisk.link(existing, fresh),
    copyNew: (from, to) => promises.copyFile(from, to, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL),
    cloneNew: (from, to) => promises.copyFile(from, to, constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL),
    utimes: (path, atimeMs, mtimeMs) => quickDisk.utimes(path, atimeMs / 1000, mtimeMs / 1000),
    chmod: (path, mode) => quickDisk.chmod(path, mode),
    // Some disks of Windows (RAM disks, mapped ones) and wine's long paths do not tell: then link by link.
    realpath: (path) =>
      promises.realpath(path).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'UNKNOWN') throw error;
        return fsExtra.realpath(path);
      }),
    access: (path, mode) => promises.access(path, mode),
    syncFile: async (path) => {
      const handle = await openQuickly(path, 'r+');
      try {
        await handle.sync();
      } finally {
        await handle.close();
      }
    },
    syncDir: async (path) => {
      if (platform() === 'win32') return;
      const handle = await openQuickly(path, 'r');
      try {
        await handle.sync();
      } finally {
        await handle.close();
      }
    },
    writeAll: async (handle, bytes, position) => {
      for (let done = 0; done < bytes.length;) {
        const at = position === undefined ? null : position + done;
        done += (await handle.write(bytes, done, bytes.length - done, at)).bytesWritten;
      }
    },
    // These two are made of the calls above, as they are in the object at hand: what replaces one of them is seen.
    async writeWhole(path, bytes, { aside = `${path}.new`, mode = 0o644, exactMode = false, durable = true } = {}) {
      try {
        await this.writeFile(aside, bytes, mode);
        if (exactMode) await this.chmod(aside, mode);
        if (durable) await this.syncFile(aside);
        await this.rename(aside, path);
      } catch (error) {
        await this.remove(aside).catch(() => undefined);
        throw error;
      }
    },
    async settle(path, mtimeMs) {
      await this.chmod(path, 0o644);
      await this.utimes(path, mtimeMs, mtimeMs);
      await this.syncFile(path);
    },
  });
  return { ...calls, lstatNow };
}

type AsyncCalls = Omit<FileSystem, 'lstatNow'>;

/** Node's errors of reading, writing and syncing leave the path out: whatever fails here says in `path` what it was about. */
function sayingWhere(fs: AsyncCalls & ThisType<FileSystem>): AsyncCalls {
  const calls = Object.entries(fs).map(([name, call]) => [name, naming(call as AnyCall)]);
  return Object.fromEntries(calls) as unknown as AsyncCalls;
}

type AnyCall = (...args: unknown[]) => Promise<unknown>;

function naming(call: AnyCall): AnyCall {
  return async function named(this: unknown, ...args) {
    try {
      return await call.apply(this, args);
    } catch (error) {
      throw withPath(error, args[0]);
    }
  };
}
