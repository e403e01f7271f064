import { basename } from 'node:path';
import { afterAll, expect } from 'vitest';
import { temporaryFolder } from './temporary-folders.js';

/** Before each test file: what it makes in the temporary folder goes with it, also where it fails. */
const { remove } = temporaryFolder(`file-${basename(expect.getState().testPath ?? '').replace('.test.ts', '')}-`);
afterAll(remove);
