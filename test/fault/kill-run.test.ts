import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PROJECT_ROOT } from '../../scripts/lib/layers.js';
import { makePackage, makeSampleUpstream } from '../../scripts/lib/sample-upstream.js';
import { changesBetween, type Snapshot } from '../../scripts/lib/snapshot.js';
import { verify } from '../../src/jobs/verify.js';
import { inParallel } from '../../src/base/parallel.js';
import { PUBLISH_STEPS } from '../../src/delivery/publish.js';
import { systemClock } from '../../src/runtime/clock.js';
import { stepsOfSources } from '../helpers/kill-points.js';
import { describeWithLayers, layerPath } from '../helpers/layers.js';
import { startOldUpstream } from '../helpers/old-upstream.js';
import { openWorkplace, type UpdateOptions, type Workplace } from '../helpers/programs.js';
import { expectNothingLeft } from '../helpers/refusals.js';
import { replaceArtifact } from '../helpers/replace-artifact.js';
import { spellingsOf, tracesBelow } from '../helpers/secret-traces.js';
import { testRuntime } from '../helpers/runtime.js';
import { breaches } from '../helpers/tiny-channel.js';
import { startUpstream, TOKEN, type TestUpstream } from '../helpers/upstream.js';

const SLOW = 600_000;

/** Nothing is published yet. */
const EARLY = [
  'update:locked',
  'update:inspected',
  'update:solved',
  'update:acquired',
  'channel:staged',
  'update:staged',
  'update:proven',
];
const STEPS = [...EARLY, ...PUBLISH_STEPS, 'update:published', 'update:handed-over', 'update:remembered'];
const ENGINE_STEPS = ['engine:isolated', 'engine:created'];
/** What a first build does not do: nothing is there that could be replaced or could leave. */
const OF_UPDATES = ['reduced-index-in', 'old-index-out', 'replaced-in', 'stale-index-out', 'pooled', 'leaving-out'].map(
  (phase) => `publish:${phase}`,
);

/** Jobs whose steps other files of this folder kill at. */
const OTHER_JOBS = /^(clean|doctor|export|fleet|hold|import|merge|mirror|prune|received|rollback):/;

it('I3 the steps that are killed at are all that the sources have', () => {
  // Those of push are held complete by push-kill.test.ts.
  const found = stepsOfSources().filter((step) => !step.startsWith('push:'));
  const others = found.filter((step) => OTHER_JOBS.test(step));
  expect(found.filter((step) => !OTHER_JOBS.test(step))).toEqual([...STEPS, ...ENGINE_STEPS].sort());
  const tests = readdirSync(join(PROJECT_ROOT, 'test/fault')).filter((file) => file.endsWith('.test.ts'));
  const named = tests.map((file) => readFileSync(join(PROJECT_ROOT, 'test/fault', file), 'utf8')).join('\n');
  expect(others.filter((step) => !named.includes(`'${step}'`))).toEqual([]);
});

describe('I3 J2 the whole program killed', () => {
  let dir: string;
  let upstream: TestUpstream;

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'repackenv-kill-run-'));
    await makeSampleUpstream(dir);
    // Generation 2 also replaces a package under its old name: the most that an update can have to do.
    const rebuilt = await makePackage({
      name: 'pytz',
      version: '2024.1',
      build: 'py_0',
      noarch: 'generic',
      files: { 'share/pytz': 'rebuilt' },
    });
    await replaceArtifact(join(dir, 'gen2/pkgs/main/noarch'), 'pytz-2024.1-py_0.conda', rebuilt.bytes);
    upstream = await startUpstream({ dir });
  }, SLOW);
  afterAll(async () => {
    await upstream.close();
    rmSync(dir, { recursive: true, force: true });
  });

  it(
    'at each step of a first build',
    async () => {
      const whole = await openWorkplace({ upstream });
      expect((await whole.update()).exitCode).toBe(0);
      const unreached = await killAtEachStep({
        upstream,
        before: undefined,
        after: digestsOf(whole.published()),
        options: {},
      });
      expect(unreached).toEqual(OF_UPDATES);
      await whole.close();
    },
    SLOW,
  );

  it(
    'at each step of an update',
    async () => {
      const options: UpdateOptions = { args: ['--replace', 'pytz-2024.1-py_0.conda'] };
      const before = await openWorkplace({ upstream });
      expect((await before.update({ args: ['--index', 'bz2'] })).exitCode).toBe(0);
      upstream.setGeneration(2);
      const whole = await openWorkplace({ upstream });
      cpSync(before.root, whole.root, { recursive: true, preserveTimestamps: true });
      const ran = await whole.update(options);
      expect(ran.exitCode, ran.stderr).toBe(0);
      const unreached = await killAtEachStep({ upstream, before, after: digestsOf(whole.published()), options });
      expect(unreached).toEqual([]);
      await whole.close();
      await before.close();
    },
    SLOW,
  );
});

