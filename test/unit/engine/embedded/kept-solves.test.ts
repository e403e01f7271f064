import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { sha256Of } from '../../../../src/codec/digests.js';
import { parseMatchSpec } from '../../../../src/conda/spec/match-spec.js';
import { keptSolves, solvedBefore } from '../../../../src/engine/embedded/kept-solves.js';
import type { SolverTask } from '../../../../src/engine/embedded/protocol.js';
import type { EmbeddedSolver, SolverAnswer } from '../../../../src/engine/embedded/solver.js';
import { nodeFileSystem } from '../../../../src/runtime/fs.js';
import { testRuntime } from '../../../helpers/runtime.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'repackenv-solves-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const ASKED = {
  specs: [parseMatchSpec('app')],
  channels: [{ url: 'https://example.org/c', name: 'c', authenticated: false, role: 'base' as const }],
  subdir: 'linux-64',
};
const encode = (text: string) => new TextEncoder().encode(text);
const task = (more: Partial<SolverTask> = {}): SolverTask => ({
  specs: ['app'],
  virtualPackages: [{ name: '__glibc', version: '2.17', build: '0' }],
  target: encode('{"packages":{}}'),
  noarch: encode('{}'),
  ...more,
});

/** Answers each time in another way; as the real one, it takes the documents away. */
function counting(failure?: string): EmbeddedSolver & { asked: number } {
  const solver = {
    asked: 0,
    async solve({ target, noarch }: SolverTask): Promise<SolverAnswer> {
      structuredClone([target, noarch], { transfer: [target.buffer, noarch.buffer] });
      solver.asked += 1;
      return failure === undefined ? { picks: [{ noarch: false, fn: `app-${solver.asked}-0.conda` }] } : { failure };
    },
    close: async () => {},
  };
  return solver;
}

const FIRST = { picks: [{ noarch: false, fn: 'app-1-0.conda' }] };

it('a solve of the same is not done again, also by another process', async () => {
  const solver = counting();
  expect(await solvedBefore(testRuntime(), dir, [ASKED])).toBe(false);
  expect(await keptSolves(testRuntime(), dir, ASKED, solver).solve(task())).toEqual(FIRST);
  expect(await keptSolves(testRuntime(), dir, ASKED, solver).solve(task())).toEqual(FIRST);
  expect(solver.asked).toBe(1);
  expect(await solvedBefore(testRuntime(), dir, [ASKED])).toBe(true);
  expect(await solvedBefore(testRuntime(), dir, [ASKED, { ...ASKED, subdir: 'win-64' }])).toBe(false);
});

it.each<[string, Partial<SolverTask>]>([
  ['other specs', { specs: ['app', 'lib'] }],
  ['another machine', { virtualPackages: [{ name: '__glibc', version: '2.28', build: '0' }] }],
  ['other records', { target: encode('{"packages":{"x":1}}') }],
  ['other noarch records', { noarch: encode('{"x":1}') }],
  ['the same bytes, divided in another way', { target: encode('{"packages":{}}{'), noarch: encode('}') }],
])('a solve with %s is another', async (_what, more) => {
  const solver = counting();
  await keptSolves(testRuntime(), dir, ASKED, solver).solve(task());
  await keptSolves(testRuntime(), dir, ASKED, solver).solve(task(more));
  expect(solver.asked).toBe(2);
});

it('what has no solution is asked again', async () => {
  const solver = counting('no');
  for (const _ of [1, 2])
    expect(await keptSolves(testRuntime(), dir, ASKED, solver).solve(task())).toEqual({ failure: 'no' });
  expect(solver.asked).toBe(2);
  expect(readdirSync(dir)).toEqual([]);
});

it.each<[string, (text: string) => string]>([
  ['cut', (text) => text.slice(0, -1)],
  ['empty', () => ''],
  ['of one line', () => 'x'],
  ['with another file', (text) => text.replace('app-1', 'app-9')],
  ['with another digest', (text) => text.replace(/^./, (digit) => (digit === '0' ? '1' : '0'))],
  ['of another solve', () => `${sha256Of('{"task":"x","picks":[]}')}\n{"task":"x","picks":[]}`],
])('a kept one that is %s counts for nothing, and is written anew', async (_what, damage) => {
  const solver = counting();
  await keptSolves(testRuntime(), dir, ASKED, solver).solve(task());
  const file = join(dir, readdirSync(dir)[0]!);
  writeFileSync(file, damage(readFileSync(file, 'utf8')));
  const second = { picks: [{ noarch: false, fn: 'app-2-0.conda' }] };
  expect(await keptSolves(testRuntime(), dir, ASKED, solver).solve(task())).toEqual(second);
  expect(await keptSolves(testRuntime(), dir, ASKED, solver).solve(task())).toEqual(second);
  expect(solver.asked).toBe(2);
});

it('a disk that refuses costs the memory of it, not the solve', async () => {
  const refuse = async (): Promise<never> => Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' }));
  const rt = testRuntime({ fs: { ...nodeFileSystem(), writeFile: refuse } });
  expect(await keptSolves(rt, dir, ASKED, counting()).solve(task())).toEqual(FIRST);
  expect(rt.collected.filter(({ type }) => type === 'debug')).toHaveLength(1);
  expect(readdirSync(dir)).toEqual([]);
});
