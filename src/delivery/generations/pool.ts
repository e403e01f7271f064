import { dirname, join } from 'node:path';
import { codeOf, isMissing } from '../../base/fs-errors.js';
import { RepackError } from '../../base/errors.js';
import { canonicalJson } from '../../base/json.js';
import type { Runtime } from '../../runtime/runtime.js';
import { hashFile } from '../hash-file.js';
import { describeOwner, ownerState, parseOwner } from '../lock/lock-owner.js';
import { lockHolder } from '../lock/lock-peek.js';
import { STATE_NAME } from '../place/root.js';

/** In the state folder of a ROOT: bytes that no label folder has any more, by digest (design D15). No label begins with a dot. */
export const POOL_NAME = '.kept';
const USERS_NAME = 'users';

export function poolDir(root: string): string {
  return join(root, STATE_NAME, POOL_NAME);
}

export function poolPath(root: string, sha256: string): string {
  return join(poolDir(root), sha256.slice(0, 2), sha256);
}

/** Where the pool has these bytes, hashed now: what lies there may be a link to a file that somebody altered. */
export async function keptBytes(rt: Pick<Runtime, 'fs'>, root: string, sha256: string): Promise<string | undefined> {
  const path = poolPath(root, sha256);
  return (await hashFile(rt, path))?.sha256 === sha256 ? path : undefined;
}

export interface PooledFile {
  path: string;
  sha256: string;
  size: number;
}

/** Every file of the pool, and what broken-off runs left in it with other names is none. */
export async function pooledFiles(rt: Pick<Runtime, 'fs'>, root: string): Promise<PooledFile[]> {
  const dir = poolDir(root);
  const found: PooledFile[] = [];
  for (const { name: head } of await entriesOf(rt, dir)) {
    if (!/^[0-9a-f]{2}$/.test(head)) continue;
    for (const { name } of await entriesOf(rt, join(dir, head))) {
      if (!/^[0-9a-f]{64}$/.test(name) || !name.startsWith(head)) continue;
      const path = join(dir, head, name);
      const stats = await rt.fs.lstat(path).catch(unlessMissing);
      if (stats?.isFile() === true) found.push({ path, sha256: name, size: stats.size });
    }
  }
  return found;
}

/** What keeps bytes from going, or takes some, while it does so: see `sharePool`. */
export interface PoolUse {
  /** Never throws. */
  release(): Promise<void>;
}

/**
 * Runs that give to the pool or take from it share it, a prune has it alone. A run says so in a file, then looks for a prune; a prune takes the
 * lock, then looks for such files: whoever is second sees the first. What a killed run left counts no more than its process.
 *
 * @throws RepackError E_LOCKED where a prune takes more than ten minutes
 */
export async function sharePool(
  rt: Runtime,
  root: string,
  { job, stagingDir }: { job: string; stagingDir: string },
): Promise<PoolUse> {
  const dir = join(poolDir(root), USERS_NAME);
  await rt.fs.mkdirp(dir);
  const name = `${rt.machine.pid}-${rt.machine.randomId()}.json`;
  const file = join(dir, name);
  const aside = join(stagingDir, name);
  await rt.fs.mkdirp(stagingDir);
  const owner = `${canonicalJson(await describeOwner(rt, job))}\n`;
  const release = async (): Promise<void> => rt.fs.unlink(file).catch(() => undefined);
  const deadline = rt.clock.monotonic() + LONGEST_WAIT_MS;
  for (;;) {
    // Whole or not there: nobody could tell whose an empty one is. What a kill leaves is swept with the staging folder.
    await rt.fs.writeNew(aside, owner);
    await rt.fs.rename(aside, file);
    const holder = await lockHolder(rt, poolDir(root));
    if (holder === undefined) return { release };
    await release();
    if (rt.clock.monotonic() >= deadline) {
      throw new RepackError('E_LOCKED', {
        what: `kept bytes are being pruned for ten minutes (${holder.command}, pid ${holder.pid} on ${holder.host})`,
        where: poolDir(root),
        hint: 'Run again when it has finished.',
      });
    }
    await rt.clock.sleep(50, rt.signal);
  }
}

const LONGEST_WAIT_MS = 10 * 60_000;

/** Whether a run shares the pool now. One that can't be judged (another host) does; what dead ones left is removed. */
export async function isPoolShared(rt: Runtime, root: string): Promise<boolean> {
  const dir = join(poolDir(root), USERS_NAME);
  for (const { name } of await entriesOf(rt, dir)) {
    const owner = parseOwner(await rt.fs.readText(join(dir, name)).catch(() => ''));
    const [stats, now] = [await rt.fs.lstat(join(dir, name)).catch(unlessMissing), rt.clock.now()];
    if (stats === undefined) continue;
    // One that is empty may be about to be written.
    const state =
      owner === undefined
        ? now - stats.mtimeMs < TORN_MS
          ? 'alive'
          : 'dead'
        : await ownerState(rt, owner, now - Date.parse(owner.since));
    if (state !== 'dead') return true;
    await rt.fs.unlink(join(dir, name)).catch(unlessMissing);
  }
  return false;
}

const TORN_MS = 60_000;

/** A file that leaves its folder, or is about to be replaced. */
export interface Given {
  /** Absolute. */
  path: string;
  sha256: string;
  /** A path beside the pool, on its volume, that is swept when the run breaks off. */
  aside: string;
}

/**
 * Gives the bytes of a file, known to be `sha256`, to the pool. Afterwards the pool has them; the file is there still, or not any more where
 * the disk has no links: whoever gives removes it anyway, or puts another in its place. Gives the folder that has to be synced.
 */
export async function giveBytes(rt: Runtime, root: string, { path, sha256, aside }: Given): Promise<string> {
  const target = poolPath(root, sha256);
  await rt.fs.mkdirp(dirname(target));
  if (await keptBytes(rt, root, sha256)) return dirname(target);
  // Altered or cut off: what comes now is right.
  await rt.fs.unlink(target).catch(unlessMissing);
  try {
    await rt.fs.link(path, target);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return dirname(target);
    if (!NO_LINK.has(codeOf(error) ?? '')) throw error;
    await moveOrCopy(rt, { path, target, aside });
  }
  return dirname(target);
}

/** Of file systems and accounts that have no hard links, not over folders of two volumes, or not so many of one file. */
const NO_LINK = new Set(['EXDEV', 'EPERM', 'EACCES', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EINVAL', 'EMLINK']);

async function moveOrCopy(
  rt: Runtime,
  { path, target, aside }: { path: string; target: string; aside: string },
): Promise<void> {
  try {
    await rt.fs.rename(path, target);
  } catch (error) {
    // Of another volume, or held open: then it can still be read.
    if (!['EXDEV', 'EPERM', 'EACCES', 'EBUSY'].includes(codeOf(error) ?? '')) throw error;
    await rt.fs.remove(aside);
    await rt.fs.mkdirp(dirname(aside));
    await rt.fs.copyNew(path, aside);
    await rt.fs.syncFile(aside);
    await rt.fs.rename(aside, target);
  }
}

async function entriesOf(rt: Pick<Runtime, 'fs'>, dir: string) {
  return rt.fs.readdir(dir).catch((error: unknown) => {
    unlessMissing(error);
    return [];
  });
}

function unlessMissing(error: unknown): undefined {
  if (!isMissing(error)) throw error;
}
