import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { makeLargeChannel } from '../../scripts/lib/large-channel.js';
import type { RepodataIndex, RepodataSource } from '../../src/conda/record/repodata-index.js';
import { scanRepodata } from '../../src/conda/record/repodata-scan.js';
import { parseDependency } from '../../src/conda/spec/dependency.js';
import { gatherCandidates } from '../../src/engine/embedded/candidates.js';
import type { SolverTask } from '../../src/engine/embedded/protocol.js';
import { openEmbeddedSolver } from '../../src/engine/embedded/solver.js';
import { solverView } from '../../src/engine/embedded/solver-view.js';
import { describeWithLayers, layerPath } from '../helpers/layers.js';
import { chan, rec, requestOf, sourceOf, testRuntime } from '../unit/engine/embedded/sources.js';
import type { Ask, TestRecord } from '../unit/engine/embedded/sources.js';

/** rattler shown the first choices alone must pick what it picks among all candidates: random requests, the same each time. */
const solver = openEmbeddedSolver(testRuntime());
afterAll(() => solver.close());

/** Fails where the two differ, and where fewer than `least` were told without a search. */
async function holdsFor<Case>(
  cases: fc.Arbitrary<Case>,
  { runs, least, asked }: { runs: number; least: number; asked: (one: Case) => { ask: Ask; source: RepodataSource } },
): Promise<void> {
  let told = 0;
  await fc.assert(
    fc.asyncProperty(cases, async (one) => {
      const { ask, source } = asked(one);
      const request = requestOf({ ...ask, virtual: VIRTUAL });
      const view = solverView(request, await gatherCandidates(request, source));
      if (view.short === undefined) return;
      expect(await picks(view.short)).toEqual(await picks(view.whole()));
      told += 1;
    }),
    { numRuns: runs, seed: 1 },
  );
  expect(told).toBeGreaterThanOrEqual(least);
}

async function picks(task: SolverTask): Promise<string[] | string> {
  const answer = await solver.solve(task);
  return 'failure' in answer ? answer.failure : answer.picks.map(({ noarch, fn }) => `${noarch} ${fn}`).sort();
}

const VIRTUAL = [
  { name: '__glibc', version: '2.28', build: '0' },
  { name: '__unix', version: '0', build: '0' },
];
const NAMES = ['a', 'b', 'c', 'd', 'e', 'python', 'pip'];
const PRIORITY = fc.constantFrom('flexible' as const, 'strict' as const, 'disabled' as const);

/** Everything that decides an order or a match, in few names, so that it meets. */
function anyChannels() {
  const version = fc.constantFrom('1', '1.0', '1.1', '1.10', '2', '2.0rc1', '3');
  const seldom = fc.oneof({ weight: 5, arbitrary: fc.constant(false) }, fc.constant(true));
  const spec = fc.constantFrom(...NAMES, ...NAMES, '__glibc', '__cuda').chain((name) =>
    fc.oneof(
      fc.constant(name),
      fc.tuple(fc.constantFrom('>=', '<', '='), version).map(([operator, each]) => `${name} ${operator}${each}`),
      version.map((each) => `${name} * h${each}_*`),
      fc.nat(2).map((number) => `${name}[build_number=${number}]`),
    ),
  );
  const record = fc
    .record({
      id: fc.tuple(fc.constantFrom(...NAMES), version, fc.constantFrom('x', 'y', 'z'), fc.nat(1)),
      depends: fc.array(spec, { maxLength: 3 }),
      constrains: fc.array(spec, { maxLength: 1 }),
      noarch: seldom,
      features: seldom,
      bz2: seldom,
      timestamp: fc.constantFrom(undefined, 1_600_000_000_000, 1_700_000_000, 1_700_000_000_001),
    })
    .map(({ id: [name, number, variant, build_number], noarch, features, bz2, timestamp, ...more }) =>
      rec(`${name} ${number} h${number}_${variant}_${build_number}`, {
        ...more,
        build_number,
        ...(noarch ? { subdir: 'noarch', noarch: 'generic' } : {}),
        ...(features ? { track_features: 'f' } : {}),
        ...(timestamp === undefined ? {} : { timestamp }),
        format: bz2 ? 'tar.bz2' : 'conda',
      }),
    );
  return fc.record({
    top: fc.array(record, { maxLength: 25 }),
    low: fc.array(record, { maxLength: 25 }),
    specs: fc.uniqueArray(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 2 }),
    priority: PRIORITY,
  });
}

/** Up to three packages of an index, of any version or of one that it has. What the index lacks is in a channel below. */
async function holdsForRequests(index: RepodataIndex, size: { runs: number; least: number }): Promise<void> {
  const real = chan('real', []);
  const below = chan('below', whatIsNotIn(index));
  const made = sourceOf([below]);
  const source: RepodataSource = {
    repodata: async (channel, subdir) => {
      if (channel !== real.channel) return made.repodata(channel, subdir);
      return subdir === 'linux-64' ? index : undefined;
    },
  };
  const spec = fc
    .tuple(fc.constantFrom(...index.packageNames()), fc.constantFrom('', '', '=', '<='), fc.nat())
    .map(([name, operator, at]) => {
      const files = index.filenames(name);
      return operator === '' ? name : `${name}${operator}${index.record(files[at % files.length]!)!.version}`;
    });
  const cases = fc.record({ specs: fc.uniqueArray(spec, { minLength: 1, maxLength: 3 }), priority: PRIORITY });
  await holdsFor(cases, { ...size, asked: (one) => ({ ask: { ...one, channels: [real, below] }, source }) });
}

/** Of each version that is taken as exact or as the least, in the build asked for. */
function whatIsNotIn(index: RepodataIndex): TestRecord[] {
  const own = new Set(index.packageNames());
  const wanted = new Set<string>();
  for (const fn of index.allFilenames()) {
    for (const text of index.record(fn)!.depends) {
      const { spec } = parseDependency(text);
      if (spec === undefined || own.has(spec.name) || spec.name.startsWith('__')) continue;
      const least = /^(?:>=|==|=)?([0-9][0-9a-z.]*[0-9a-z])/.exec(spec.version ?? '')?.[1] ?? '1.0';
      wanted.add(`${spec.name} ${least} ${(spec.build ?? '0').replaceAll('*', '0')}`);
    }
  }
  return [...wanted].map((text) => rec(text));
}

describe('first choices, beside a search among all', () => {
  it('of a channel as the benchmark has it', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'first-choices-'));
    await makeLargeChannel(dir, { names: 150, versions: 5 });
    const index = scanRepodata(readFileSync(join(dir, 'linux-64', 'repodata.json')), dir);
    await holdsForRequests(index, { runs: 10, least: 8 });
  });

  it('of channels with anything in them', { tags: ['long'] }, async () => {
    await holdsFor(anyChannels(), {
      runs: 1500,
      least: 150,
      asked: ({ top, low, ...one }) => {
        const channels = [chan('top', top), chan('low', low)];
        return { ask: { ...one, channels }, source: sourceOf(channels) };
      },
    });
  });
});

describeWithLayers(['real-indexes'], 'first choices of real indexes, beside a search among all', () => {
  it.each([
    { name: 'r-linux-64', least: 10 },
    { name: 'pytorch-linux-64', least: 40 },
  ])('$name', { tags: ['long'] }, async ({ name, least }) => {
    const path = join(layerPath('real-indexes'), `${name}.json`);
    await holdsForRequests(scanRepodata(readFileSync(path), path), { runs: 200, least });
  });
});
