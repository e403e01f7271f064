import { dirname, join } from 'node:path';
import { digestsOf } from '../../codec/digests.js';
import { explainDiskErrorOn } from '../../base/disk-errors.js';
import { RepackError } from '../../base/errors.js';
import type { LiveFolder } from '../../channel/staged.js';
import type { Runtime } from '../../runtime/runtime.js';
import { isMissing } from '../../base/fs-errors.js';
import { removeJournal, writeJournal, type Journal } from './journal.js';
import type { LabelLock } from '../lock/lock.js';
import { planOperations, type FileToPut } from './operations.js';
import { recordSwitch } from './record.js';
import type { LabelPlace } from '../place/root.js';
import { checkFreeSpace, type Staging } from '../stage/staging.js';
import { runSwitch, type SwitchProgress } from './switch.js';
import { backUp, undoSwitch } from './undo.js';

/** A file that is written into the folder: an index, or the list of digests. */
export interface RepairFile {
  /** Relative to the folder, with `/`. */
  path: string;
  kind: 'index' | 'sums';
  bytes: Uint8Array;
  mtimeMs: number;
}

export interface RepairOptions {
  place: Pick<LabelPlace, 'label' | 'labelDir' | 'stateDir'>;
  lock: Pick<LabelLock, 'assertHeld'>;
  staging: Staging;
  /** As it was seen under the same lock. */
  live: LiveFolder;
  files: readonly RepairFile[];
  /** Paths that go, after the new indexes are in. */
  leaving: readonly string[];
}

/**
 * Puts new indexes into a channel folder that others made, without making it ours: no manifest, no receipt. Otherwise as `publish`: staged beside
 * it, a journal first, one file at a time, so that at every instant every index names only files that are there; what breaks off is finished or
 * undone by the next run's `recoverLabel`. No index may name what is `leaving`.
 *
 * Throws E_PUBLISH (somebody else changed the folder meanwhile), E_LOCK, E_DISK, E_DISK_FULL.
 */
export async function switchIndexes(rt: Runtime, options: RepairOptions): Promise<void> {
  const { place, staging, lock } = options;
  const { labelDir, stateDir } = place;
  const journal = await prepare(rt, options).catch(async (error: unknown) => {
    await removeJournal(rt, stateDir, { durable: false }).catch(() => undefined);
    throw await explainDiskErrorOn(rt, error, {
      doing: 'prepare the repair; the folder is as it was',
      path: staging.dir,
      folder: stateDir,
    });
  });
  rt.signal.throwIfAborted();
  await lock.assertHeld();
  await writeJournal(rt, stateDir, journal);
  await rt.reach('publish:journal-written');
  const progress: SwitchProgress = { syncFailed: false, leaving: false, stuck: [] };
  try {
    await runSwitch(rt, { labelDir, stagingDir: staging.dir, signal: rt.signal }, journal.operations, progress);
    await rt.reach('publish:switched');
  } catch (error) {
    const durable = !progress.syncFailed;
    if (!progress.leaving)
      await undoSwitch(rt, { labelDir, stateDir, stagingDir: staging.dir, journal, durable }).catch(() => false);
    throw await explainDiskErrorOn(rt, error, { doing: 'repair the folder', path: labelDir, folder: stateDir });
  }
  for (const path of progress.stuck) {
    rt.events.emit({ type: 'warning', message: `another program holds ${join(labelDir, path)} open: it stays` });
  }
  await recordSwitch(rt, { labelDir, stateDir, journal });
}

async function prepare(rt: Runtime, { place, staging, live, files, leaving }: RepairOptions): Promise<Journal> {
  await refuseChanged(rt, live);
  await checkFreeSpace(rt, staging.dir, 2 * files.reduce((sum, { bytes }) => sum + bytes.length, 0));
  const toPut: FileToPut[] = [];
  for (const { path, kind, bytes, mtimeMs } of files) {
    const from = `channel/${path}`;
    const staged = join(staging.dir, from);
    await rt.fs.mkdirp(dirname(staged));
    await rt.fs.writeFile(staged, bytes, 0o644);
    await rt.fs.settle(staged, mtimeMs);
    const { size, sha256 } = digestsOf(bytes);
    toPut.push({ path, from, kind, size, sha256, mtimeMs, fresh: !live.files.has(path) });
  }
  const undo = await backUp(rt, { stagingDir: staging.dir, live, files: toPut, leaving });
  await rt.fs.syncDir(staging.dir);
  await rt.reach('publish:prepared');
  return {
    schema: 1,
    purpose: 'publish',
    label: place.label,
    run: staging.run,
    operations: planOperations({ files: toPut, reduced: [], leaving }),
    undo,
    removeFolder: false,
    receipt: null,
  };
}

/** The lock keeps our own runs out; the scripts that made this folder know nothing of it. */
async function refuseChanged(rt: Runtime, live: LiveFolder): Promise<void> {
  for (const [path, was] of live.files) {
    const now = await rt.fs.lstat(join(live.dir, path)).catch((error: unknown) => {
      if (isMissing(error)) return undefined;
      throw error;
    });
    if (now?.size === was.size && now.mtimeMs === was.mtimeMs) continue;
    throw new RepackError('E_PUBLISH', {
      what: 'the folder was changed by another program while it was looked at',
      where: join(live.dir, path),
      hint: 'Nothing was written. See what else writes there (an indexer, a synchronisation), then run the same command again.',
    });
  }
}
