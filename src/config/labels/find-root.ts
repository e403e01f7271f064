import path from 'node:path';
import type { Runtime } from '../../runtime/runtime.js';
import { CONFIG_NAME } from '../resolve-settings.js';

export interface FoundRoot {
  root: string;
  /** How it was found, where nobody typed it. */
  said: string | undefined;
}

/**
 * ROOT: as typed, else REPACKENV_ROOT, else the nearest folder at or above the working directory whose `repackenv.yml` has `labels:`.
 * Undefined where there is none.
 */
export async function findRoot(
  { fs, env, machine }: Pick<Runtime, 'fs' | 'env' | 'machine'>,
  typed: string | undefined,
): Promise<FoundRoot | undefined> {
  if (typed !== undefined) return { root: typed, said: undefined };
  const variable = env['REPACKENV_ROOT'];
  if (variable) return { root: path.resolve(machine.cwd, variable), said: 'from REPACKENV_ROOT' };
  for (let folder = machine.cwd; ; folder = path.dirname(folder)) {
    // Only looked for: a file that is wrong is told by those who read it.
    const text = await fs.readText(path.join(folder, CONFIG_NAME)).catch(() => '');
    if (/^["']?labels["']?\s*:/m.test(text)) return { root: folder, said: `by the labels in its ${CONFIG_NAME}` };
    if (path.dirname(folder) === folder) return undefined;
  }
}
