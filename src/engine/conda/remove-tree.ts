import { join } from 'node:path';
import type { Runtime } from '../../runtime/runtime.js';

const TRIES = 8;
const FIRST_WAIT_MS = 50;

/**
 * Removes a folder of ours, also where a package brought read-only folders and where, on Windows, a scanner holds a file for a moment.
 * What can't be removed is warned of, never thrown: it must not hide the outcome of the run. Not cut short by an abort.
 */
export async function removeTree(rt: Pick<Runtime, 'fs' | 'clock' | 'events'>, dir: string): Promise<void> {
  let wait = FIRST_WAIT_MS;
  for (let tries = 1; ; tries += 1) {
    try {
      await rt.fs.remove(dir);
      return;
    } catch (error) {
      if (tries === TRIES) {
        rt.events.emit({
          type: 'warning',
          message: `${dir} could not be removed (${reason(error)}); delete it by hand`,
        });
        return;
      }
      await makeWritable(rt, dir);
      await rt.clock.sleep(wait);
      wait *= 2;
    }
  }
}

async function makeWritable(rt: Pick<Runtime, 'fs'>, dir: string): Promise<void> {
  try {
    await rt.fs.chmod(dir, 0o700);
    for (const entry of await rt.fs.readdir(dir)) {
      // Links are not followed: what they point to is not ours.
      if (entry.isDirectory()) await makeWritable(rt, join(dir, entry.name));
    }
  } catch {
    // The next try at removing says what is wrong.
  }
}

function reason(error: unknown): string {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return code ?? (error instanceof Error ? error.message : String(error));
}
