import { join } from 'node:path';
import { sha256Of } from '../../codec/digests.js';
import { canonicalJson } from '../../base/json.js';
import type { PublishReceipt } from '../../channel/staged.js';
import type { Runtime } from '../../runtime/runtime.js';
import { isMissing } from '../../base/fs-errors.js';
import type { Hold } from '../generations/hold.js';
import type { FileToPut, Operation } from './operations.js';

export const JOURNAL_NAME = 'journal.json';

/** What a switch is about to do, whole, on disk before the first live file is touched. */
export interface Journal {
  /** 2: operations give bytes to the pool, which a version that knows only 1 would lose. */
  schema: 1 | 2;
  /** An `undo` is a switch back to the state before; it is finished like any other and can't be undone itself. */
  purpose: 'publish' | 'undo';
  label: string;
  /** Name of the staging folder that holds what is put. */
  run: string;
  operations: Operation[];
  /** What leads back; null in an undo. */
  undo: UndoPlan | null;
  /** The label folder, made by the switch that this one undoes, goes at the end (if it is empty). */
  removeFolder: boolean;
  /** Written when the switch is complete, with the time it then is; null in an undo. */
  receipt: Omit<PublishReceipt, 'finishedAt'> | null;
  /** Written with the receipt: from then on the label is held. */
  hold?: Hold;
}

export interface UndoPlan {
  /** Copies, below `undo/` in the staging folder, of every file that is put over or removed before the last phase. */
  files: FileToPut[];
  /** Paths that have no file before the switch. */
  added: string[];
  /** The label folder is made by the switch. */
  newFolder: boolean;
}

/** Whole or not there: written aside, fsynced, renamed, the folder fsynced. */
export async function writeJournal(rt: Runtime, stateDir: string, journal: Journal): Promise<void> {
  const body = canonicalJson(journal);
  await rt.fs.writeWhole(join(stateDir, JOURNAL_NAME), `${sha256Of(body)}\n${body}\n`, { mode: 0o600 });
  await rt.fs.syncDir(stateDir);
}

/** `damaged`: the disk lost it although it was synced; nothing can be told from it. `newer`: whole, of a version after this one. */
export async function readJournal(rt: Runtime, stateDir: string): Promise<Journal | 'damaged' | 'newer' | undefined> {
  let text: string;
  try {
    text = await rt.fs.readText(join(stateDir, JOURNAL_NAME));
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  const [digest, body] = text.split('\n');
  if (body === undefined || sha256Of(body) !== digest) return 'damaged';
  const journal = JSON.parse(body) as Journal;
  return [1, 2].includes(journal.schema) ? journal : 'newer';
}

/** `durable: false`: without fsync, for the case that one has just failed. */
export async function removeJournal(rt: Runtime, stateDir: string, { durable = true } = {}): Promise<void> {
  for (const name of [JOURNAL_NAME, `${JOURNAL_NAME}.new`]) {
    try {
      await rt.fs.unlink(join(stateDir, name));
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
  if (durable) await rt.fs.syncDir(stateDir);
}
