import type { RepackError } from '../base/errors.js';
import type { Runtime } from '../runtime/runtime.js';

const MOST_BYTES = 1 << 20;

/**
 * A small text file that holds a token, logins, passwords: without the mark that Windows editors put before it. `warning`: other accounts can
 * read it. Throws what `refuse` makes, of a file that is not there, too large, or no UTF-8.
 */
export async function readSecretFile(
  { fs, machine }: Pick<Runtime, 'fs' | 'machine'>,
  file: string,
  { mostBytes = MOST_BYTES, refuse }: { mostBytes?: number; refuse: (cause: unknown) => RepackError },
): Promise<{ text: string; warning: string | undefined }> {
  try {
    const { size, mode } = await fs.stat(file);
    if (size > mostBytes) throw new Error(`${size} bytes`);
    const text = new TextDecoder('utf-8', { fatal: true }).decode(await fs.readFile(file));
    const open = machine.platform !== 'win32' && (mode & 0o077) !== 0;
    return { text, warning: open ? `other accounts of this machine can read ${file}: chmod 600 it` : undefined };
  } catch (cause) {
    throw refuse(cause);
  }
}
