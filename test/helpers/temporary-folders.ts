import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** As this process found it: in one that runs tests, the folder of the whole run. What all files of a process share lies there. */
export const FOLDER_OF_THE_RUN = tmpdir();

/** The folder of this name becomes what `tmpdir()` says, here and in processes started from here, until it is removed. */
export function temporaryFolder(prefix: string): { dir: string; remove(): void } {
  const dir = mkdtempSync(join(FOLDER_OF_THE_RUN, prefix));
  for (const name of NAMES) process.env[name] = dir;
  const remove = (): void => {
    for (const [name, value] of FOUND) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    rmSync(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  };
  return { dir, remove };
}

const NAMES = ['TMPDIR', 'TMP', 'TEMP'];
const FOUND = NAMES.map((name) => [name, process.env[name]] as const);

const MOST_LATE = 2;

function filesIn(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).length;
}

/** Once for the whole run: one folder for all test files, each of which makes its own in it (`own-temporary-folder.ts`). */
export function setup(): () => void {
  const { dir, remove } = temporaryFolder('repackenv-suite-');
  return () => {
    // What a killed program still wrote while its folder went is none of the test file's.
    const left = readdirSync(dir).filter((name) => name.startsWith('file-') && filesIn(join(dir, name)) > MOST_LATE);
    remove();
    if (left.length > 0) throw new Error(`test files left their temporary folders behind: ${left.join(' ')}`);
  };
}
