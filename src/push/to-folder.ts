import { dirname, join, resolve } from 'node:path';
import { explainDiskErrorOn, freeSpace } from '../base/disk-errors.js';
import { RepackError } from '../base/errors.js';
import { codeOf, isMissing } from '../base/fs-errors.js';
import { MANIFEST_NAME } from '../channel/manifest/manifest.js';
import { digestsOfFile } from '../codec/digests.js';
import type { Runtime } from '../runtime/runtime.js';
import type { Cargo, Carrier, Far, FarFile } from './cargo.js';
import { refused } from './target.js';

export interface FolderOptions {
  label: string;
  /** As typed. */
  target: string;
  /** The channel folder that is pushed, and what its ROOT is. */
  dir: string;
  root: string;
  /** Tries a rename or a removal again while somebody holds the file open. */
  patiently: <T>(work: () => Promise<T>) => Promise<T>;
}

/**
 * A folder of this machine, or a share. A file is written aside in `TARGET/.LABEL.push`, fsynced, and renamed into its place.
 *
 * @throws RepackError E_TARGET: a file, a link to nothing; in ROOT or in the channel folder
 */
export async function toFolder(rt: Runtime, options: FolderOptions): Promise<Carrier> {
  const { label, patiently } = options;
  const { path: top, volume } = await placeOf(rt, options);
  const aside = join(top, `.${label}.push`);
  const disk = async <T>(doing: string, path: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw await explainDiskErrorOn(rt, error, { doing, path, folder: volume });
    }
  };

  async function look(): Promise<Far> {
    const files = new Map<string, FarFile>();
    const entries = await rt.fs.readdir(top).catch(absent);
    for (const { name } of entries) {
      if (name === label) await lookInto(label, files, 0);
      else if (name.startsWith(`${label}.`)) {
        const stats = await rt.fs.lstat(join(top, name)).catch(() => undefined);
        if (stats?.isFile() === true) files.set(name, stats);
      }
    }
    const manifest = await rt.fs.readFile(join(top, label, MANIFEST_NAME)).catch(absentFile);
    return { files, manifest, isChannel: entries.some(({ name }) => name === MANIFEST_NAME) };
  }

  async function lookInto(folder: string, files: Map<string, FarFile>, depth: number): Promise<void> {
    const stats = await rt.fs.lstat(join(top, folder));
    if (!stats.isDirectory()) throw refused('This is a link, or no folder', join(top, folder), 'Move it away.');
    for (const entry of await rt.fs.readdir(join(top, folder))) {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory() && depth < MOST_FOLDERS) await lookInto(path, files, depth + 1);
      else if (entry.isSymbolicLink() && depth === 0) throw refused('This is a link', join(top, path), 'Move it away.');
      else {
        const { size, mtimeMs } = await rt.fs.lstat(join(top, path));
        files.set(path, entry.isFile() ? { size, mtimeMs } : { size: -1 });
      }
    }
  }

  async function holds({ path, size, sha256, md5, mtimeMs, kind }: Cargo, far: FarFile): Promise<boolean> {
    if (far.size !== size) return false;
    // As rsync and robocopy judge; FAT counts in two seconds. What is small, or of another time, is read.
    if (kind === 'artifact' && Math.abs((far.mtimeMs ?? 0) - mtimeMs) < 2000) return true;
    return disk('read what lies at the target', join(top, path), async () => {
      const handle = await rt.fs.openNoFollow(join(top, path));
      try {
        return (await digestsOfFile(handle, { stated: { sha256, md5 } })).sha256 === sha256;
      } finally {
        await handle.close();
      }
    });
  }

  async function put(cargo: readonly Cargo[], done: (path: string) => Promise<void>): Promise<number> {
    if (cargo.length === 0) return 0;
    const needed = cargo.reduce((sum, { size }) => sum + size, 0);
    const { free } = await freeSpace(rt.fs, volume);
    if (free !== undefined && free < needed) {
      throw new RepackError('E_DISK_FULL', {
        what: `The target does not have the room: ${needed} bytes are needed, ${free} bytes are free`,
        where: top,
        hint: 'Free some space there, then push again: what is there already stays.',
      });
    }
    for (const each of cargo) {
      rt.signal.throwIfAborted();
      const path = join(top, each.path);
      await disk('write to the target', path, () => putOne(each, path));
      await done(each.path);
    }
    await syncFolders(cargo.map(({ path }) => path));
    return needed;
  }

  async function putOne(each: Cargo, path: string): Promise<void> {
    await rt.fs.mkdirp(aside);
    await rt.fs.mkdirp(dirname(path));
    const fresh = join(aside, 'new');
    await rt.fs.remove(fresh);
    const handle = await rt.fs.open(fresh, 'wx', 0o644);
    try {
      if ('bytes' in each.from) await rt.fs.writeAll(handle, each.from.bytes);
      else for await (const piece of each.from.pieces()) await rt.fs.writeAll(handle, piece);
    } finally {
      await handle.close();
    }
    await rt.fs.settle(fresh, each.mtimeMs);
    if (each.executable) await rt.fs.chmod(fresh, 0o755);
    await patiently(() => rt.fs.rename(fresh, path));
  }

  async function remove(paths: readonly string[], done: (path: string) => Promise<void>): Promise<void> {
    for (const each of paths) {
      const path = join(top, each);
      await disk('remove from the target', path, () =>
        patiently(() => rt.fs.unlink(path)).catch((error: unknown) => {
          if (!isMissing(error)) throw error;
        }),
      );
      await done(each);
    }
    await syncFolders(paths);
    // A subdir that has left; one that has something in it stays.
    for (const folder of new Set(paths.map((path) => dirname(join(top, path)))))
      if (folder !== top) await rt.fs.rmdir(folder).catch(() => undefined);
  }

  async function syncFolders(paths: readonly string[]): Promise<void> {
    for (const folder of new Set(paths.map((path) => dirname(join(top, path)))))
      await rt.fs.syncDir(folder).catch((error: unknown) => {
        // A share may know no such thing.
        if (!['EINVAL', 'ENOTSUP', 'EPERM', 'ENOENT'].includes(codeOf(error) ?? '')) throw error;
      });
  }

  const close = (): Promise<void> => rt.fs.remove(aside).catch(() => undefined);
  return { where: join(top, label), renames: true, look, holds, put, remove, close };
}

