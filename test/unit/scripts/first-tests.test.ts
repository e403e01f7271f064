import { readFileSync } from 'node:fs';
import { sep } from 'node:path';
import { expect, it } from 'vitest';
import { slowFiles } from '../../helpers/slow-files.js';

/** `// @module-tag long`: none of its tests runs in a plain `npm test`. */
const long = (file: string): boolean => readFileSync(file, 'utf8').startsWith('// @module-tag long\n');

it.each(['contract', 'e2e', 'fault', 'oracle'])(
  'a plain npm test runs something of each slow file of %s, but few',
  (folder) => {
    const files = slowFiles().filter((file) => file.split(sep).includes(folder));
    expect(files.length).toBeGreaterThan(2);
    expect(files.filter(long).length).toBeLessThan(files.length / 2);
  },
);
