import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { changesBetween } from '../../scripts/lib/snapshot.js';
import { gate, type GatedUpstream } from '../helpers/gate.js';
import { describeWithLayers, layerPath } from '../helpers/layers.js';
import { startOldUpstream } from '../helpers/old-upstream.js';
import {
  openWorkplace,
  type Ran,
  type RunningProgram,
  type UpdateOptions,
  type Workplace,
} from '../helpers/programs.js';
import { expectNothingLeft } from '../helpers/refusals.js';
import { holds, spellingsOf, tracesBelow } from '../helpers/secret-traces.js';
import { startSampleUpstream, type TestUpstream } from '../helpers/upstream.js';
import { descendants, stillRunning, watchDescendants, type SeenProcess } from '../helpers/watch-processes.js';

const SLOW = 300_000;

/** Has what conda's own masks do not know: `_`, `.`, `+`, `~`. */
const SENTINEL = 'xx-5e4711_sent.inel+f00d~cafe-0123456789';
const WRONG = 'yy-dead_wrong.one+beef~0000-9876543210';

it('the search finds what it looks for', async () => {
  const spellings = spellingsOf(SENTINEL);
  for (const lead of ['', 'u', 'user', 'user:']) {
    expect(holds(Buffer.from(`${lead}${SENTINEL}@host`).toString('base64'), spellings), lead).toBe(true);
  }
  expect(holds(`http://h/t/${encodeURIComponent(SENTINEL)}/x`, spellings)).toBe(true);
  expect(holds(SENTINEL.slice(0, -1), spellings)).toBe(false);
});

interface House {
  engine: 'embedded' | 'conda';
  upstream: () => Promise<TestUpstream>;
  /** What the engine is chosen by. */
  args: () => string[];
  /** Artifacts of this upstream, in URLs. */
  artifact: RegExp;
}

const EMBEDDED: House = {
  engine: 'embedded',
  upstream: () => startSampleUpstream({ token: SENTINEL }),
  args: () => [],
  artifact: /\/pytz-.*\.conda$/,
};
const CONDA: House = {
  engine: 'conda',
  upstream: () => startOldUpstream({ token: SENTINEL }),
  args: () => ['--engine', 'conda', '--engine-path', layerPath('conda43')],
  artifact: /\/numpy-.*\.tar\.bz2$/,
};

describe('J1 J3 the embedded engine', () => tellsNobody(EMBEDDED));
describeWithLayers(['conda43'], 'J1 J3 conda 4.3.16', () => {
  tellsNobody(CONDA);

  it(
    'that is killed in the middle',
    async () => {
      const bench = await openBench(CONDA);
      const held = bench.upstream.hold(CONDA.artifact);
      const running = bench.start();
      await held.came;
      for (const pid of descendants(running.program.pid)) process.kill(pid, 'SIGKILL');
      held.open();
      const ran = await running.ended();
      expect(ran.stderr).toContain('[E_ENGINE_FAILED]');
      expect(ran.exitCode, ran.stderr).toBe(3);
      await bench.expectNoTrace(ran);
      await bench.expectNextRunSucceeds();
    },
    SLOW,
  );

  it(
    'that can not install what was staged: the proof fails, exit code 8',
    async () => {
      const bench = await openBench({ ...CONDA, args: EMBEDDED.args });
      const ran = await bench.run({ args: ['--prove', `install=${layerPath('conda43')}`] });
      expect(ran.stderr).toContain('[E_PROOF]');
      expect(ran.exitCode, ran.stderr).toBe(8);
      expect(bench.children()).not.toEqual([]);
      await bench.expectNoTrace(ran);
      await bench.expectNextRunSucceeds();
    },
    SLOW,
  );
});

const benches: Bench[] = [];
afterEach(async () => {
  for (const bench of benches.splice(0)) await bench.close();
});

