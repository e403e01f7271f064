import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { namesIn } from './tiny-channel.js';

/**
 * Reads an index and each file it names. Where a file is gone or other than stated, the index is read again: it must have changed
 * meanwhile, for an index that is on disk names only what is there. (Publications follow so fast here that a second one may come
 * while the index is read again; at a site once is enough.) Gives how often it was read again.
 */
export async function readAsClient(dir: string, index: string): Promise<number> {
  let before: Buffer | undefined;
  for (let again = 0; ; again++) {
    const bytes = await readFile(join(dir, index)).catch(() => undefined);
    if (bytes === undefined) return again;
    if (before !== undefined)
      expect(bytes.equals(before), `${index} is the same, and yet names what is not there`).toBe(false);
    let missing = 0;
    for (const { path, sha256 } of await namesIn(dir, index, bytes)) {
      const file = await readFile(path).catch(() => undefined);
      if (file === undefined || createHash('sha256').update(file).digest('hex') !== sha256) missing++;
    }
    if (missing === 0) return again;
    before = bytes;
  }
}
