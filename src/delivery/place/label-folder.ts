import type { LiveFolder } from '../../channel/staged.js';
import { inspectLabelFolder, requireOurs } from './inspect.js';
import type { LabelLock } from '../lock/lock.js';
import { withLockedLabel } from './locked-label.js';
import { openRoot, unmakeFolders } from './root.js';
import type { LabelPlace } from './root.js';
import { readSeen } from './seen.js';
import type { Runtime } from '../../runtime/runtime.js';

/** ROOT/LABEL, locked by us, recovered, looked at. */
export interface LabelFolder {
  place: LabelPlace;
  lock: LabelLock;
  live: LiveFolder;
  /** ISO 8601, UTC: when this run began. */
  startedAt: string;
}

export interface LabelFolderOptions {
  root: string;
  label: string;
  /** Name of the command, for others who wait for the lock. */
  job: string;
  waitLockMs: number;
  takeOverLock: boolean;
  adopt: boolean;
  /** The job takes no package away, of a folder that it adopts neither. */
  adds?: boolean;
  replace: readonly string[];
  /** For folders too large to be read through every night: files that are as they were last published are not hashed again. */
  quick?: boolean;
}

/**
 * Runs `work` on the label folder while no other run can touch it. A run that broke off before is finished or undone first. Of a first run that
 * fails, nothing is left of ROOT and state folder.
 */
export async function withLabelFolder<T>(
  rt: Runtime,
  options: LabelFolderOptions,
  work: (folder: LabelFolder) => Promise<T>,
): Promise<T> {
  return withUnseenFolder(rt, options, async (_, look) => work(await look()));
}

/** The same, where perhaps nothing of the folder needs to be looked at: `look` does that, under the lock. */
export async function withUnseenFolder<T>(
  rt: Runtime,
  options: LabelFolderOptions,
  work: (unseen: Omit<LabelFolder, 'live'>, look: () => Promise<LabelFolder>) => Promise<T>,
): Promise<T> {
  const startedAt = new Date(rt.clock.now()).toISOString();
  const made: string[] = [];
  try {
    const place = await openRoot(rt, options.root, options.label, { made });
    const first = made.includes(place.stateDir);
    return await withLockedLabel(rt, { ...options, place, first }, async (lock) => {
      const unseen = { place, lock, startedAt };
      return work(unseen, async () => {
        const live = await inspectLabelFolder(rt, {
          place,
          replace: options.replace,
          seen: await seenFiles(rt, place, options),
        });
        requireOurs(rt, live, options);
        await rt.reach('update:inspected');
        return { ...unseen, live };
      });
    });
  } catch (error) {
    await unmakeFolders(rt, made);
    throw error;
  }
}

/** The look of `withLabelFolder` once more, under the same lock, every byte hashed. */
export async function lookAgain(
  rt: Runtime,
  folder: LabelFolder,
  options: Pick<LabelFolderOptions, 'replace' | 'adopt'>,
): Promise<LabelFolder> {
  const live = await inspectLabelFolder(rt, { place: folder.place, replace: options.replace });
  requireOurs(rt, live, options);
  return { ...folder, live };
}

/** The same look without lock, recovery or any write: for a plan. */
export async function lookAtLabelFolder(
  rt: Runtime,
  options: Pick<LabelFolderOptions, 'root' | 'label' | 'adopt' | 'adds' | 'replace' | 'quick'>,
): Promise<Pick<LabelFolder, 'place' | 'live'>> {
  const place = await openRoot(rt, options.root, options.label, { create: false });
  const live = await inspectLabelFolder(rt, {
    place,
    replace: options.replace,
    seen: await seenFiles(rt, place, options),
  });
  requireOurs(rt, live, options);
  return { place, live };
}

async function seenFiles(rt: Runtime, { stateDir }: LabelPlace, { quick }: Pick<LabelFolderOptions, 'quick'>) {
  return quick === true ? readSeen(rt, stateDir) : undefined;
}
