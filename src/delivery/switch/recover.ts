import { join } from 'node:path';
import { explainDiskErrorOn } from '../../base/disk-errors.js';
import { RepackError } from '../../base/errors.js';
import type { Runtime } from '../../runtime/runtime.js';
import { hashFile } from '../hash-file.js';
import { JOURNAL_NAME, readJournal, removeJournal, type Journal } from './journal.js';
import type { Operation } from './operations.js';
import { whileGiving } from './give.js';
import { recordSwitch } from './record.js';
import type { LabelPlace } from '../place/root.js';
import { stagingOf, sweepStaging } from '../stage/staging.js';
import { runSwitch } from './switch.js';
import { undoSwitch } from './undo.js';

export interface Recovery {
  /**
   * - `clean`: no run was interrupted while it published;
   * - `finished`: the interrupted switch was carried to its end: the folder is the new one;
   * - `undone`: brought back: the folder is the old one;
   * - `discarded`: the journal itself was damaged; nothing can be told from it, and `inspectLabelFolder` will see what there is.
   */
  outcome: 'clean' | 'finished' | 'undone' | 'discarded';
  /** Names of left-over staging folders that were removed. */
  swept: string[];
}

/**
 * Finishes or undoes what an interrupted run left (killed, power loss, share gone), and sweeps its staging. To be called with the
 * label locked, before `inspectLabelFolder`. Throws E_RECOVERY where neither way is open, E_DISK when the disk still fails; the
 * journal stays then.
 */
export async function recoverLabel(
  rt: Runtime,
  { place }: { place: Pick<LabelPlace, 'label' | 'labelDir' | 'stateDir'> },
): Promise<Recovery> {
  const { stateDir, labelDir, label } = place;
  try {
    const outcome = await settle(rt, place);
    if (outcome !== 'clean')
      rt.events.emit({ type: 'note', message: `an interrupted run of label ${label} was ${outcome}` });
    return { outcome, swept: await sweepStaging(rt, stateDir, undefined) };
  } catch (error) {
    throw await explainDiskErrorOn(rt, error, {
      doing: `finish what an interrupted run of label ${label} began`,
      path: labelDir,
      folder: stateDir,
    });
  }
}

async function settle(
  rt: Runtime,
  { stateDir, labelDir, label }: Pick<LabelPlace, 'label' | 'labelDir' | 'stateDir'>,
): Promise<Recovery['outcome']> {
  const journal = await readJournal(rt, stateDir);
  if (journal === undefined) {
    // Killed while it was written: nothing has begun.
    await rt.fs.remove(join(stateDir, `${JOURNAL_NAME}.new`));
    return 'clean';
  }
  if (journal === 'damaged') {
    await removeJournal(rt, stateDir);
    return 'discarded';
  }
  if (journal === 'newer') {
    throw new RepackError('E_RECOVERY', {
      what: `a newer version of this program was interrupted while it published label ${label}`,
      where: join(stateDir, JOURNAL_NAME),
      hint: 'Run that version again: it finishes or undoes what it began.',
    });
  }
  const stagingDir = stagingOf(rt, stateDir, journal.run).dir;
  const pending = await pendingOperations(rt, { labelDir, stagingDir, journal });
  if (pending !== undefined) {
    const progress = { syncFailed: false, leaving: false, stuck: [] };
    await whileGiving(rt, { labelDir, stateDir, stagingDir }, journal, async (giving) => {
      await runSwitch(rt, { labelDir, stagingDir, signal: rt.signal, giving }, pending, progress);
      await recordSwitch(rt, { labelDir, stateDir, stagingDir, journal });
    });
    return journal.purpose === 'publish' ? 'finished' : 'undone';
  }
  if (await undoSwitch(rt, { labelDir, stateDir, stagingDir, journal })) return 'undone';
  throw new RepackError('E_RECOVERY', {
    what: `an interrupted publication of label ${label} can neither be finished nor undone: its staged files are gone or damaged`,
    where: join(stateDir, JOURNAL_NAME),
    hint: 'The label folder holds what both channels need, so sites can go on. Remove that journal, then run again with --replace all: the folder is built anew.',
    details: [`staged files: ${stagingDir}`],
  });
}

/**
 * The operations that are still to be done; undefined when going forward would not end in the planned state. A put is done when its
 * staged file is gone, for a rename takes it away; then the live file must be the one that was put.
 */
async function pendingOperations(
  rt: Runtime,
  { labelDir, stagingDir, journal }: { labelDir: string; stagingDir: string; journal: Journal },
): Promise<Operation[] | undefined> {
  const pending: Operation[] = [];
  /** Last put of each path that is done, and paths with a put that is not. */
  const done = new Map<string, string>();
  const open = new Set<string>();
  for (const operation of journal.operations) {
    if (operation.kind === 'remove') {
      pending.push(operation);
      continue;
    }
    const staged = await hashFile(rt, join(stagingDir, operation.from));
    if (staged === undefined) {
      if (open.has(operation.path)) return undefined;
      done.set(operation.path, operation.sha256);
    } else {
      if (staged.sha256 !== operation.sha256) return undefined;
      open.add(operation.path);
      pending.push(operation);
    }
  }
  for (const [path, sha256] of done) {
    if (!open.has(path) && (await hashFile(rt, join(labelDir, path)))?.sha256 !== sha256) return undefined;
  }
  return pending;
}
