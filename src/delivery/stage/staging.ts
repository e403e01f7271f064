import { join } from 'node:path';
import { explainDiskErrorOn, freeSpace } from '../../base/disk-errors.js';
import { RepackError } from '../../base/errors.js';
import { canonicalJson } from '../../base/json.js';
import type { Runtime } from '../../runtime/runtime.js';
import { isMissing } from '../../base/fs-errors.js';
import { readJournal } from '../switch/journal.js';
import { describeOwner, OWNER_NAME, parseOwner } from '../lock/lock-owner.js';

/** A run's own folder on ROOT's volume, beside the label folder: what is renamed from here never crosses volumes. */
export interface Staging {
  /** Name of the folder below `staging/`. */
  run: string;
  /** `ROOT/.repackenv/LABEL/staging/<run>`. */
  dir: string;
  /** Where the channel is to be staged; exists, empty. */
  channelDir: string;
  /**
   * Removes the whole folder, unless a journal needs what is in it; nothing there is no error. May be called at the end of every run. Never
   * throws: the next run sweeps what is left.
   */
  discard(): Promise<void>;
}

export const STAGING_NAME = 'staging';

/** To be called with the label locked. */
export async function createStaging(
  rt: Runtime,
  { stateDir, command }: { stateDir: string; command: string },
): Promise<Staging> {
  const run = `${rt.machine.pid}-${rt.machine.randomId()}`;
  const staging = stagingOf(rt, stateDir, run);
  try {
    await rt.fs.mkdirp(join(stateDir, STAGING_NAME));
    await rt.fs.mkdir(staging.dir, 0o700);
    await rt.fs.writeNew(join(staging.dir, OWNER_NAME), `${canonicalJson(await describeOwner(rt, command), 2)}\n`);
    await rt.fs.mkdir(staging.channelDir);
  } catch (error) {
    const explained = await explainDiskErrorOn(rt, error, {
      doing: 'create the staging folder',
      path: staging.dir,
      folder: stateDir,
    });
    await staging.discard();
    throw explained;
  }
  return staging;
}

export function stagingOf(rt: Runtime, stateDir: string, run: string): Staging {
  const dir = join(stateDir, STAGING_NAME, run);
  return {
    run,
    dir,
    channelDir: join(dir, 'channel'),
    discard: async () => {
      try {
        // A journal still needs what it names: the next run finishes or undoes with it.
        const journal = await readJournal(rt, stateDir);
        if (typeof journal === 'object' && journal.run === run) return;
        // The marker goes last, so that a sweep can finish what a crash left half removed.
        for (const entry of await rt.fs.readdir(dir)) {
          if (entry.name !== OWNER_NAME) await rt.fs.remove(join(dir, entry.name));
        }
        await rt.fs.remove(dir);
      } catch (error) {
        if (!isMissing(error)) rt.events.emit({ type: 'note', message: `left for the next run to clear away: ${dir}` });
      }
    },
  };
}

/**
 * Removes what runs that ended without clearing up left in `staging/`. To be called with the label locked: then every folder there
 * but `keep` belongs to no living run. Only folders that carry our marker are removed, and those with nothing in them; others are named and left.
 */
export async function sweepStaging(rt: Runtime, stateDir: string, keep: string | undefined): Promise<string[]> {
  const folder = join(stateDir, STAGING_NAME);
  const swept: string[] = [];
  let entries;
  try {
    entries = await rt.fs.readdir(folder);
  } catch (error) {
    if (isMissing(error)) return swept;
    throw await explainDiskErrorOn(rt, error, {
      doing: 'look for left-over staging folders',
      path: folder,
      folder: stateDir,
    });
  }
  for (const { name } of entries) {
    if (name === keep) continue;
    const marked = parseOwner(await rt.fs.readText(join(folder, name, OWNER_NAME)).catch(() => '')) !== undefined;
    const gone = marked ? await discarded(rt, stateDir, name) : await removeUnmarked(rt, join(folder, name));
    if (gone) swept.push(name);
    else rt.events.emit({ type: 'note', message: `not ours, or still in use, and left alone: ${join(folder, name)}` });
  }
  return swept;
}

/** An empty one, or one whose run was killed between making its marker and writing it. */
async function removeUnmarked(rt: Runtime, dir: string): Promise<boolean> {
  try {
    const entries = await rt.fs.readdir(dir);
    const marker = join(dir, OWNER_NAME);
    if (entries.length === 1 && entries[0]!.name === OWNER_NAME && (await rt.fs.lstat(marker)).size === 0)
      await rt.fs.unlink(marker);
    await rt.fs.rmdir(dir);
    return true;
  } catch {
    return false;
  }
}

async function discarded(rt: Runtime, stateDir: string, run: string): Promise<boolean> {
  const staging = stagingOf(rt, stateDir, run);
  await staging.discard();
  return rt.fs.lstat(staging.dir).then(() => false, isMissing);
}

/**
 * Throws E_DISK_FULL when the volume of `dir` (an existing folder) has less than `bytesNeeded` and a small reserve free, or no inode
 * left. A volume that doesn't tell is taken to have room.
 */
export async function checkFreeSpace(rt: Runtime, dir: string, bytesNeeded: number, place = 'a ROOT'): Promise<void> {
  const { free, freeInodes } = await freeSpace(rt.fs, dir);
  if (freeInodes === 0) {
    throw new RepackError('E_DISK_FULL', {
      what: 'the volume has no inodes left: no further file can be created, however many bytes are free',
      where: dir,
      hint: 'Remove files nobody needs from that volume, then run the same command again. The label folder is as it was.',
    });
  }
  const needed = bytesNeeded + RESERVE;
  if (free === undefined || free >= needed) return;
  throw new RepackError('E_DISK_FULL', {
    what: `the volume is too full: ${megabytes(needed)} needed, ${megabytes(free)} free`,
    where: dir,
    hint: `Free some space on that volume or choose ${place} on another one, then run the same command again. The label folder is as it was.`,
  });
}

/** For indexes, journal and receipts. */
const RESERVE = 4 * 1024 * 1024;

function megabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}
