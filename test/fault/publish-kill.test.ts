import { cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PUBLISH_STEPS } from '../../src/delivery/publish.js';
import { compileForChildren } from '../helpers/compiled.js';
import { startChild } from '../helpers/publish-child.js';
import { testRuntime, fakeClock } from '../helpers/runtime.js';
import { expectGenerations } from '../helpers/generations.js';
import { breaches, digests, exists, publishTiny, type TinySet } from '../helpers/tiny-channel.js';

const FIRST: TinySet = {
  'linux-64/a-1-0.conda': 'a one',
  'linux-64/b-1-0.tar.bz2': 'b one',
  'noarch/n-1-0.conda': 'n one',
  'win-64/w-1-0.conda': 'w',
};
/** Adds, removes, replaces under the same name, and gives up a subdir and an index format. */
const SECOND: TinySet = {
  'linux-64/a-1-0.conda': 'a rebuilt',
  'linux-64/b-2-0.tar.bz2': 'b two',
  'noarch/n-2-0.conda': 'n two',
};

let work: string;
let compiled: string;
let prepared: string;
let steps: string[];
let old: Record<string, string>;
let fresh: Record<string, string>;

beforeAll(async () => {
  compiled = await compileForChildren('publish-kill');
  work = await mkdtemp(join(tmpdir(), 'repackenv-kill-'));
  prepared = join(work, 'prepared');
  await publishTiny(testRuntime(), { root: prepared, packages: FIRST, bz2: true });
  old = await digests(join(prepared, 'acme'));

  const whole = join(work, 'whole');
  await cp(prepared, whole, { recursive: true, preserveTimestamps: true });
  const child = await startChild(compiled, { root: whole, sets: [SECOND], listSteps: true }).ended;
  expect(child.lines.at(-1)).toBe('DONE');
  steps = child.lines.filter((line) => line.startsWith('publish:'));
  fresh = await digests(join(whole, 'acme'));
});
afterAll(async () => {
  await rm(work, { recursive: true, force: true });
  await rm(compiled, { recursive: true, force: true });
});

describe('I3 SIGKILL', () => {
  it('the steps that are killed at are all there are', () => {
    expect(new Set(steps)).toEqual(new Set(PUBLISH_STEPS));
    expect(steps.length).toBeGreaterThan(20);
  });

  it('at every step: the folder serves, the next run recovers it by itself and ends as if nothing had been', async () => {
    const outcomes = new Map<string, Set<string>>();
    for (const [index, step] of steps.entries()) {
      const where = `${index} ${step}`;
      const root = join(work, `at-${index}`);
      await cp(prepared, root, { recursive: true, preserveTimestamps: true });
      const killed = await startChild(compiled, { root, sets: [SECOND], killAt: index }).ended;
      expect(killed.signal, where).toBe('SIGKILL');
      expect(await breaches(join(root, 'acme')), where).toEqual([]);
      await expectGenerations(root, where);

      // A run that wants the old set again must see either the old or the new folder, whole.
      const rt = testRuntime();
      const { recovery, live } = await publishTiny(rt, { root, packages: SECOND, replace: 'all' });
      const seen = Object.fromEntries([...live.files].map(([path, file]) => [path, file.sha256.slice(0, 16)]));
      expect([old, fresh], where).toContainEqual(seen);
      outcomes.set(step, (outcomes.get(step) ?? new Set()).add(recovery.outcome));
      expect(await digests(join(root, 'acme')), where).toEqual(fresh);
      expect(await readdir(join(root, '.repackenv', 'acme', 'staging')), where).toEqual([]);
      expect(await exists(join(root, '.repackenv', 'acme', 'journal.json')), where).toBe(false);
      expect(await expectGenerations(root, where), where).toEqual(['1', '2']);
      await rm(root, { recursive: true });
    }
    expect(outcomes.get('publish:prepared')).toEqual(new Set(['clean']));
    expect(outcomes.get('publish:journal-written')).toEqual(new Set(['finished']));
    expect(outcomes.get('publish:leaving-out')).toEqual(new Set(['finished']));
    expect(outcomes.get('publish:journal-removed')).toEqual(new Set(['clean']));
  }, 480_000);

  it('at a step of the very first publication', async () => {
    for (const index of [1, 4, 9]) {
      const root = join(work, `first-${index}`);
      const killed = await startChild(compiled, { root, sets: [SECOND], killAt: index }).ended;
      expect(killed.signal).toBe('SIGKILL');
      expect(await breaches(join(root, 'acme'))).toEqual([]);
      await publishTiny(testRuntime(), { root, packages: SECOND });
      // Generation 1 of the same set: all but the manifest and the sums, which have its digest, is as in `fresh`.
      const { 'manifest.json': _first, SHA256SUMS: _sums, ...rest } = await digests(join(root, 'acme'));
      const { 'manifest.json': _second, SHA256SUMS: _others, ...expected } = fresh;
      expect(rest).toEqual(expected);
      await rm(root, { recursive: true });
    }
  }, 240_000);

  it('at random moments of a run that publishes on and on', async () => {
    const root = join(work, 'random');
    const sets = Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? SECOND : FIRST));
    for (let round = 0; round < 5; round++) {
      await startChild(compiled, { root, sets, killAfterMs: 350 + 83 * round }).ended;
      expect(await breaches(join(root, 'acme')), `round ${round}`).toEqual([]);
      await expectGenerations(root, `round ${round}`);
    }
    await publishTiny(testRuntime({ clock: fakeClock(Date.now()) }), { root, packages: SECOND, replace: 'all' });
    const { 'manifest.json': _random, SHA256SUMS: _sums, ...rest } = await digests(join(root, 'acme'));
    const { 'manifest.json': _once, SHA256SUMS: _others, ...expected } = fresh;
    expect(rest).toEqual(expected);
    expect(await readdir(join(root, '.repackenv', 'acme', 'staging'))).toEqual([]);
  }, 240_000);

  it('during recovery: the run after that recovers', async () => {
    const at = steps.indexOf('publish:index-in');
    for (let second = 0; second < 4; second++) {
      const root = join(work, `twice-${second}`);
      await cp(prepared, root, { recursive: true, preserveTimestamps: true });
      await startChild(compiled, { root, sets: [SECOND], killAt: at }).ended;
      const again = await startChild(compiled, { root, sets: [SECOND], killAt: second }).ended;
      expect(again.signal).toBe('SIGKILL');
      expect(await breaches(join(root, 'acme'))).toEqual([]);
      await publishTiny(testRuntime(), { root, packages: SECOND, replace: 'all' });
      expect(await digests(join(root, 'acme'))).toEqual(fresh);
    }
  }, 240_000);
});