/** The runs after each of which the token is looked for everywhere. */
function tellsNobody(isolated: House): void {
  it(
    'on success',
    async () => {
      const bench = await openBench(isolated);
      const ran = await bench.run();
      expect(ran.exitCode, ran.stderr).toBe(0);
      // The label's channel opens to the token only, so it was sent.
      expect(bench.upstream.requests.some(({ path }) => decodeURIComponent(path).includes(`/t/${SENTINEL}/`))).toBe(
        true,
      );
      if (isolated.engine === 'embedded') expect(bench.children()).toEqual([]);
      else
        expect(
          bench
            .children()
            .some(({ args, environment }) => args.includes(' create ') && environment.includes('http_proxy=')),
        ).toBe(true);
      await bench.expectNoTrace(ran);
      const again = await bench.run();
      expect(again.stdout).toContain('nothing new');
      await bench.expectNoTrace(again);
    },
    SLOW,
  );

  it.each<[string, number, string, (bench: Bench) => UpdateOptions]>([
    ['a token that is refused', 7, 'E_TOKEN_REFUSED', () => ({ env: { CONDA_TOKEN: WRONG } })],
    ['the wrong token on the command line', 7, 'E_TOKEN_REFUSED', () => ({ token: WRONG })],
    ['what can not be solved', 3, 'E_UNSOLVABLE', () => ({ packages: ['alib', 'blib=2.0'] })],
    [
      'an artifact that is missing',
      4,
      'E_ARTIFACT_MISSING',
      (bench) => (bench.upstream.answer(isolated.artifact, 404), {}),
    ],
    [
      'an artifact with another digest',
      4,
      'E_ARTIFACT_DIGEST',
      (bench) => (bench.upstream.answer(isolated.artifact, 200, Buffer.alloc(1_000)), {}),
    ],
    [
      'an index that repeats the token',
      7,
      'E_REPODATA',
      (bench) => (bench.upstream.answer(/repodata/, 200, Buffer.from(`no token ${SENTINEL}`)), {}),
    ],
  ])(
    'on %s',
    async (_title, exitCode, code, prepare) => {
      const bench = await openBench(isolated);
      const ran = await bench.run(prepare(bench));
      expect(ran.stderr).toContain(`[${code}]`);
      expect(ran.exitCode, ran.stderr).toBe(exitCode);
      await bench.expectNoTrace(ran);
      bench.upstream.reset();
      await bench.expectNextRunSucceeds();
    },
    SLOW,
  );

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 143],
  ] as const)(
    'I8 on %s in the middle of an update: exit code %i, the folder as before, nothing left',
    async (signal, exitCode) => {
      const bench = await openBench(isolated);
      const first = await bench.run({ packages: ['pytho=1.8'] });
      expect(first.exitCode, first.stderr).toBe(0);
      const published = bench.work.published();
      const held = bench.upstream.hold(/ratemodels-.*(conda|bz2)$|pandas-.*\.conda$/);
      const running = bench.start();
      await held.came;
      running.program.child.kill(signal);
      const ran = await running.ended();
      expect(ran.exitCode, ran.stderr).toBe(exitCode);
      expect(ran.stderr).toContain('[E_INTERRUPTED]');
      expect(changesBetween(published, bench.work.published())).toEqual([]);
      await bench.expectNoTrace(ran);
      held.open();
      await bench.expectNextRunSucceeds();
    },
    SLOW,
  );
}

interface Bench {
  work: Workplace;
  upstream: GatedUpstream;
  /** What descended from the runs so far. */
  children(): SeenProcess[];
  start(options?: UpdateOptions): { program: RunningProgram; ended(): Promise<Ran> };
  /** With `--debug` and a log; watched. */
  run(options?: UpdateOptions): Promise<Ran>;
  /** Neither token in any file, any output, any argument or environment; nothing left of the run. */
  expectNoTrace(ran: Ran): Promise<void>;
  expectNextRunSucceeds(): Promise<void>;
  close(): Promise<void>;
}

async function openBench(isolated: House): Promise<Bench> {
  const upstream = await gate(await isolated.upstream());
  const work = await openWorkplace({ upstream, token: SENTINEL });
  const logs = join(work.dir, 'logs');
  const seen: SeenProcess[] = [];
  const start: Bench['start'] = (options = {}) => {
    const program = work.start({
      ...options,
      args: [...isolated.args(), '--debug', '--log-dir', logs, ...(options.args ?? [])],
    });
    const watch = watchDescendants(program.pid);
    return {
      program,
      ended: async () => {
        const ran = await program.ended;
        watch.stop();
        seen.push(...watch.seen.values());
        return ran;
      },
    };
  };
  const run: Bench['run'] = (options) => start(options).ended();
  const bench: Bench = {
    work,
    upstream,
    children: () => seen,
    start,
    run,
    expectNoTrace: async (ran) => {
      const spellings = [...spellingsOf(SENTINEL), ...spellingsOf(WRONG)];
      expect(await tracesBelow(work.dir, spellings), 'files').toEqual([]);
      expect(holds(ran.stdout + ran.stderr, spellings), ran.stdout + ran.stderr).toBe(false);
      const telling = seen.filter(({ args, environment }) => holds(args + environment, spellings));
      expect(
        telling.map(({ args }) => args),
        'children',
      ).toEqual([]);
      expect(
        stillRunning(seen).map(({ args }) => args),
        'processes',
      ).toEqual([]);
      expect(readdirSync(logs, { recursive: true }).some((name) => String(name).endsWith('.log'))).toBe(true);
      expect(readdirSync(join(work.cache, 'runs'))).toEqual([]);
      expectNothingLeft(work);
    },
    expectNextRunSucceeds: async () => {
      const next = await run();
      expect(next.exitCode, next.stderr).toBe(0);
      const verified = await work.verify();
      expect(verified.exitCode, verified.stdout).toBe(0);
      await bench.expectNoTrace(next);
    },
    close: async () => {
      await work.close();
      await upstream.close();
    },
  };
  benches.push(bench);
  return bench;
}
