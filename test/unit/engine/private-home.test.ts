import { mkdirSync, readdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { withPrivateHome } from '../../../src/engine/private-home.js';
import { systemClock } from '../../../src/runtime/clock.js';
import { tempDir } from '../../helpers/artifacts.js';
import { testRuntime } from '../../helpers/runtime.js';

it('J2 G2: what a killed question left in the temporary folder is gone after the next; a young one, and a link, stay', async () => {
  const temp = tempDir();
  const old = new Date(Date.now() - 2 * 3_600_000);
  for (const name of ['repackenv-engine-1-old', 'repackenv-engine-2-young', 'others-old'])
    mkdirSync(join(temp, name, 'home'), { recursive: true });
  writeFileSync(
    join(temp, 'repackenv-engine-1-old/home/.condarc'),
    'channels: [https://conda.example/t/secret-token/x]',
  );
  symlinkSync(join(temp, 'others-old'), join(temp, 'repackenv-engine-3-link'));
  for (const name of ['repackenv-engine-1-old', 'others-old']) utimesSync(join(temp, name), old, old);
  const rt = { ...testRuntime({ machine: { tmpdir: temp } }), clock: systemClock() };
  await withPrivateHome(rt, async () => expect(readdirSync(temp)).not.toContain('repackenv-engine-1-old'));
  expect(readdirSync(temp).sort()).toEqual(['others-old', 'repackenv-engine-2-young', 'repackenv-engine-3-link']);
  expect(readdirSync(join(temp, 'others-old'))).toEqual(['home']);
});
