import path from 'node:path';
import type { Machine } from '../runtime/runtime.js';

/** A path as a file of the user names it, absolute: `~` is the user's home, any other counts from `folder`, the file's. */
export function pathInFile({ homedir }: Pick<Machine, 'homedir'>, folder: string, written: string): string {
  return /^~(?=$|[\\/])/.test(written) ? path.join(homedir, written.slice(1)) : path.resolve(folder, written);
}
