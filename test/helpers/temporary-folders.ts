import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The folder of this name becomes what `tmpdir()` says, here and in processes started from here. Gives back what takes it away again. */
export function temporaryFolder(prefix: string): { dir: string; remove(): void } {
  const dir = mkdtempSync(join(tmpdir(), prefix));
  for (const name of ['TMPDIR', 'TMP', 'TEMP']) process.env[name] = dir;
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }) };
}

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
