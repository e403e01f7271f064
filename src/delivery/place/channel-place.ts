import { basename, dirname, join } from 'node:path';
import { RepackError } from '../../base/errors.js';
import type { Runtime } from '../../runtime/runtime.js';
import { codeOf, isMissing } from '../../base/fs-errors.js';
import { readJournal } from '../switch/journal.js';
import { lockHolder } from '../lock/lock-peek.js';
import { POOL_NAME } from '../generations/pool.js';
import { STATE_NAME, type LabelPlace } from './root.js';

/**
 * The place of any channel folder that is there, ours or not: lock, journal and staging lie beside it, as for a label folder, in
 * `<parent>/.repackenv/<name>`. Its name need not be that of a label. Writes nothing: `prepareChannelPlace` makes the state folder.
 *
 * Throws E_NOT_A_CHANNEL (nothing there, no folder), E_ROOT (the root of a file system, a state folder).
 */
export async function findChannelPlace(rt: Runtime, dir: string): Promise<LabelPlace> {
  let real: string;
  try {
    real = await rt.fs.realpath(dir);
    if (!(await rt.fs.stat(real)).isDirectory()) throw notAChannel(dir, 'This is no folder');
  } catch (error) {
    if (!isMissing(error)) throw error;
    throw notAChannel(dir, 'There is no such folder');
  }
  const root = dirname(real);
  if (root === real || real.split(/[\\/]/).includes(STATE_NAME)) {
    throw new RepackError('E_ROOT', {
      what: root === real ? 'This is the root of a file system' : `This lies in a ${STATE_NAME} state folder`,
      where: real,
      hint: 'Give the folder of a channel: the one that holds noarch/.',
    });
  }
  const name = basename(real);
  if (name === POOL_NAME) {
    throw new RepackError('E_ROOT', {
      what: `A folder of the name ${POOL_NAME} can't be worked on: that is where ${STATE_NAME} has the bytes of earlier generations`,
      where: real,
      hint: 'Give the folder another name.',
    });
  }
  return { label: name, root, labelDir: real, stateDir: join(root, STATE_NAME, name), created: false };
}

/** Makes the state folder. Throws E_ROOT where it can't be made. */
export async function prepareChannelPlace(rt: Runtime, { stateDir }: LabelPlace): Promise<void> {
  try {
    await rt.fs.mkdirp(stateDir);
    const stats = await rt.fs.lstat(stateDir);
    if (!stats.isDirectory()) throw new Error('it is no folder');
  } catch (error) {
    throw new RepackError('E_ROOT', {
      what: `The folder for lock and journal can't be made beside the channel (${codeOf(error) ?? 'it is no folder'})`,
      where: stateDir,
      hint: 'Check the rights of this account in the folder above the channel: a repair stages beside it, never in it.',
      cause: error,
    });
  }
}

/** A run that published into this folder broke off: its journal is there and nobody at work on it. */
export async function isInterrupted(rt: Runtime, { stateDir }: Pick<LabelPlace, 'stateDir'>): Promise<boolean> {
  const hasJournal = async () => (await readJournal(rt, stateDir).catch(() => undefined)) !== undefined;
  if (!(await hasJournal()) || (await lockHolder(rt, stateDir)) !== undefined) return false;
  // A run that has finished since took its journal away before it let go of the lock; one that began since holds it.
  return (await hasJournal()) && (await lockHolder(rt, stateDir)) === undefined;
}

function notAChannel(dir: string, what: string): RepackError {
  return new RepackError('E_NOT_A_CHANNEL', { what, where: dir, hint: 'Give the folder of a channel, ROOT/LABEL.' });
}
