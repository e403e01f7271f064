import { join } from 'node:path';
import { RepackError } from '../../base/errors.js';
import { isMissing } from '../../base/fs-errors.js';
import { isObject, objectIn } from '../../base/json.js';
import type { Runtime } from '../../runtime/runtime.js';

/** Below the state folder of a label (design D15): which site has what. */
const RECEIVED_NAME = 'received.json';

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

function isReceived(value: unknown): value is Received {
  if (!isObject(value)) return false;
  const { site, generation, manifestSha256, at, from } = value;
  return typeof generation === 'number' && [site, manifestSha256, at, from].every((each) => typeof each === 'string');
}
