import { afterAll } from 'vitest';
import { temporaryFolder } from './temporary-folders.js';

/** Before each test file: what it makes in the temporary folder goes with it, also where it fails. */
const { remove } = temporaryFolder('file-');
afterAll(remove);
