import { join } from 'node:path';
import { RepackError } from '../../base/errors.js';
import { explainDiskErrorOn } from '../../base/disk-errors.js';
import { isMissing } from '../../base/fs-errors.js';
import { canonicalJson, isObject, objectIn } from '../../base/json.js';
import type { Runtime } from '../../runtime/runtime.js';
import { lockLabel } from '../lock/lock.js';
import type { LabelPlace } from '../place/root.js';

/** Below the state folder of a label (design D15): which site has what. */
const RECEIVED_NAME = 'received.json';
/** Two that note something wait for each other, and not for a run that is at work on the label. */
const WAIT_MS = 30_000;

/** A site told that it has this. */
export interface Received {
  site: string;
  generation: number;
  /** Of the manifest that lies there, which may be of some platforms only. */
  manifestSha256: string;
  /** ISO 8601, UTC: when it was noted. */
  at: string;
  /** Name of the file that said it. */
  from: string;
}

/** All that sites told, newest last. @throws RepackError E_GENERATION: the notes are damaged. E_DISK */
export async function readReceived(rt: Pick<Runtime, 'fs'>, stateDir: string): Promise<Received[]> {
  const file = join(stateDir, RECEIVED_NAME);
  const text = await rt.fs.readText(file).catch((error: unknown) => {
    if (isMissing(error)) return undefined;
    throw error;
  });
  if (text === undefined) return [];
  const received = objectIn(text)?.['received'];
  if (Array.isArray(received) && received.every(isReceived)) return received;
  throw new RepackError('E_GENERATION', {
    what: 'The notes on which site has what are damaged',
    where: file,
    hint: 'Bring this file back from a backup, or move it away and note what the sites have once more (repackenv received).',
  });
}

/** What each site has, by what it told last; sorted by name. Throws as `readReceived`. */
export async function sitesOf(rt: Pick<Runtime, 'fs'>, stateDir: string): Promise<Received[]> {
  const last = new Map((await readReceived(rt, stateDir)).map((each) => [each.site, each]));
  return [...last.values()].sort((a, b) => (a.site < b.site ? -1 : 1));
}

/** Writes it down behind the others. @throws RepackError E_LOCKED, E_DISK, E_DISK_FULL */
export async function noteReceived(
  rt: Runtime,
  { label, stateDir }: Pick<LabelPlace, 'label' | 'stateDir'>,
  told: Received,
): Promise<void> {
  const path = join(stateDir, RECEIVED_NAME);
  try {
    const folder = join(stateDir, 'received');
    await rt.fs.mkdirp(folder);
    const lock = await lockLabel(rt, { stateDir: folder, label, waitMs: WAIT_MS, command: 'received' });
    try {
      const received = [...(await readReceived(rt, stateDir)), told];
      await rt.fs.writeWhole(path, `${canonicalJson({ schema: 1, received }, 2)}\n`);
      await rt.reach('received:noted');
    } finally {
      await lock.release();
    }
  } catch (error) {
    throw await explainDiskErrorOn(rt, error, { doing: 'note what the site has', path, folder: stateDir });
  }
}

function isReceived(value: unknown): value is Received {
  if (!isObject(value)) return false;
  const { site, generation, manifestSha256, at, from } = value;
  return typeof generation === 'number' && [site, manifestSha256, at, from].every((each) => typeof each === 'string');
}
