import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256Of } from '../../src/codec/digests.js';
import { poolDir, pooledFiles } from '../../src/delivery/generations/pool.js';
import { prunePool } from '../../src/delivery/generations/prune.js';
import { compileForChildren } from '../helpers/compiled.js';
import { expectGenerations } from '../helpers/generations.js';
import { startChild } from '../helpers/publish-child.js';
import { testRuntime } from '../helpers/runtime.js';
import { breaches, publishTiny, type TinySet } from '../helpers/tiny-channel.js';

const version = (n: number): TinySet => ({ 'linux-64/a-1-0.conda': `a ${n}`, [`noarch/n-${n}-0.conda`]: `n ${n}` });
const digestsOf = (...versions: number[]): string[] =>
  versions.flatMap((n) => Object.values(version(n)).map(sha256Of)).sort();

let work: string;
let compiled: string;
beforeAll(async () => {
  compiled = await compileForChildren('pool-kill');
  work = await mkdtemp(join(tmpdir(), 'repackenv-pool-kill-'));
});
afterAll(async () => {
  await rm(work, { recursive: true, force: true });
  await rm(compiled, { recursive: true, force: true });
});

const pooled = async (root: string): Promise<string[]> =>
  (await pooledFiles(testRuntime(), root)).map(({ sha256 }) => sha256).sort();

describe('I3 the pool of earlier generations', () => {
  it("a prune killed at 'prune:taken': nothing is lost that counts, and the next one ends it", async () => {
    for (let killAt = 0; killAt < 4; killAt++) {
      const root = join(work, `prune-${killAt}`);
      for (const n of [1, 2, 3, 4, 5]) await publishTiny(testRuntime(), { root, packages: version(n), replace: 'all' });
      const killed = await startChild(compiled, { root, prune: true, sets: [], killAt }).ended;
      expect(killed.signal).toBe('SIGKILL');
      expect(await pooled(root)).toEqual(expect.arrayContaining(digestsOf(3, 4)));
      expect(await pooled(root)).toHaveLength(8 - killAt - 1);
      expect((await prunePool(testRuntime(), root, { dryRun: false })).skipped).toBeUndefined();
      expect(await pooled(root)).toEqual(digestsOf(3, 4));
      await publishTiny(testRuntime(), { root, packages: version(6), replace: 'all' });
      expect(await pooled(root)).toEqual(digestsOf(3, 4, 5));
    }
  }, 120_000);

  it('a publication beside one prune after another: no byte of a complete generation is ever missing', async () => {
    const root = join(work, 'beside');
    await publishTiny(testRuntime(), { root, packages: version(1), replace: 'all' });
    const sets = Array.from({ length: 12 }, (_, i) => version(2 + (i % 4)));
    const publishing = startChild(compiled, { root, sets });
    const pruning = startChild(compiled, { root, prune: true, sets: [], times: 60 });
    const [published, pruned] = await Promise.all([publishing.ended, pruning.ended]);
    expect([published.lines.at(-1), pruned.lines.at(-1)]).toEqual(['DONE', 'DONE']);
    expect(await breaches(join(root, 'acme'))).toEqual([]);
    await prunePool(testRuntime(), root, { dryRun: false });
    // The last three of thirteen: 2 + (9, 10, 11) % 4.
    await expectGenerations(root, 'after', 'acme', { complete: 3 });
    expect(await readdir(join(poolDir(root), 'users')).catch(() => [])).toEqual([]);
  }, 120_000);

  it('killed at random moments while two labels give and prunes take: the next plain runs end well', async () => {
    const root = join(work, 'random');
    for (let round = 0; round < 6; round++) {
      const sets = Array.from({ length: 20 }, (_, i) => version(1 + ((i + round) % 4)));
      const killAfterMs = 400 + 90 * round;
      await Promise.all([
        startChild(compiled, { root, sets, killAfterMs }).ended,
        startChild(compiled, { root, sets, label: 'other', killAfterMs: killAfterMs + 50 }).ended,
        startChild(compiled, { root, prune: true, sets: [], times: 1000, killAfterMs }).ended,
      ]);
      for (const label of ['acme', 'other']) {
        await publishTiny(testRuntime(), { root, label, packages: version(1 + round), replace: 'all' });
        await expectGenerations(root, `round ${round}`, label, { complete: 3 });
        expect(await readdir(join(root, '.repackenv', label, 'staging'))).toEqual([]);
      }
      expect((await prunePool(testRuntime(), root, { dryRun: false })).skipped).toBeUndefined();
      expect(await readdir(join(poolDir(root), 'users')).catch(() => [])).toEqual([]);
      for (const label of ['acme', 'other'])
        await expectGenerations(root, `pruned in round ${round}`, label, { complete: 3 });
    }
  }, 240_000);
});

const mayMount = process.platform === 'linux' && process.getuid?.() === 0;

it.runIf(mayMount)('a subdir that is a mount of its own: bytes are copied to the pool', async (context) => {
  const root = join(work, 'mounted');
  const subdir = join(root, 'acme/noarch');
  await mkdir(subdir, { recursive: true });
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', subdir]).status !== 0) return context.skip();
  try {
    for (const n of [1, 2, 3]) await publishTiny(testRuntime(), { root, packages: version(n), replace: 'all' });
    expect(await breaches(join(root, 'acme'))).toEqual([]);
    expect(await pooled(root)).toEqual(digestsOf(1, 2));
    expect(await expectGenerations(root, 'mounted')).toEqual(['1', '2', '3']);
    expect(await readdir(subdir)).not.toContain('n-1-0.conda');
  } finally {
    spawnSync('umount', [subdir]);
  }
});
