import { writeFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { compileForChildren } from '../helpers/compiled.js';
import { startChild } from '../helpers/publish-child.js';
import { breaches, exists, digests } from '../helpers/tiny-channel.js';

let compiled: string;
let dir: string;
beforeAll(async () => {
  compiled = await compileForChildren('publish-lock');
});
afterAll(() => rm(compiled, { recursive: true, force: true }));
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'repackenv-locks-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

describe('two real processes', () => {
  it('I1 ten runs at once: one works, nine end with 6 and do nothing', async () => {
    const holdUntil = join(dir, 'enough');
    let ended = 0;
    const children = Array.from({ length: 10 }, () => startChild(compiled, { lock: dir, waitMs: 0, holdUntil }));
    const results = await Promise.all(
      children.map(async (child) => {
        const result = await child.ended;
        if (++ended === 9) await writeFile(holdUntil, '');
        return result;
      }),
    );
    const held = results.filter((result) => result.lines.includes('HELD'));
    expect(held).toHaveLength(1);
    expect(held[0]!.lines.at(-1)).toBe('FREE');
    for (const result of results.filter((other) => other !== held[0])) {
      expect(result.code).toBe(6);
      expect(result.lines).toEqual([expect.stringMatching(/^ERROR E_LOCKED .*pid \d+ on build-host/)]);
    }
  }, 240_000);

  it('I1 ten runs that wait: one after the other, never two at once', async () => {
    const holdUntil = join(dir, 'one waits');
    const watch = (line: string): void => {
      if (line === 'WAITING') writeFileSync(holdUntil, '');
    };
    const task = { lock: dir, waitMs: 100_000, holdUntil, holdMs: 60, alone: join(dir, 'alone') };
    const children = Array.from({ length: 10 }, () => startChild(compiled, task, watch));
    const results = await Promise.all(children.map((child) => child.ended));
    expect(results.map(({ code, lines }) => [code, lines.at(-1)])).toEqual(
      Array.from({ length: 10 }, () => [0, 'FREE']),
    );
  }, 240_000);

  it.runIf(process.platform === 'linux')(
    'I4 the lock of a killed run is followed at once, by one of several that wait',
    async () => {
      let hold!: () => void;
      const holding = new Promise<void>((resolve) => (hold = resolve));
      const first = startChild(compiled, { lock: dir, waitMs: 0, holdMs: 60_000 }, (line) =>
        line === 'HELD' ? hold() : undefined,
      );
      await holding;
      let waiting = 0;
      const watch = (line: string): void => {
        if (line === 'WAITING' && ++waiting === 4) first.kill();
      };
      const task = { lock: dir, waitMs: 50_000, holdMs: 50, alone: join(dir, 'alone') };
      const results = await Promise.all(Array.from({ length: 4 }, () => startChild(compiled, task, watch).ended));
      expect(results.map(({ code, lines }) => [code, lines.at(-1)])).toEqual(
        Array.from({ length: 4 }, () => [0, 'FREE']),
      );
      expect(results.filter((result) => result.lines.includes('NOTE'))).toHaveLength(1);
    },
    90_000,
  );

  it('I1 two publications of one label in the same second: the folder is one of the two, whole', async () => {
    const sets = [{ 'noarch/a-1-0.conda': 'one' }, { 'noarch/b-1-0.conda': 'two' }];
    const results = await Promise.all(sets.map((set) => startChild(compiled, { root: dir, sets: [set] }).ended));
    expect(results.map((result) => result.code).every((code) => code === 0 || code === 6)).toBe(true);
    expect(results.some((result) => result.code === 0)).toBe(true);
    expect(await breaches(join(dir, 'acme'))).toEqual([]);
    const packages = Object.keys(await digests(join(dir, 'acme'))).filter((path) => path.endsWith('.conda'));
    expect(packages).toHaveLength(1);
    expect(await exists(join(dir, '.repackenv', 'acme', 'journal.json'))).toBe(false);
  }, 240_000);
});
