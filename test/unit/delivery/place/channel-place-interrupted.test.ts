import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { isInterrupted } from '../../../../src/delivery/place/channel-place.js';
import { JOURNAL_NAME } from '../../../../src/delivery/switch/journal.js';
import { testRuntime } from '../../../helpers/runtime.js';

it('I9 a run that ends while it is asked for was not broken off', async () => {
  const stateDir = mkdtempSync(join(tmpdir(), 'repackenv-place-'));
  onTestFinished(() => rmSync(stateDir, { recursive: true, force: true }));
  mkdirSync(join(stateDir, 'lock'));
  const journal = join(stateDir, JOURNAL_NAME);
  writeFileSync(journal, 'what a run at work has written');
  const rt = testRuntime();
  expect(await isInterrupted(rt, { stateDir })).toBe(true);
  // It finishes between the look at its journal and the one at its lock.
  const readdir: typeof rt.fs.readdir = async (path) => {
    rmSync(journal, { force: true });
    return rt.fs.readdir(path);
  };
  expect(await isInterrupted({ ...rt, fs: { ...rt.fs, readdir } }, { stateDir })).toBe(false);
});
