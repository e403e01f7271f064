// @module-tag long
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { verify } from '../../src/jobs/verify.js';
import { systemClock } from '../../src/runtime/clock.js';
import { attempts, noteTried, SEED } from '../helpers/attack.js';
import { changingUpstream, LAST_CHANGE, type ChangingUpstream } from '../helpers/changing-upstream.js';
import { expectGenerations } from '../helpers/generations.js';
import { openWorkplace, startOurs, type Workplace } from '../helpers/programs.js';
import { expectNothingLeft } from '../helpers/refusals.js';
import { testRuntime } from '../helpers/runtime.js';
import { breaches, digests } from '../helpers/tiny-channel.js';

const COUNT = attempts({ smoke: 10, ci: 10, long: 1000 });
const LABELS = ['halkbank', 'bank-2'];

let work: Workplace;
let upstream: ChangingUpstream;

beforeAll(async () => {
  work = await openWorkplace();
  upstream = changingUpstream(work, LABELS);
  await upstream.change(1);
  mkdirSync(work.root);
  const file = `labels:\n${LABELS.map((label) => `  ${label}: { packages: [app], subdirs: [linux-64] }\n`).join('')}`;
  writeFileSync(join(work.root, 'repackenv.yml'), file);
  const all = ['update', '--all', '--root', work.root, ...upstream.options, '--engine', 'embedded'];
  const ran = await work.run('repackenv', all);
  expect(ran.exitCode, ran.stderr).toBe(0);
});
afterAll(() => work.close());

/** Mulberry32: the same kills for the same seed, as far as a machine is alike. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

it(
  `I3 killed ${COUNT} times at random moments: no torn folder, no lost generation, and the next run ends well`,
  async (context) => {
    noteTried(context, COUNT);
    const random = randomFrom(SEED);
    const oneOf = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)]!;
    /** How long each job took when it was let go. */
    const took: Record<string, number> = {};
    const kills: Record<string, number> = {};
    const common = [...upstream.options, '--engine', 'embedded', '--replace', 'all'];
    const all = ['update', '--all', '--root', work.root, ...common];
    const kept = new Map<string, string[]>();
    const site = join(work.dir, 'site');
    for (let done = 0, round = 0; done < COUNT; round += 1) {
      const label = oneOf(LABELS);
      const labelDir = join(work.root, label);
      const generations = kept.get(label) ?? [];
      const job = oneOf(['update', 'update', 'rollback', 'clean', 'push', 'all']);
      if (job !== 'clean') {
        await upstream.change(1 + Math.floor(random() * LAST_CHANGE));
        if (random() < 0.7) rmSync(join(work.root, '.repackenv', label, 'hold.json'), { force: true });
      }
      const args = {
        update: ['update', label, '--root', work.root, ...common],
        rollback: ['rollback', labelDir, '--to', generations.at(-2) ?? '1', ...upstream.options],
        clean: ['clean', '--root', work.root, '--cache-dir', work.cache],
        push: ['push', labelDir, site],
        all,
      }[job]!;
      const program = startOurs('repackenv', args, { home: work.home, env: { TMPDIR: work.tmp } });
      const began = performance.now();
      const limit = took[job] === undefined ? Infinity : took[job] * (0.1 + 0.85 * random());
      if (limit !== Infinity) {
        await Promise.race([delay(limit), program.ended]);
        program.child.kill('SIGKILL');
      }
      const ended = await program.ended;
      const where = `round ${round}: ${job} ${label}, ${ended.signal ?? ended.exitCode} after ${Math.round(limit)} ms\n${ended.stderr}`;
      if (ended.signal === 'SIGKILL') {
        done += 1;
        kills[job] = (kills[job] ?? 0) + 1;
      } else {
        // A rollback may be to what is live already, or to what is not complete any more.
        expect(job === 'rollback' ? [0, 2, 4] : [0], where).toContain(ended.exitCode);
        took[job] = performance.now() - began;
      }
      for (const each of LABELS) {
        expect(await breaches(join(work.root, each)), where).toEqual([]);
        expect(await breaches(join(site, each)), where).toEqual([]);
        const now = await expectGenerations(work.root, where, each, { complete: 3 });
        expect(now, where).toEqual(expect.arrayContaining(kept.get(each) ?? []));
      }

      const next = await work.run('repackenv', all);
      expect(next.exitCode, `${where}\n${next.stdout}${next.stderr}`).toBe(0);
      for (const each of job === 'all' ? LABELS : [label]) {
        const { findings } = await verify(
          { ...testRuntime(), clock: systemClock() },
          { dir: join(work.root, each), allowedSigners: undefined },
        );
        expect(
          findings.filter(({ exit }) => exit),
          where,
        ).toEqual([]);
        const now = await expectGenerations(work.root, where, each, { complete: 3 });
        expect(now, where).toEqual(expect.arrayContaining(kept.get(each) ?? []));
        kept.set(
          each,
          now.sort((a, b) => Number(a) - Number(b)),
        );
      }
      expectNothingLeft(work);
      if (job !== 'push') continue;
      const pushed = await work.run('repackenv', ['push', labelDir, site]);
      expect(pushed.exitCode, `${where}\n${pushed.stderr}`).toBe(0);
      expect(await digests(join(site, label)), where).toEqual(await digests(labelDir));
    }
    console.log(
      `killed: ${JSON.stringify(kills)}; generations: ${LABELS.map((each) => kept.get(each)?.length).join(', ')}`,
    );
  },
  Math.max(120_000, COUNT * 12_000),
);
