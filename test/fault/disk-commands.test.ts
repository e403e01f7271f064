import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { explainSystemError } from '../../src/base/disk-errors.js';
import { ERROR_EXIT, isRepackError } from '../../src/base/errors.js';
import { errorText } from '../../src/cli/reporter/error-text.js';
import { clean } from '../../src/jobs/clean/clean.js';
import { diff } from '../../src/jobs/diff/diff.js';
import { verify } from '../../src/jobs/verify.js';
import type { Runtime } from '../../src/runtime/runtime.js';
import { exportTo } from '../helpers/carry.js';
import { faultFs, type FaultCode, type FsCall } from '../helpers/fault-fs.js';
import { GATE_TOKEN, JOBS, jobRuntime, type Gated } from '../helpers/gated-jobs.js';
import { sharedThread } from '../helpers/shared-thread.js';
import { breaches, digests, exists } from '../helpers/tiny-channel.js';

// Where there is a disk in memory, some hundred runs with their fsyncs are quick.
vi.hoisted(() => {
  if (process.platform === 'linux') process.env['TMPDIR'] = '/dev/shm';
});

/** In turn: so that over all commands each kind of call meets each of them. */
const CODES: readonly FaultCode[] = ['ENOSPC', 'EROFS', 'EACCES', 'EIO', 'EMFILE'];

type Prepare = () => Promise<Gated>;

/** A command that reads the label folder of a job, or writes beside it; `ready`: what is done before. */
const reading =
  (run: (rt: Runtime, job: Gated) => Promise<unknown>, ready?: (job: Gated) => Promise<void> | void): Prepare =>
  async () => {
    const job = await JOBS.update();
    await ready?.(job);
    return { ...job, run: (options = {}) => run(jobRuntime(options), job) };
  };

const COMMANDS: Readonly<Record<string, Prepare>> = {
  ...JOBS,
  verify: reading((rt, { labelDir }) => verify(rt, { dir: labelDir })),
  export: reading((rt, { dir, labelDir }) => exportTo(join(dir, 'medium'), labelDir, {}, rt)),
  delta: reading(
    (rt, { dir, labelDir }) => exportTo(join(dir, 'medium'), labelDir, { since: join(dir, 'since.json') }, rt),
    async (job) => {
      cpSync(join(job.labelDir, 'manifest.json'), join(job.dir, 'since.json'));
      await job.run({ workers });
    },
  ),
  clean: reading(
    (rt, { root, cacheDir }) => clean(rt, { root, cacheDir, limits: { olderThanMs: 0, maxBytes: 0 }, dryRun: false }),
    async (job) => void (await job.run({ workers })),
  ),
  diff: reading((rt, { dir, labelDir, cacheDir }) =>
    diff(rt, {
      a: labelDir,
      b: join(dir, 'upstream'),
      newest: false,
      subdirs: [],
      token: undefined,
      baseUrl: 'https://conda.example',
      owner: undefined,
      cacheDir,
      allowHttp: [],
      maxIndexMb: 0,
      proxy: undefined,
      noProxy: [],
      caFiles: [],
    }),
  ),
};

/** One thread for all runs: starting one takes longer than all that is tested here. */
const workers = sharedThread();
afterAll(() => workers.end());

describe('E1 E2 E3 E4 E5 each call site of each command fails once', () => {
  it.each(Object.entries(COMMANDS))(
    '%s: a documented exit with the path, never a bug; what is published is old or new',
    async (_name, prepare) => {
      const whole = await prepare();
      const counted = await counting(whole);
      const fresh = await digests(whole.labelDir);
      expect(counted.length).toBeGreaterThan(5);
      for (const [turn, index] of counted.entries()) {
        const job = await prepare();
        const old = await digests(job.labelDir);
        let struck: FsCall | undefined;
        const code = CODES[turn % CODES.length]!;
        const { fs } = faultFs((call) => {
          if (call.index !== index) return undefined;
          struck = call;
          return code;
        });
        const error: unknown = await job.run({ fs, workers }).then(
          () => undefined,
          (caught: unknown) => explainSystemError(caught),
        );
        const where = `${code} at ${struck?.name} ${String(struck?.args[0])}: ${String(error)}`;
        const now = await digests(job.labelDir);
        if (JSON.stringify(now) !== JSON.stringify(old)) expect(await breaches(job.labelDir), where).toEqual([]);
        if (error === undefined) continue;
        expect(isRepackError(error), `${where}\n${error instanceof Error ? error.stack : ''}`).toBe(true);
        if (!isRepackError(error)) return;
        expect(ERROR_EXIT, where).toHaveProperty(error.code);
        expect(error.exitCode, where).not.toBe(70);
        const text = errorText(error, { debug: true });
        expect(text, where).toMatch(/\/\w/);
        expect(text).not.toContain(GATE_TOKEN);
        if (!(await exists(join(job.stateDir, 'journal.json')))) expect([old, fresh], where).toContainEqual(now);
      }
    },
    240_000,
  );
});

/** The first call of each call site in a run in which nothing fails. */
async function counting(job: Gated): Promise<number[]> {
  const sites = new Map<string, number>();
  Error.stackTraceLimit = 12;
  const { fs } = faultFs((call) => {
    const caller = (new Error('site').stack ?? '').split('\n').find((line) => /\/src\/(?!runtime\/fs)/.test(line));
    const site = `${call.name} ${caller ?? ''}`;
    if (!sites.has(site)) sites.set(site, call.index);
    return undefined;
  });
  await job.run({ fs, workers });
  return [...sites.values()];
}
