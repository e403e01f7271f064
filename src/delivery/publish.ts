import { SILENT } from '../base/events.js';
import { emitFindings } from '../base/emit-findings.js';
import { join, posix, relative, sep } from 'node:path';
import { explainDiskErrorOn } from '../base/disk-errors.js';
import { RepackError, isRepackError } from '../base/errors.js';
import { inParallel } from '../base/parallel.js';
import type { LiveFolder, PublishReceipt, StagedChannel, StagedFile } from '../channel/staged.js';
import type { PolicyVerdict } from '../conda/policy/verdict.js';
import type { Runtime } from '../runtime/runtime.js';
import { isMissing } from '../base/fs-errors.js';
import { requireOurs } from './place/inspect.js';
import { isIndexPath } from '../channel/manifest/manifest.js';
import { givenBytes, whileGiving } from './switch/give.js';
import { removeJournal, writeJournal, type Journal } from './switch/journal.js';
import type { LabelLock } from './lock/lock.js';
import { PHASES, planOperations, subdirOf, type FileToPut } from './switch/operations.js';
import { holdFrom, type Hold } from './generations/hold.js';
import { recordKeep, stageGeneration } from './generations/keep-generation.js';
import { draftReceipt, finished, notWritten, writeLastRun, type DraftReceipt } from './receipts.js';
import { recordSwitch } from './switch/record.js';
import { writeReducedIndexes } from './switch/reduced-index.js';
import type { LabelPlace } from './place/root.js';
import type { Staging } from './stage/staging.js';
import { runSwitch, type SwitchProgress } from './switch/switch.js';
import { backUp, undoSwitch } from './switch/undo.js';

/** What takes a staged folder to be switched in. */
export interface SwitchOptions {
  place: Pick<LabelPlace, 'label' | 'labelDir' | 'stateDir'>;
  lock: Pick<LabelLock, 'assertHeld'>;
  /** The run's staging folder; `staged.dir` lies in it. Removed at the end, also after a failure, unless the next run needs it. */
  staging: Staging;
  staged: Pick<StagedChannel, 'dir' | 'files' | 'leaving'>;
  /** As `inspectLabelFolder` saw it under the same lock. */
  live: LiveFolder;
  /** How many generations stay complete; 0: nothing of this one is kept but its receipt (design D15). Absent: not kept. */
  keep?: number;
}

export interface PublishOptions extends SwitchOptions {
  staged: StagedChannel;
  /** Own a folder that was made by something else. */
  adopt?: boolean;
  keep: number;
  /** Back to the content of that generation: with the same switch the label is held. */
  rollback?: { to: number; why: string } | undefined;
  /** What the policy said, for the receipt. */
  verdict?: PolicyVerdict | undefined;
  /** For the receipt: `conda 26.7.1`, `repackenv 0.1.0`, and when the run began (ISO 8601, UTC). */
  engine: string;
  tool: string;
  startedAt: string;
}

/** Names passed to `rt.reach` by a publication, in order; phases once per file. */
export const PUBLISH_STEPS: readonly string[] = [
  'publish:generation-staged',
  'publish:prepared',
  'publish:journal-written',
  ...PHASES.slice(0, -1).map((phase) => `publish:${phase}`),
  'publish:pooled',
  `publish:${PHASES.at(-1)}`,
  'publish:switched',
  'publish:generation-named',
  'publish:recorded',
  'publish:journal-removed',
  'publish:done',
];

/**
 * Switches a proven, staged channel into the label folder (design D6, D7). At every instant every index on disk names only files on
 * disk with the stated digest. Nothing that is unchanged is touched; when nothing changed at all, not a byte is written in the label
 * folder, only what says so beside it.
 *
 * An interruption by the signal counts until the journal is written; from then on it only ends the waiting for files that others hold
 * open. When something fails, the folder is brought back as it was, or, where artifacts already leave, is the new one; what can be
 * done neither way the next run's `recoverLabel` does.
 *
 * Throws E_NOT_OURS, E_LOCK (the lock was lost), E_PUBLISH (the folder changed under our hands), E_DISK, E_DISK_FULL.
 */
