import { join } from 'node:path';
import { isMissing } from '../../base/fs-errors.js';
import { largest } from '../../base/largest.js';
import type { Runtime } from '../../runtime/runtime.js';
import { OWNER_NAME, readOwner, type LockOwner } from './lock-owner.js';

/** What an owner file is called in a claim that was given back. */
export const RELEASED_NAME = 'released.json';

export interface LockClaim {
  /** 0: there is none. */
  number: number;
  free: boolean;
  owner: LockOwner | undefined;
  heartbeatMs: number;
}

/** The claim that counts. */
export async function topClaim(rt: Runtime, dir: string): Promise<LockClaim> {
  for (;;) {
    const number = largest(await claimNumbers(rt, dir));
    if (number === 0) return { number, free: true, owner: undefined, heartbeatMs: 0 };
    const folder = join(dir, String(number));
    const found = await readOwner(rt, folder);
    if (found !== undefined) return { number, free: false, ...found };
    try {
      const names = new Set((await rt.fs.readdir(folder)).map((entry) => entry.name));
      if (names.has(RELEASED_NAME)) return { number, free: true, owner: undefined, heartbeatMs: 0 };
      if (names.has(OWNER_NAME)) continue;
      return { number, free: false, owner: undefined, heartbeatMs: (await rt.fs.stat(folder)).mtimeMs };
    } catch (error) {
      // Removed by the run that holds a higher number: look again.
      if (!isMissing(error)) throw error;
    }
  }
}

/** Of a folder that is not there, none. */
export async function claimNumbers(rt: Runtime, dir: string): Promise<number[]> {
  const entries = await rt.fs.readdir(dir).catch((error: unknown) => {
    if (isMissing(error)) return [];
    throw error;
  });
  return entries
    .filter((entry) => entry.isDirectory() && /^[1-9]\d{0,14}$/.test(entry.name))
    .map((entry) => Number(entry.name));
}
