import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The folder of this name becomes what `tmpdir()` says, here and in processes started from here. Gives back what takes it away again. */
export function temporaryFolder(prefix: string): { dir: string; remove(): void } {
  const dir = mkdtempSync(join(tmpdir(), prefix));
  for (const name of ['TMPDIR', 'TMP', 'TEMP']) process.env[name] = dir;
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }) };
}

/** Once for the whole run: one folder for all test files, each of which makes its own in it (`own-temporary-folder.ts`). */
export function setup(): () => void {
  const { dir, remove } = temporaryFolder('repackenv-suite-');
  return () => {
    const left = readdirSync(dir).filter((name) => name.startsWith('file-'));
    remove();
    if (left.length > 0) throw new Error(`test files left their temporary folders behind: ${left.join(' ')}`);
  };
}
