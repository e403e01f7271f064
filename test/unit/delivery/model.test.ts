import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { fakeClock, testRuntime } from '../../helpers/runtime.js';
import { breaches, exists, indexedNames, publishTiny, type TinySet } from '../../helpers/tiny-channel.js';

const PATHS = [
  'noarch/a-1-0.conda',
  'noarch/b-1-0.tar.bz2',
  'linux-64/a-1-0.conda',
  'linux-64/c-2-0.conda',
  'win-64/w-1-0.conda',
];

const packages = fc
  .array(fc.tuple(fc.constantFrom(...PATHS), fc.constantFrom('one', 'two', 'three')), { maxLength: 5 })
  .map((pairs): TinySet => Object.fromEntries(pairs));
/** Wanted set, index format, and after how many calls on disk the run is cut off (none: it is not). */
const step = fc.record({ packages, bz2: fc.boolean(), cutAt: fc.option(fc.nat({ max: 60 }), { freq: 2 }) });

it('I3 F9 after any sequence of publications, cut off anywhere, the folder holds exactly what the last whole one wanted', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 5 }), async (steps) => {
      const root = await mkdtemp(join((await exists('/dev/shm')) ? '/dev/shm' : tmpdir(), 'repackenv-model-'));
      const labelDir = join(root, 'acme');
      const clock = fakeClock();
      try {
        let pid = 2 ** 22;
        for (const { packages: wanted, bz2, cutAt } of [...steps, { ...steps.at(-1)!, cutAt: null }]) {
          clock.advance(3_600_000);
          let reached = 0;
          const rt = testRuntime({
            clock,
            machine: { pid: ++pid, randomId: () => `${pid}` },
            reach: () => {
              // What a cut leaves to the program is no better than what a kill leaves: it goes back, or the next run does.
              if (cutAt !== null && reached++ === cutAt) throw new Error('cut');
            },
          });
          const outcome = await publishTiny(rt, { root, packages: wanted, bz2, replace: 'all' }).catch(
            (error: unknown) => error,
          );
          if (outcome instanceof Error) expect(outcome.message).toBe('cut');
          expect(await breaches(labelDir)).toEqual([]);
          if (outcome instanceof Error) continue;
          const named = new Set((await indexedNames(labelDir)).map(({ path }) => path.slice(labelDir.length + 1)));
          expect([...named].sort()).toEqual(Object.keys(wanted).sort());
          for (const subdir of new Set([...named].map((path) => path.split('/')[0]!))) {
            const files = await readdir(join(labelDir, subdir));
            expect(files.filter((file) => !file.startsWith('repodata.json')).sort()).toEqual(
              Object.keys(wanted)
                .filter((path) => path.startsWith(`${subdir}/`))
                .map((path) => path.slice(subdir.length + 1))
                .sort(),
            );
          }
          expect((await stat(join(labelDir, 'manifest.json'))).isFile()).toBe(true);
        }
      } finally {
        await rm(root, { recursive: true, force: true });
      }
    }),
    { numRuns: 25 },
  );
}, 120_000);