export async function publish(rt: Runtime, options: PublishOptions): Promise<PublishReceipt> {
  const { staged, live, staging } = options;
  try {
    // Said by the caller already, before it did any work.
    requireOurs({ events: SILENT }, live, { adopt: options.adopt ?? false });
    rt.signal.throwIfAborted();
    await options.lock.assertHeld();
  } catch (error) {
    await staging.discard();
    throw error;
  }
  const files = staged.files.filter((file) => file.change !== 'unchanged').map((file) => fileToPut(file, options));
  const draft = draftReceipt(rt, options, files);
  if (draft.unchanged) return recordUnchanged(rt, options, draft);

  const { rollback } = options;
  const hold = rollback && holdFrom(rt, { generation: draft.generation, why: rollback.why });
  const stageMore = async (): Promise<void> => {
    await recordKeep(rt, options.place.stateDir, options.keep);
    if (options.keep === 0) return;
    await stageGeneration(rt, { stateDir: options.place.stateDir, stagingDir: staging.dir, staged, live });
    await rt.reach('publish:generation-staged');
  };
  await carryOut(rt, options, await prepare(rt, options, { files, receipt: draft, stageMore, hold }));
  await staging.discard();
  await rt.reach('publish:done');
  return finished(rt, draft);
}

/**
 * The same for a channel folder that others made and that stays theirs: no manifest, no receipt. What is staged are its new indexes; none,
 * nor one that stays, may name what is `leaving`. Throws as `publish`.
 */
export async function switchIndexes(rt: Runtime, options: SwitchOptions): Promise<void> {
  const files = options.staged.files.map((file) => fileToPut(file, options));
  await carryOut(rt, options, await prepare(rt, options, { files, receipt: null }));
}

interface Preparation {
  files: readonly FileToPut[];
  receipt: Journal['receipt'];
  /** What else must lie in the staging folder before the journal does. */
  stageMore?: () => Promise<void>;
  hold?: Hold | undefined;
}

/** Everything on disk that the switch needs, the journal last. Until then nothing has happened. */
async function prepare(
  rt: Runtime,
  options: SwitchOptions,
  { files, receipt, stageMore, hold }: Preparation,
): Promise<Journal> {
  const { place, staged, live, staging, keep = 0 } = options;
  try {
    await refuseChangedFolder(rt, live);
    await inParallel(files, 4, (file) => finishStaged(rt, staging.dir, file));
    await stageMore?.();
    const gives = keep > 1 ? givenBytes(live) : new Map<string, string>();
    const reduced = await reduce(rt, options, files);
    const operations = planOperations({ files, reduced, leaving: staged.leaving, gives });
    const journal: Journal = {
      schema: operations.some((operation) => operation.gives !== undefined) ? 2 : 1,
      purpose: 'publish',
      label: place.label,
      run: staging.run,
      operations,
      undo: await backUp(rt, { stagingDir: staging.dir, live, files, leaving: staged.leaving }),
      removeFolder: false,
      receipt,
      ...(hold === undefined ? {} : { hold }),
    };
    await rt.fs.syncDir(staged.dir);
    await rt.fs.syncDir(staging.dir);
    await rt.reach('publish:prepared');
    rt.signal.throwIfAborted();
    await options.lock.assertHeld();
    await writeJournal(rt, place.stateDir, journal);
    await rt.reach('publish:journal-written');
    return journal;
  } catch (error) {
    // What is free is asked before anything is given back.
    const explained = await explainDiskErrorOn(rt, error, {
      doing: 'prepare the switch of the label folder, which is as it was',
      path: staging.dir,
      folder: place.stateDir,
      needed: files.reduce((sum, file) => sum + file.size, 0),
    });
    await removeJournal(rt, place.stateDir, { durable: false }).catch(() => undefined);
    await staging.discard();
    throw explained;
  }
}

async function carryOut(rt: Runtime, options: SwitchOptions, journal: Journal): Promise<void> {
  const { place, staging } = options;
  const { labelDir, stateDir } = place;
  const progress: SwitchProgress = { syncFailed: false, leaving: false, stuck: [] };
  try {
    await whileGiving(rt, { labelDir, stateDir, stagingDir: staging.dir }, journal, async (giving) => {
      const context = { labelDir, stagingDir: staging.dir, signal: rt.signal, giving };
      await runSwitch(rt, context, journal.operations, progress);
    });
    await rt.reach('publish:switched');
  } catch (error) {
    throw await afterFailure(rt, options, journal, progress, error);
  }
  for (const path of progress.stuck) {
    const message = `no index names ${path} any more, but another program holds it open; the next run removes it`;
    emitFindings(rt, [{ code: 'leaving-held', message, subject: join(labelDir, path), exit: false }]);
  }
  try {
    await recordSwitch(rt, { labelDir, stateDir, stagingDir: staging.dir, journal });
  } catch (error) {
    rt.events.emit({
      type: 'warning',
      message: `published, but the receipt could not be written (${textOf(error)}); the next run writes it`,
    });
  }
}

