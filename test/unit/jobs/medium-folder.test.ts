import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { sweepWorkPlaces } from '../../../src/jobs/medium-folder.js';
import { faultFs } from '../../helpers/fault-fs.js';
import { testRuntime } from '../../helpers/runtime.js';

it.each([
  ['as its owner is asked for', 'readText'],
  ['as one looks into it', 'readdir'],
  ['as its age is asked for', 'lstat'],
] as const)('the folder of another export that ends meanwhile is passed over: gone %s', async (_when, call) => {
  const out = mkdtempSync(join(tmpdir(), 'medium-'));
  const [ending, left] = ['a', 'b'].map((name) => join(out, `.repackenv-export-${name}`)) as [string, string];
  for (const folder of [ending, left]) {
    mkdirSync(folder);
    utimesSync(folder, 1, 1);
  }
  const { fs } = faultFs(({ name, args }) => {
    if (name === call && String(args[0]).startsWith(ending)) rmSync(ending, { recursive: true, force: true });
    return undefined;
  });
  await sweepWorkPlaces(testRuntime({ fs }), { path: out, exists: true, volume: out });
  expect([existsSync(ending), existsSync(left)]).toEqual([false, false]);
});
