import { mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { makeRunFolder, sweepRunFolders } from '../../../../src/jobs/run/run-folder.js';
import { systemClock } from '../../../../src/runtime/clock.js';
import { tempDir } from '../../../helpers/artifacts.js';
import { testRuntime } from '../../../helpers/runtime.js';

const HOUR_S = 3600;
const MARKER = 'repackenv-run.json';

it('I3 what a run left that was killed before its marker was whole goes once nobody can be at it; all else stays', async () => {
  const cacheDir = tempDir();
  const rt = { ...testRuntime(), clock: systemClock() };
  const alive = await makeRunFolder(rt, cacheDir, 'update');
  const runs = join(cacheDir, 'runs');
  const make = (name: string, files: Record<string, string>, ageS: number): void => {
    mkdirSync(join(runs, name));
    for (const [file, text] of Object.entries(files)) writeFileSync(join(runs, name, file), text);
    const then = Date.now() / 1000 - ageS;
    utimesSync(join(runs, name), then, then);
  };
  make('empty', {}, HOUR_S);
  make('half', { [MARKER]: '{"schema":' }, HOUR_S);
  make('beginning', {}, 0);
  make('strange', { 'mine.txt': 'x' }, HOUR_S);
  make('strange-too', { [MARKER]: '', 'mine.txt': 'x' }, HOUR_S);
  await sweepRunFolders(rt, cacheDir);
  expect(readdirSync(runs).sort()).toEqual(
    [alive.slice(runs.length + 1), 'beginning', 'strange', 'strange-too'].sort(),
  );
});
