import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { notePushed, readPushed } from '../../../src/delivery/generations/pushed.js';
import { readReceipts } from '../../../src/delivery/receipts.js';
import { tempDir } from '../../helpers/artifacts.js';
import { testRuntime } from '../../helpers/runtime.js';

const RECEIPT = { generation: 1, manifestSha256: 'x', finishedAt: '2026-01-02', written: [], removed: [] };
const PUSHED = { target: '/site/acme', generation: 1, finishedAt: null };

it.each<[what: string, value: unknown]>([
  ['null', null],
  ['a number', 1],
  ['a text', 'x'],
  ['a list', [RECEIPT]],
  ['nothing in it', {}],
  ['null for the generation', { ...RECEIPT, generation: null }],
  ['null for its files', { ...RECEIPT, written: null }],
])('D6 a receipt that is %s is left out', async (_what, value) => {
  const stateDir = tempDir();
  mkdirSync(join(stateDir, 'receipts'));
  writeFileSync(join(stateDir, 'receipts', '1.json'), JSON.stringify(value));
  writeFileSync(join(stateDir, 'receipts', '2.json'), JSON.stringify(RECEIPT));
  writeFileSync(join(stateDir, 'receipts', '3.json'), '');
  expect(await readReceipts(testRuntime(), stateDir)).toEqual([RECEIPT]);
});

it.each<[what: string, value: unknown]>([
  ['null', null],
  ['a number', 1],
  ['a list', []],
  ['nothing in it', {}],
  ['null for the target', { ...PUSHED, target: null }],
])('D6 a note of a push that is %s is left out, and the next push is noted', async (_what, value) => {
  const stateDir = tempDir();
  writeFileSync(join(stateDir, 'pushed.json'), JSON.stringify({ schema: 1, pushed: [value, PUSHED] }));
  const rt = testRuntime();
  expect(await readPushed(rt, stateDir)).toEqual([PUSHED]);
  const next = { ...PUSHED, target: '/other/acme', finishedAt: 'x' };
  await notePushed(rt, stateDir, next as never);
  expect(await readPushed(rt, stateDir)).toEqual([PUSHED, next]);
});
