import { join } from 'node:path';
import { RepackError } from '../../base/errors.js';
import { isMissing } from '../../base/fs-errors.js';
import { canonicalJson, objectIn } from '../../base/json.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { LabelPlace } from '../place/root.js';

/** In the state folder of a label; absent: it is not held. */
export const HOLD_NAME = 'hold.json';

/** What keeps a label at the generation that it has (design D15), until it is released. */
export interface Hold {
  schema: 1;
  generation: number;
  /** ISO 8601, UTC. */
  since: string;
  why: string;
}

/**
 * Undefined: the label is not held. To be asked with the label locked and recovered by whoever is about to change it.
 *
 * @throws RepackError E_HELD where the file can't be understood: nobody may conclude from that that the label is free.
 */
export async function readHold(
  rt: Pick<Runtime, 'fs'>,
  { label, stateDir }: Pick<LabelPlace, 'label' | 'stateDir'>,
): Promise<Hold | undefined> {
  const path = join(stateDir, HOLD_NAME);
  let text: string;
  try {
    text = await rt.fs.readText(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  const { schema, generation, since, why } = objectIn(text) ?? {};
  if (schema === 1 && typeof generation === 'number' && typeof since === 'string' && typeof why === 'string')
    return { schema, generation, since, why };
  throw new RepackError('E_HELD', {
    what: `Label ${label} is held, by a file that is damaged or of a newer version: nothing was changed`,
    where: path,
    hint: `See what is in it. ${releaseHint}`,
  });
}

export function holdFrom(rt: Pick<Runtime, 'clock'>, { generation, why }: Pick<Hold, 'generation' | 'why'>): Hold {
  return { schema: 1, generation, since: new Date(rt.clock.now()).toISOString(), why };
}

/** Whole or not there, and on disk: what comes next relies on it. To be called with the label locked. */
export async function writeHold(rt: Pick<Runtime, 'fs'>, stateDir: string, hold: Hold): Promise<void> {
  await rt.fs.writeWhole(join(stateDir, HOLD_NAME), `${canonicalJson(hold, 2)}\n`);
  await rt.fs.syncDir(stateDir);
}

/** False: it was not held. To be called with the label locked. */
export async function removeHold(rt: Pick<Runtime, 'fs'>, stateDir: string): Promise<boolean> {
  try {
    await rt.fs.unlink(join(stateDir, HOLD_NAME));
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
  await rt.fs.syncDir(stateDir);
  return true;
}

/** In every report the same words. */
export function heldText({ generation, since, why }: Omit<Hold, 'schema'>): string {
  return `held at generation ${generation} since ${since.slice(0, 10)}: ${why}`;
}

/**
 * For a job that brings one content which somebody has chosen (an environment, a medium, a folder): that it did not go in must not look like
 * success. A job that follows its channels says that the label is held, and ends well.
 *
 * @throws RepackError E_HELD
 */
export async function refuseHeld(
  rt: Pick<Runtime, 'fs'>,
  place: Pick<LabelPlace, 'label' | 'labelDir' | 'stateDir'>,
): Promise<void> {
  const hold = await readHold(rt, place);
  if (hold === undefined) return;
  throw new RepackError('E_HELD', {
    what: `Label ${place.label} is ${heldText(hold)}; nothing was changed`,
    where: place.labelDir,
    hint: releaseHint,
  });
}

const releaseHint = 'To let it change again: repackenv release ROOT/LABEL';
