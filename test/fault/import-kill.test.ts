import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { changesBetween, snapshot } from '../../scripts/lib/snapshot.js';
import { inParallel } from '../../src/base/parallel.js';
import { PUBLISH_STEPS } from '../../src/delivery/publish.js';
import { publishSamples, samplePackage } from '../helpers/label-folders.js';
import { makeDeltaFolder, makeMedium } from '../helpers/media.js';
import { runOurs, type Ran } from '../helpers/programs.js';
import { OF_KEEPING, stepsOfSources } from '../helpers/kill-points.js';
import { testRuntime } from '../helpers/runtime.js';
import { breaches } from '../helpers/tiny-channel.js';

const SLOW = 600_000;

/** In the order in which an import reaches them. */
const STEPS = [
  'import:checked',
  'update:locked',
  'update:inspected',
  'import:file-staged',
  'import:staged',
  'import:proven',
  ...PUBLISH_STEPS.filter((step) => !OF_KEEPING.includes(step)),
  'import:published',
  'import:handed-over',
  'import:receipt-written',
];
/** What the first import into an empty ROOT has no reason to do. */
const OF_CHANGES = ['reduced-index-in', 'old-index-out', 'replaced-in', 'stale-index-out', 'leaving-out'].map(
  (phase) => `publish:${phase}`,
);

let work: string;
/** Generations of the label: the second replaces a package under its name, drops a subdir, a package and an index format. */
let first: string;
let second: string;
let media: { full: string; delta: string; unpacked: string };

beforeAll(async () => {
  work = mkdtempSync(join(tmpdir(), 'repackenv-import-kill-'));
  const linux = { subdir: 'linux-64' };
  const a = await samplePackage('a', '1.0', linux);
  const rebuilt = await samplePackage('a', '1.0', { ...linux, files: { 'share/a': 'rebuilt' } });
  const rest = [await samplePackage('b', '1.0', linux), await samplePackage('n', '1.0')];
  const root = join(work, 'vendor');
  const rt = testRuntime();
  const gone = [await samplePackage('w', '1.0', { subdir: 'win-64' }), await samplePackage('c', '1.0', linux)];
  const live = await publishSamples(rt, { root, packages: [a, ...rest, ...gone], bz2: true });
  first = join(work, 'g1', 'acme');
  cpSync(live, first, { recursive: true, preserveTimestamps: true });
  rt.clock.advance(10_000);
  await publishSamples(rt, { root, packages: [rebuilt, ...rest, await samplePackage('d', '1.0', linux)] });
  second = join(work, 'g2', 'acme');
  cpSync(live, second, { recursive: true, preserveTimestamps: true });
  const since = readFileSync(join(first, 'manifest.json'));
  media = {
    full: (await makeMedium({ channel: first, out: join(work, 'full'), parts: 2 })).dir,
    delta: (await makeMedium({ channel: second, out: join(work, 'delta'), since })).dir,
    unpacked: makeDeltaFolder({ channel: second, out: join(work, 'unpacked'), since, name: 'acme-g1-to-g2' }),
  };
}, SLOW);
afterAll(() => rmSync(work, { recursive: true, force: true }));

interface Task {
  /** Arguments of the program; `ROOT` stands for the site's. */
  args: string[];
  before: string | undefined;
  after: string;
  medium: string;
}

it('I3 the steps that are killed at are all that import and merge have', () => {
  const found = stepsOfSources().filter((step) => step.startsWith('import:'));
  expect(found).toEqual(STEPS.filter((step) => step.startsWith('import:')).sort());
});

describe('G9 killed while it works, and begun again', () => {
  it(
    'a first import, at each step',
    async () => {
      const task = {
        args: ['import', media.full, '--root', 'ROOT'],
        before: undefined,
        after: first,
        medium: media.full,
      };
      expect(await killAtEachStep(task)).toEqual(OF_CHANGES);
    },
    SLOW,
  );

  it(
    'an import of a delta, at each step',
    async () => {
      const task = {
        args: ['import', media.delta, '--root', 'ROOT'],
        before: first,
        after: second,
        medium: media.delta,
      };
      expect(await killAtEachStep(task)).toEqual([]);
    },
    SLOW,
  );

  it(
    'a merge of an unpacked delta, at each step',
    async () => {
      const args = ['merge', media.unpacked, join('ROOT', 'acme')];
      const task = { args, before: first, after: second, medium: media.unpacked };
      expect(await killAtEachStep(task)).toEqual([]);
    },
    SLOW,
  );
});

/** Gives the steps at which the run did not come by. */
async function killAtEachStep(task: Task): Promise<string[]> {
  return (await inParallel(STEPS, 2, async (step) => ((await killAt(step, task)) ? [] : [step]))).flat();
}

async function killAt(step: string, { args, before, after, medium }: Task): Promise<boolean> {
  const dir = mkdtempSync(join(work, 'site-'));
  const root = join(dir, 'root');
  const folder = join(root, 'acme');
  if (before !== undefined) cpSync(before, folder, { recursive: true, preserveTimestamps: true });
  const untouched = snapshot(medium);
  const run = (env: Record<string, string> = {}): Promise<Ran> =>
    runOurs(
      'repackenv',
      args.map((arg) => arg.replace('ROOT', root)),
      { home: join(dir, 'home'), env: { TMPDIR: dir, ...env } },
    );

  const old = snapshot(folder);
  const killed = await run({ REPACKENV_TEST_KILL_AT: step });
  if (killed.signal !== 'SIGKILL') {
    expect(killed.exitCode, `${step}: ${killed.stderr}`).toBe(0);
    return false;
  }
  // Whatever a client reads now can be installed from.
  expect(await breaches(folder), step).toEqual([]);
  if (STEPS.indexOf(step) <= STEPS.indexOf('publish:journal-written'))
    expect(changesBetween(old, snapshot(folder)), step).toEqual([]);

  const again = await run();
  expect(again.exitCode, `${step}: ${again.stderr}`).toBe(0);
  expect(digests(folder), step).toEqual(digests(after));
  const state = join(root, '.repackenv', 'acme');
  expect(readdirSync(join(state, 'staging')), step).toEqual([]);
  expect(
    readdirSync(state).filter((name) => name.startsWith('journal')),
    step,
  ).toEqual([]);
  expect(readdirSync(join(state, 'site-receipts')), step).toHaveLength(1);
  expect(changesBetween(untouched, snapshot(medium)), step).toEqual([]);

  const once = snapshot(folder);
  const third = await run();
  expect(third.stdout, step).toContain('nothing to do');
  expect(changesBetween(once, snapshot(folder)), step).toEqual([]);
  rmSync(dir, { recursive: true });
  return true;
}

function digests(dir: string): Record<string, string> {
  return Object.fromEntries([...snapshot(dir)].map(([path, { sha256 }]) => [path, sha256]));
}