/** Goes back where that is possible, and says in the error what state the label folder is in. */
async function afterFailure(
  rt: Runtime,
  { place, staging }: SwitchOptions,
  journal: Journal,
  progress: SwitchProgress,
  error: unknown,
): Promise<unknown> {
  const { labelDir, stateDir } = place;
  let state = 'The label folder is the new one; the next run removes what should have left.';
  if (!progress.leaving) {
    state = 'The label folder still serves; the next run finishes or undoes the switch.';
    try {
      const durable = !progress.syncFailed;
      if (await undoSwitch(rt, { labelDir, stateDir, stagingDir: staging.dir, journal, durable })) {
        state = 'The label folder is as it was.';
        await staging.discard();
      }
    } catch (undoError) {
      rt.events.emit({ type: 'debug', message: `going back failed: ${textOf(undoError)}` });
    }
  }
  const explained = await explainDiskErrorOn(rt, error, {
    doing: 'switch the label folder',
    path: pathOf(error) ?? labelDir,
    folder: stateDir,
  });
  if (!isRepackError(explained)) return explained;
  return new RepackError(explained.code, {
    what: explained.what,
    where: explained.where,
    hint: explained.hint,
    details: [...explained.details, state],
    cause: explained.cause,
  });
}

async function recordUnchanged(rt: Runtime, options: PublishOptions, draft: DraftReceipt): Promise<PublishReceipt> {
  const receipt = finished(rt, draft);
  try {
    await recordKeep(rt, options.place.stateDir, options.keep);
    await writeLastRun(rt, options.place.stateDir, receipt);
  } catch (error) {
    notWritten(rt)(error);
  }
  await options.staging.discard();
  await rt.reach('publish:done');
  return receipt;
}

function fileToPut(file: StagedFile, { staged, staging, live }: SwitchOptions): FileToPut {
  const below = relative(staging.dir, staged.dir).split(sep).join('/');
  const from = posix.join(below, file.path);
  if (from.startsWith('../')) throw new Error(`staged outside the staging folder: ${from}`);
  const { path, kind, size, sha256, mtimeMs, linked = false } = file;
  return { path, from, kind, size, sha256, mtimeMs, fresh: !live.files.has(path), linked };
}

/** The mode that sites and web servers need, the mtime it keeps for ever (design D7), and on disk before it has a name. */
async function finishStaged(rt: Runtime, stagingDir: string, file: FileToPut): Promise<void> {
  const path = join(stagingDir, file.from);
  const stats = await rt.fs.lstat(path);
  if (!stats.isFile() || stats.size !== file.size || (stats.nlink > 1 && file.linked !== true)) {
    throw new RepackError('E_PUBLISH', {
      what: 'a staged file is not as it was staged',
      where: path,
      hint: 'Another program wrote there. The label folder is as it was; run the same command again.',
    });
  }
  await rt.fs.settle(path, file.mtimeMs);
}

/** Indexes that need a version without the names whose bytes change: those that are live and change themselves. */
async function reduce(
  rt: Runtime,
  { staging, place }: SwitchOptions,
  files: readonly FileToPut[],
): Promise<FileToPut[]> {
  const names = new Set(files.filter((file) => file.kind === 'artifact' && !file.fresh).map((file) => file.path));
  if (names.size === 0) return [];
  const subdirs = new Set([...names].map(subdirOf));
  const indexes = files.filter(({ path, fresh }) => isIndexPath(path) && !fresh && subdirs.has(subdirOf(path)));
  const fns = [...names].map((path) => path.slice(path.indexOf('/') + 1)).join(', ');
  rt.events.emit({
    type: 'warning',
    message: `label ${place.label}: replaced under the same name: ${fns}. Sites that have the old bytes in a cache keep them.`,
  });
  return writeReducedIndexes(rt, { stagingDir: staging.dir, indexes, names });
}

/** The lock keeps our own runs out, nobody else. */
async function refuseChangedFolder(rt: Runtime, live: LiveFolder): Promise<void> {
  await inParallel([...live.files], 8, async ([path, was]) => {
    const now = await rt.fs.lstat(join(live.dir, path)).catch((error: unknown) => {
      if (isMissing(error)) return undefined;
      throw error;
    });
    if (now?.size === was.size && now.mtimeMs === was.mtimeMs) return;
    throw new RepackError('E_PUBLISH', {
      what: 'the label folder was changed by another program while this run was at work',
      where: join(live.dir, path),
      hint: 'Nothing was published. See what else writes there, then run the same command again.',
    });
  });
}

function pathOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).path : undefined;
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
