import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { indexesOf, namesIn } from './tiny-channel.js';

export interface SiteReading {
  /** How often every index was read. */
  rounds: number;
  /** Distinct contents of indexes that were met. */
  contents: number;
  /** `index names file`, where the file was missing although the index was still the same. */
  broken: string[];
}

/**
 * Reads all indexes of a channel folder again and again while `work` goes on, as a client would: an index, then the files it names. A
 * missing file counts when the index, read once more, has not changed meanwhile.
 */
export async function readWhile(dir: string, work: Promise<unknown>): Promise<SiteReading> {
  const broken = new Set<string>();
  const contents = new Set<string>();
  let rounds = 0;
  const state = { working: true };
  const done = work.finally(() => (state.working = false));
  for (let last = false; !last; rounds += 1) {
    // Once more when all is done: what was brought last is met too.
    last = !state.working;
    for (const index of await indexesOf(dir)) {
      const bytes = read(join(dir, index));
      if (bytes === undefined) continue;
      contents.add(`${index} ${bytes.toString('base64')}`);
      for (const { path, fn } of await namesIn(dir, index, bytes)) {
        if (!existsSync(path) && read(join(dir, index))?.equals(bytes) === true) broken.add(`${index} names ${fn}`);
      }
    }
  }
  await done;
  return { rounds, contents: contents.size, broken: [...broken].sort() };
}

function read(path: string): Buffer | undefined {
  return existsSync(path) ? readFileSync(path) : undefined;
}
