import { copyFileSync, mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readPrefixRecords } from '../../src/engine/prefix-records.js';
import type { InstalledRecord } from '../../src/engine/prefix-records.js';
import { nodeFileSystem } from '../../src/runtime/fs.js';
import { tempDir } from './artifacts.js';

/** What real engines printed and left behind, a folder each: `conda-4.3.16`, `mamba-2.0.5`. */
export const RECORDINGS = join(import.meta.dirname, '../fixtures/recordings');

export function recorded(engine: string, file: string): Buffer {
  return readFileSync(join(RECORDINGS, engine, file));
}

/** The records of a prefix made of the recorded conda-meta files. */
export async function recordsOf(engine: string): Promise<InstalledRecord[]> {
  const prefix = tempDir();
  mkdirSync(join(prefix, 'conda-meta'));
  for (const file of readdirSync(join(RECORDINGS, engine))) {
    if (file.startsWith('conda-meta.'))
      copyFileSync(join(RECORDINGS, engine, file), join(prefix, 'conda-meta', file.slice('conda-meta.'.length)));
  }
  return readPrefixRecords(nodeFileSystem(), prefix);
}
