import { readdirSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { slowFiles } from '../../helpers/slow-files.js';

/** None of its tests runs in a plain `npm test`. In two pieces, or this file would be such a one. */
const TAG = ['// @module', 'tag long\n'].join('-');
const long = (file: string): boolean => readFileSync(file, 'utf8').startsWith(TAG);

it.each(['contract', 'e2e', 'fault', 'oracle'])(
  'a plain npm test runs something of each slow file of %s, but few',
  (folder) => {
    const files = slowFiles().filter((file) => file.split(sep).includes(folder));
    expect(files.length).toBeGreaterThan(2);
    expect(files.filter(long).length).toBeLessThan(files.length / 2);
  },
);

it('what test files share registers no hook and keeps no folder of one of them: it is loaded once for many', () => {
  const test = fileURLToPath(new URL('../..', import.meta.url));
  const shared = readdirSync(test, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.ts') && !/\.test\.ts$|own-temporary-folder|temporary-folders/.test(name),
  );
  expect(shared.length).toBeGreaterThan(50);
  const once = /^(?:(?:before|after)(?:All|Each)\(|(?:export )?(?:const|let) .*(?:mkdtemp|tmpdir\())/m;
  expect(shared.filter((name) => once.test(readFileSync(join(test, name), 'utf8')))).toEqual([]);
});
