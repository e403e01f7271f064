import { join } from 'node:path';
import { lockLabel, type LabelLock } from '../lock/lock.js';
import { recoverLabel } from '../switch/recover.js';
import type { LabelPlace } from './root.js';
import type { Runtime } from '../../runtime/runtime.js';

export interface LockedLabelOptions {
  place: LabelPlace;
  /** Name of the command, for others who wait for the lock. */
  job: string;
  waitLockMs: number;
  takeOverLock?: boolean;
  /** This run made the state folder: where it fails, nothing of its lock is left. */
  first?: boolean;
  /** What has to be seen before what broke off is swept away. */
  beforeRecovery?: () => Promise<void>;
}

/**
 * Runs `work` while no other run can touch the label. A run that broke off before is finished or undone first.
 *
 * @throws RepackError E_LOCKED, E_LOCK, E_RECOVERY; E_DISK
 */
export async function withLockedLabel<T>(
  rt: Runtime,
  { place, job, waitLockMs, takeOverLock = false, first = false, beforeRecovery }: LockedLabelOptions,
  work: (lock: LabelLock) => Promise<T>,
): Promise<T> {
  const lock = await lockLabel(rt, {
    stateDir: place.stateDir,
    label: place.label,
    waitMs: waitLockMs,
    takeOver: takeOverLock,
    command: job,
  });
  try {
    await rt.reach('update:locked');
    await beforeRecovery?.();
    await recoverLabel(rt, { place });
    return await work(lock);
  } catch (error) {
    if (first) await withdraw(rt, place, lock);
    throw error;
  } finally {
    await lock.release();
  }
}

async function withdraw(rt: Runtime, { stateDir }: LabelPlace, lock: LabelLock): Promise<void> {
  // What it made for its work is empty by now, or is wanted by the next run.
  for (const { name } of await rt.fs.readdir(stateDir).catch(() => []))
    await rt.fs.rmdir(join(stateDir, name)).catch(() => undefined);
  await lock.withdraw();
}