interface Task {
  upstream: TestUpstream;
  /** What is there when the run begins. */
  before: Workplace | undefined;
  /** Path -> sha256 of what an undisturbed run ends with. */
  after: Record<string, string>;
  options: UpdateOptions;
}

/** Gives the steps at which the run did not come by. */
async function killAtEachStep(task: Task): Promise<string[]> {
  const unreached = await inParallel(STEPS, 2, async (step) => ((await killAt(step, task)) ? [] : [step]));
  return unreached.flat();
}

async function killAt(step: string, { upstream, before, after, options }: Task): Promise<boolean> {
  const work = await openWorkplace({ upstream });
  try {
    if (before !== undefined) {
      cpSync(before.root, work.root, { recursive: true, preserveTimestamps: true });
      cpSync(before.cache, work.cache, { recursive: true, preserveTimestamps: true });
    }
    const old = work.published();
    const killed = await work.update({ ...options, env: { REPACKENV_TEST_KILL_AT: step } });
    if (killed.signal !== 'SIGKILL') {
      expect(killed.exitCode, killed.stderr).toBe(0);
      return false;
    }

    // The embedded engine is told nothing, so not even the private folder of the run holds it.
    const spellings = spellingsOf(TOKEN);
    expect(await tracesBelow(work.dir, spellings), step).toEqual([]);

    // Whatever a site copies now can be installed from: each index is of the old or the new channel and names what is there.
    expect(await breaches(work.labelDir), step).toEqual([]);
    const at = STEPS.indexOf(step);
    if (at <= STEPS.indexOf('publish:journal-written')) expect(changesBetween(old, work.published()), step).toEqual([]);
    if (at >= STEPS.indexOf('publish:switched')) {
      expect(digestsOf(work.published()), step).toEqual(after);
      await expectVerified(work.labelDir, step);
    }

    const next = await work.update(options);
    expect(next.exitCode, `${step}: ${next.stderr}`).toBe(0);
    expect(digestsOf(work.published()), step).toEqual(after);
    await expectVerified(work.labelDir, step);
    expectNothingLeft(work);
    expect(await tracesBelow(work.dir, spellings), step).toEqual([]);
    return true;
  } finally {
    await work.close();
  }
}

async function expectVerified(dir: string, step: string): Promise<void> {
  const { findings } = await verify({ ...testRuntime(), clock: systemClock() }, { dir });
  expect(
    findings.filter(({ exit }) => exit),
    step,
  ).toEqual([]);
}

function digestsOf(files: Snapshot): Record<string, string> {
  return Object.fromEntries([...files].map(([path, { sha256 }]) => [path, sha256]));
}

describeWithLayers(['conda43'], 'I3 the whole program killed while conda 4.3.16 is its engine', () => {
  let upstream: TestUpstream;
  beforeAll(async () => {
    upstream = await startOldUpstream();
  });
  afterAll(() => upstream.close());

  it.each(ENGINE_STEPS)(
    'at %s: isolated environment and environment are gone after the next run',
    async (step) => {
      const work = await openWorkplace({ upstream });
      const options: UpdateOptions = { args: ['--engine', 'conda', '--engine-path', layerPath('conda43')] };
      const killed = await work.update({ ...options, env: { REPACKENV_TEST_KILL_AT: step } });
      expect(killed.signal, killed.stderr).toBe('SIGKILL');
      expect(readdirSync(join(work.cache, 'runs'))).toHaveLength(1);
      expect(existsSync(work.labelDir)).toBe(false);

      const next = await work.update(options);
      expect(next.exitCode, next.stderr).toBe(0);
      expect(next.stderr).toContain('removing what a broken-off run left');
      expect(readdirSync(join(work.cache, 'runs'))).toEqual([]);
      expectNothingLeft(work);
      const verified = await work.verify();
      expect(verified.exitCode, verified.stdout).toBe(0);
      await work.close();
    },
    SLOW,
  );
});
