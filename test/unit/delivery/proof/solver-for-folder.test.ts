import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { MANIFEST_NAME } from '../../../../src/channel/manifest/manifest.js';
import { solverForFolder } from '../../../../src/delivery/proof/solve-alone.js';
import { testRuntime } from '../../../helpers/runtime.js';

const dir = mkdtempSync(join(tmpdir(), 'repackenv-solver-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

it('starts a thread only where there is a manifest to be solved', async () => {
  let started = 0;
  const handle = { post() {}, onMessage() {}, onError() {}, onExit() {}, terminate: async () => {} };
  const rt = testRuntime({ workers: { start: () => ((started += 1), handle) } });
  for (const folder of [join(dir, 'none'), dir]) await (await solverForFolder(rt, folder)).close();
  expect(started).toBe(0);
  writeFileSync(join(dir, MANIFEST_NAME), '{}');
  await (await solverForFolder(rt, dir)).close();
  expect(started).toBe(1);
});