const MOST_FOLDERS = 8;

function absent(error: unknown): never[] {
  if (isMissing(error)) return [];
  throw error;
}

function absentFile(error: unknown): undefined {
  if (isMissing(error) || codeOf(error) === 'EISDIR') return undefined;
  throw error;
}

/** Links resolved in the part that is there. `volume`: the nearest folder that is there. */
async function placeOf(rt: Runtime, { target, dir, root }: FolderOptions): Promise<{ path: string; volume: string }> {
  const wanted = resolve(rt.machine.cwd, target);
  for (let there = wanted; ; there = dirname(there)) {
    let volume: string;
    try {
      volume = await rt.fs.realpath(there);
    } catch (error) {
      const dangling = (await rt.fs.lstat(there).catch(() => undefined))?.isSymbolicLink() === true;
      if (dangling || !isMissing(error) || dirname(there) === there)
        throw refused(dangling ? 'TARGET leads over a link to nothing' : 'TARGET can’t be opened', there);
      continue;
    }
    if (!(await rt.fs.stat(volume)).isDirectory()) throw refused('TARGET is a file, or lies below one', there);
    const path = resolve(volume, wanted.slice(there.length).replace(/^[\\/]+/, ''));
    const within = (folder: string): boolean =>
      `${path}/`.replaceAll('\\', '/').startsWith(`${folder}/`.replaceAll('\\', '/'));
    if (!within(root) && !within(dir)) return { path, volume };
    throw refused('TARGET lies in ROOT, among what is to be pushed', path, 'Give a folder elsewhere.');
  }
}
