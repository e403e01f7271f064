import { digestsOfFile, type Digests } from '../codec/digests.js';
import type { Runtime } from '../runtime/runtime.js';
import { isMissing } from '../base/fs-errors.js';

/** Digests of a file, or undefined where there is none. */
export async function hashFile(rt: Pick<Runtime, 'fs'>, path: string): Promise<Digests | undefined> {
  let handle;
  try {
    handle = await rt.fs.open(path, 'r');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  try {
    return await digestsOfFile(handle);
  } finally {
    await handle.close();
  }
}
