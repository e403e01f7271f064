import { cpSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { inParallel } from '../../src/base/parallel.js';
import { contentOf } from '../../src/channel/manifest/make-manifest.js';
import type { Manifest } from '../../src/channel/manifest/manifest.js';
import { PUBLISH_STEPS } from '../../src/delivery/publish.js';
import { changingUpstream } from '../helpers/changing-upstream.js';
import { expectGenerations } from '../helpers/generations.js';
import { openWorkplace, type Ran, type Workplace } from '../helpers/programs.js';
import { expectNothingLeft } from '../helpers/refusals.js';
import { breaches } from '../helpers/tiny-channel.js';

/** In the order in which a rollback reaches them. */
const STEPS = [
  'update:locked',
  'update:inspected',
  'rollback:pool-shared',
  'update:acquired',
  'channel:staged',
  'update:staged',
  'update:proven',
  ...PUBLISH_STEPS.flatMap((step) => (step === 'publish:generation-named' ? ['rollback:hold-written', step] : [step])),
  'update:published',
  'update:handed-over',
  'rollback:held',
];
/** This one gives up no form of an index. */
const UNREACHED = ['publish:old-index-out', 'publish:stale-index-out'];

let work: Workplace;
const was = new Map<number, Manifest>();
const manifestIn = (labelDir: string): Manifest =>
  JSON.parse(readFileSync(join(labelDir, 'manifest.json'), 'utf8')) as Manifest;

beforeAll(async () => {
  work = await openWorkplace();
  const upstream = changingUpstream(work);
  for (const [at, number] of [3, 4].entries()) {
    await upstream.change(number);
    const ran = await upstream.update();
    expect(ran.exitCode, ran.stderr).toBe(0);
    was.set(at + 1, manifestIn(work.labelDir));
  }
});
afterAll(() => work.close());

/** The same machine in another place, over the same upstream. */
async function copied(): Promise<{
  copy: Workplace;
  rollback(env?: Record<string, string>): Promise<Ran>;
  night(): Promise<Ran>;
}> {
  const copy = await openWorkplace({ upstream: work.upstream });
  for (const place of ['root', 'cache'] as const)
    cpSync(work[place], copy[place], { recursive: true, preserveTimestamps: true });
  const options = ['--base-url', join(work.dir, 'server'), '--owner', 'acme', '--cache-dir', copy.cache];
  const night = ['update', '--label', 'halkbank', '--root', copy.root, ...options];
  return {
    copy,
    rollback: (env = {}) => copy.run('repackenv', ['rollback', copy.labelDir, '--to', '1', ...options], { env }),
    night: () => copy.run('repackenv', [...night, '--engine', 'embedded', '--replace', 'all', 'app']),
  };
}

it(
  'I3 a rollback killed at each step: the night after finds the label as it was, or rolled back and held',
  { tags: ['long'], timeout: 600_000 },
  async () => {
    const unreached = await inParallel(STEPS, 2, async (step) => {
      const { copy, rollback, night } = await copied();
      const { root } = copy;
      try {
        const killed = await rollback({ REPACKENV_TEST_KILL_AT: step });
        if (killed.signal !== 'SIGKILL') {
          expect(killed.exitCode, killed.stderr).toBe(0);
          return [step];
        }
        expect(await breaches(copy.labelDir), step).toEqual([]);
        const kept = await expectGenerations(root, step, 'halkbank');
        expect(kept.slice(0, 2), step).toEqual(['1', '2']);

        const next = await night();
        expect(next.exitCode, `${step}: ${next.stderr}`).toBe(0);
        const held = existsSync(join(root, '.repackenv', 'halkbank', 'hold.json'));
        const back = STEPS.indexOf(step) >= STEPS.indexOf('publish:journal-written');
        expect([held, next.stdout.includes('held at generation 3')], step).toEqual([back, back]);
        expect(contentOf(manifestIn(copy.labelDir)), step).toBe(contentOf(was.get(back ? 1 : 2)!));

        const again = await rollback();
        expect(again.exitCode, `${step}: ${again.stderr}`).toBe(0);
        expect(manifestIn(copy.labelDir), step).toMatchObject({ generation: 3 });
        expect(contentOf(manifestIn(copy.labelDir)), step).toBe(contentOf(was.get(1)!));
        expect((await copy.verify()).exitCode, step).toBe(0);
        expect(await expectGenerations(root, step, 'halkbank'), step).toEqual(['1', '2', '3']);
        expectNothingLeft(copy);
        return [];
      } finally {
        await copy.close();
      }
    });
    expect(unreached.flat()).toEqual(UNREACHED);
  },
);

it('I3 hold and release killed when it is written: they hold', async () => {
  const { copy, night } = await copied();
  const kill = (step: string) => ({ env: { REPACKENV_TEST_KILL_AT: step } });
  try {
    const held = await copy.run('repackenv', ['hold', copy.labelDir, '--why', 'audit'], kill('hold:written'));
    expect(held.signal).toBe('SIGKILL');
    expect((await night()).stdout).toContain('held at generation 2');
    const released = await copy.run('repackenv', ['release', copy.labelDir], kill('hold:removed'));
    expect(released.signal).toBe('SIGKILL');
    expect((await night()).stdout).toContain('nothing new');
    expectNothingLeft(copy);
  } finally {
    await copy.close();
  }
});
