import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { sweepStaging } from '../../../../src/delivery/stage/staging.js';
import { tempDir } from '../../../helpers/artifacts.js';
import { testRuntime } from '../../../helpers/runtime.js';

it.each([
  ['nothing in it', {}, true],
  ['a marker that was not written any more', { 'owner.json': '' }, true],
  ['such a marker and something else', { 'owner.json': '', mine: 'x' }, false],
  ['a marker that is none of ours', { 'owner.json': '{}' }, false],
])('I3 a staging folder with %s is swept only where it holds nothing', async (_, files, isSwept) => {
  const stateDir = tempDir();
  mkdirSync(join(stateDir, 'staging', 'run'), { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(stateDir, 'staging', 'run', name), text);
  expect(await sweepStaging(testRuntime(), stateDir, undefined)).toEqual(isSwept ? ['run'] : []);
  expect(readdirSync(join(stateDir, 'staging'))).toEqual(isSwept ? [] : ['run']);
});
