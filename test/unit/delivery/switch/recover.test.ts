import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { recoverLabel } from '../../../../src/delivery/switch/recover.js';
import { tempDir } from '../../../helpers/artifacts.js';
import { testRuntime } from '../../../helpers/runtime.js';

it('I3 a run killed while it wrote its journal leaves nothing behind', async () => {
  const root = tempDir();
  const place = { label: 'acme', labelDir: join(root, 'acme'), stateDir: join(root, '.repackenv', 'acme') };
  mkdirSync(place.stateDir, { recursive: true });
  writeFileSync(join(place.stateDir, 'journal.json.new'), '{"half"');
  expect(await recoverLabel(testRuntime(), { place })).toEqual({ outcome: 'clean', swept: [] });
  expect(readdirSync(place.stateDir)).toEqual([]);
});
