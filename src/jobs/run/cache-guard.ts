import path from 'node:path';
import { RepackError, isRepackError } from '../../base/errors.js';
import { lockLabel } from '../../delivery/lock/lock.js';
import { lockHolder } from '../../delivery/lock/lock-peek.js';
import type { Runtime } from '../../runtime/runtime.js';
import { runFolders } from './run-folder.js';

/**
 * `clean` and jobs never work on one cache folder at once. A job makes its run folder, then looks whether a `clean` is at work and waits for it;
 * `clean` takes its lock, then looks whether there is a run folder of a living job and leaves everything. Whoever comes second sees the first.
 */
const STATE_NAME = 'clean';
const LONGEST_WAIT_MS = 10 * 60_000;

/** To be called by a job that has its run folder and has used nothing of the cache yet. Throws E_LOCKED after ten minutes. */
export async function waitWhileCleaning(rt: Runtime, cacheDir: string): Promise<void> {
  const stateDir = path.join(cacheDir, STATE_NAME);
  const deadline = rt.clock.monotonic() + LONGEST_WAIT_MS;
  for (let announced = false; ; announced = true) {
    const holder = await lockHolder(rt, stateDir);
    if (holder === undefined) return;
    if (rt.clock.monotonic() >= deadline) {
      throw new RepackError('E_LOCKED', {
        what: `repackenv clean (pid ${holder.pid} on ${holder.host}) has been at work in the cache for ten minutes`,
        where: cacheDir,
        hint: 'Run again when it has finished.',
      });
    }
    if (!announced)
      rt.events.emit({ type: 'waiting', reason: `repackenv clean (pid ${holder.pid}) is at work in ${cacheDir}` });
    await rt.clock.sleep(100, rt.signal);
  }
}

/** Runs `work` while no job uses the cache folder. Gives why not, where one does. */
export async function whileNoJobRuns(
  rt: Runtime,
  cacheDir: string,
  work: () => Promise<void>,
): Promise<string | undefined> {
  const stateDir = path.join(cacheDir, STATE_NAME);
  await rt.fs.mkdirp(stateDir, 0o700);
  let lock;
  try {
    lock = await lockLabel(rt, { stateDir, label: 'cache', waitMs: 0, command: 'clean' });
  } catch (error) {
    if (isRepackError(error) && error.code === 'E_LOCKED') return 'another clean is at work';
    throw error;
  }
  try {
    const running = await jobAtWork(rt, cacheDir);
    if (running !== undefined) return running;
    await work();
    return undefined;
  } finally {
    await lock.release();
  }
}

/** The job that works with this cache, in words; undefined where none does. One that can't be judged (another host) counts. */
export async function jobAtWork(rt: Runtime, cacheDir: string): Promise<string | undefined> {
  const running = (await runFolders(rt, cacheDir)).find(({ state }) => state !== 'dead');
  if (running === undefined) return undefined;
  const { command, pid, host, since } = running.owner;
  return `${command}, pid ${pid} on ${host}, is at work since ${since}`;
}
