import { turns } from '../../base/turns.js';
import { lockLabel } from '../../delivery/lock/lock.js';
import type { Runtime } from '../../runtime/runtime.js';

/** Another label's run may take minutes in conda's cache; it is waited for, and that is said. */
const LONGEST_WAIT_MS = 60 * 60_000;

/** Labels of one process wait for each other without a word. */
const here = turns();

/**
 * Runs `work` while no other run uses the engine's package cache: conda itself does not lock it well enough for two runs at once
 * (conda/conda#9484). Taken after the label's lock, always in this order.
 */
export async function withEngineCache<T>(rt: Runtime, enginePkgsDir: string, work: () => Promise<T>): Promise<T> {
  const stateDir = `${enginePkgsDir}.state`;
  await rt.fs.mkdirp(enginePkgsDir, 0o700);
  await rt.fs.mkdirp(stateDir, 0o700);
  return here.take(enginePkgsDir, rt.signal, async () => {
    const lock = await lockLabel(rt, { stateDir, label: 'package cache', waitMs: LONGEST_WAIT_MS, command: 'engine' });
    try {
      return await work();
    } finally {
      await lock.release();
    }
  });
}
