import { join } from 'node:path';
import type { Runtime } from '../../runtime/runtime.js';
import { foldersBelow } from '../../store/store-with-root.js';
import { hashFile } from '../hash-file.js';

/** An artifact that is to be staged: its path in the channel, and the bytes that it must have. */
export interface SharedSource {
  path: string;
  storePath: string;
  size: number;
  sha256: string;
}

/** Stages the file at `target`; false where nothing there could share its bytes, and nothing lies there then. */
export type ShareBytes = (source: SharedSource, target: { path: string; mtimeMs: number }) => Promise<boolean>;

/**
 * Where the file system of `dir` can, staged artifacts share their bytes (reflink) with the same file in another folder below `root`, else
 * with the store's. Each is a file of its own all the same: hard links between label folders would share times too (design D7). A clone is
 * read through before it counts (design D5).
 */
export function shareBytes(rt: Runtime, { root, dir }: { root: string; dir: string }): ShareBytes {
  let able: Promise<boolean> | undefined;
  let folders: Promise<string[]> | undefined;
  return async ({ path, storePath, size, sha256 }, target) => {
    if (!(await (able ??= canClone(rt, join(dir, '.reflink'))))) return false;
    const twins = (await (folders ??= foldersBelow(rt, root))).map((folder) => join(folder, path));
    for (const from of [...twins, storePath]) {
      const there = await rt.fs.lstat(from).catch(() => undefined);
      if (there === undefined || !there.isFile() || there.size !== size) continue;
      rt.signal.throwIfAborted();
      if (!(await clones(rt, from, target.path))) continue;
      if ((await hashFile(rt, target.path))?.sha256 === sha256) {
        await rt.fs.settle(target.path, target.mtimeMs);
        return true;
      }
      await rt.fs.remove(target.path);
    }
    return false;
  };
}

async function canClone(rt: Runtime, probe: string): Promise<boolean> {
  await rt.fs.writeNew(probe, 'x');
  const able = await clones(rt, probe, `${probe}.2`);
  await rt.fs.remove(probe);
  await rt.fs.remove(`${probe}.2`);
  return able;
}

/** What can't be cloned is copied, and that tells of a full disk. */
async function clones(rt: Runtime, from: string, to: string): Promise<boolean> {
  return rt.fs.cloneNew(from, to).then(
    () => true,
    () => false,
  );
}
