import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { PublishReceipt } from '../../../../src/channel/staged.js';
import type { Journal } from '../../../../src/delivery/switch/journal.js';
import { recordSwitch } from '../../../../src/delivery/switch/record.js';
import { faultFs } from '../../../helpers/fault-fs.js';
import { journalOf } from '../../../helpers/journals.js';
import { folderOfTest } from '../../../helpers/made-channel.js';
import { testRuntime } from '../../../helpers/runtime.js';

/** Design D14 and D15: no generation without its manifest kept, no rollback without its hold; the journal goes last, so that a kill is made good. */

const RECEIPT: Omit<PublishReceipt, 'finishedAt'> = {
  schema: 1,
  label: 'acme',
  generation: 2,
  manifestSha256: 'ab',
  previous: null,
  startedAt: '2026-01-02T03:00:00.000Z',
  host: 'build-host',
  tool: 'test',
  engine: 'none',
  written: [],
  removed: [],
  bytesWritten: 0,
  bytesToTravel: 0,
  unchanged: false,
};
const HOLD = { schema: 1 as const, generation: 2, since: '2026-01-02T03:00:00.000Z', why: 'bad' };
const STEPS = ['publish:generation-named', 'publish:recorded', 'publish:journal-removed'];

let places: { labelDir: string; stateDir: string; stagingDir: string };
beforeEach(() => {
  const root = folderOfTest();
  const stateDir = join(root, 'state');
  places = { labelDir: join(root, 'acme'), stateDir, stagingDir: join(stateDir, 'staging') };
  for (const dir of [places.labelDir, join(places.stagingDir, 'generation')]) mkdirSync(dir, { recursive: true });
  writeFileSync(join(places.labelDir, 'manifest.json'), 'the new manifest');
  writeFileSync(join(places.stagingDir, 'generation', 'manifest.json'), 'the new manifest');
  for (const name of ['journal.json', 'journal.json.new', 'manifest.json']) writeFileSync(join(stateDir, name), 'old');
});

const journal = (parts: Partial<Journal>): Journal => journalOf({ receipt: RECEIPT, ...parts });

/** Records, and tells in which order things got their names. */
async function record(parts: Partial<Journal>, killAt?: string) {
  const { fs, calls } = faultFs(() => undefined);
  const rt = testRuntime({
    fs,
    reach: (step) => {
      if (step === killAt) throw new Error('killed');
    },
  });
  await recordSwitch(rt, { ...places, journal: journal(parts) }).catch((error: Error) =>
    expect(error.message).toBe('killed'),
  );
  const named = calls
    .filter(({ name }) => name === 'rename' || name === 'unlink')
    .map(({ name, args }) => relative(places.stateDir, String(args[name === 'rename' ? 1 : 0])));
  return { rt, named };
}

const parsed = (path: string): unknown => JSON.parse(readFileSync(join(places.stateDir, path), 'utf8'));
const expectRecorded = (): void => {
  const receipt = { ...RECEIPT, finishedAt: '2026-01-02T03:04:05.000Z' };
  expect(parsed('receipts/1.json')).toEqual(receipt);
  expect(parsed('generations/2/receipt.json')).toEqual(receipt);
  for (const path of ['manifest.json', 'generations/2/manifest.json'])
    expect(readFileSync(join(places.stateDir, path), 'utf8')).toBe('the new manifest');
  expect(readdirSync(places.stateDir).filter((name) => name.startsWith('journal'))).toEqual([]);
  expect(readdirSync(join(places.stateDir, 'receipts'))).toEqual(['1.json']);
};

describe('a switch that is complete', () => {
  it('is recorded: number, copy of the manifest, receipt, and the journal goes last', async () => {
    const { rt, named } = await record({});
    expectRecorded();
    expect(rt.reached).toEqual(STEPS);
    expect(named.filter((path) => !path.includes('staging'))).toEqual([
      'generations/2',
      'manifest.json',
      'receipts/1.json',
      'journal.json',
      'journal.json.new',
    ]);
    expect(existsSync(join(places.stateDir, 'hold.json'))).toBe(false);
  });

  it('of a rollback is held before anything tells of it', async () => {
    const { rt, named } = await record({ hold: HOLD });
    expectRecorded();
    expect(rt.reached).toEqual(['rollback:hold-written', ...STEPS]);
    expect(named[0]).toBe('hold.json');
    expect(parsed('hold.json')).toEqual(HOLD);
  });

  it.each(['rollback:hold-written', ...STEPS])('and was killed at %s: done again it is the same', async (step) => {
    await record({ hold: HOLD }, step);
    await record({ hold: HOLD });
    expectRecorded();
    expect(parsed('hold.json')).toEqual(HOLD);
  });

  it('and was a way back is none: its journal goes, and nothing is written down', async () => {
    const { rt } = await record({ receipt: null, hold: HOLD });
    expect(rt.reached).toEqual(['publish:journal-removed']);
    expect(readdirSync(places.stateDir).sort()).toEqual(['manifest.json', 'staging']);
    expect(readFileSync(join(places.stateDir, 'manifest.json'), 'utf8')).toBe('old');
  });

  it.each<[what: string, removeFolder: boolean, files: string[], stays: boolean]>([
    ['that was made for it goes', true, [], false],
    ['in which somebody has put something stays', true, ['of-others'], true],
    ['that was there before stays', false, [], true],
  ])('the label folder %s', async (_what, removeFolder, files, stays) => {
    places.labelDir = folderOfTest();
    for (const name of files) writeFileSync(join(places.labelDir, name), '');
    const { rt } = await record({ receipt: null, removeFolder });
    expect(existsSync(places.labelDir)).toBe(stays);
    expect(rt.reached).toEqual(['publish:journal-removed']);
  });
});
