import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { explainSystemError } from '../../src/base/disk-errors.js';
import { ERROR_EXIT, isRepackError } from '../../src/base/errors.js';
import { errorText } from '../../src/cli/reporter/error-text.js';
import { clean } from '../../src/jobs/clean/clean.js';
import { diff } from '../../src/jobs/diff/diff.js';
import { doctor } from '../../src/jobs/doctor/doctor.js';
import { hold } from '../../src/jobs/hold.js';
import { verify } from '../../src/jobs/verify.js';
import type { Runtime } from '../../src/runtime/runtime.js';
import { attempts, holdsForEach, SEED } from '../helpers/attack.js';
import { exportTo } from '../helpers/carry.js';
import { failWhere, faultFs, isWrite, type FaultCode, type FsCall } from '../helpers/fault-fs.js';
import { GATE_TOKEN, JOBS, jobRuntime, type Gated } from '../helpers/gated-jobs.js';
import { pushHere } from '../helpers/pushing.js';
import { impatientClock } from '../helpers/runtime.js';
import { sharedThread } from '../helpers/shared-thread.js';
import { breaches, digests, exists } from '../helpers/tiny-channel.js';

// Where there is a disk in memory, some hundred runs with their fsyncs are quick.
vi.hoisted(() => {
  if (process.platform === 'linux') process.env['TMPDIR'] = '/dev/shm';
});

/** What a call meets: once, or it and each later one of its kind. */
const FAULTS = [
  { code: 'ENOSPC', times: 1 },
  { code: 'EROFS', times: Infinity },
  { code: 'EACCES', times: 1 },
  { code: 'EIO', times: 1 },
  { code: 'EMFILE', times: 1 },
  { code: 'SHORT', times: 1 },
  { code: 'EBUSY', times: 1 },
  { code: 'EDQUOT', times: Infinity },
  { code: 'EXDEV', times: 1 },
  { code: 'EBUSY', times: Infinity },
  { code: 'EPERM', times: 1 },
  { code: 'EIO', times: Infinity },
] as const satisfies { code: FaultCode; times: number }[];

const LOCK = { waitLockMs: 0, takeOverLock: false };
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
  push: reading(
    (rt, { dir, labelDir }) => pushHere({ labelDir }, join(dir, 'site'), { rt }),
    async (job) => {
      await pushHere(job, join(job.dir, 'site'));
      await job.run({ workers });
    },
  ),
  'doctor --prune': reading(
    (rt, { labelDir }) => doctor(rt, { dir: labelDir, repair: true, prune: true, site: undefined, ...LOCK }),
    ({ labelDir }) => writeFileSync(join(labelDir, 'linux-64', 'repodata.json'), '{'),
  ),
  hold: reading((rt, { root }) => hold(rt, { root, label: 'acme', why: 'a test', ...LOCK })),
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
      requestsPerSecond: undefined,
      proxy: undefined,
      noProxy: [],
      caFiles: [],
    }),
  ),
};

/** One thread for all runs: starting one takes longer than all that is tested here. */
const workers = sharedThread();
afterAll(() => workers.end());

/** The call of that number (its name for a reader) meets that of FAULTS. */
interface Case {
  index: number;
  call: string;
  fault: number;
}

describe('E1 E2 E3 E4 E5 each call site of each command fails', () => {
  it.for(Object.entries(COMMANDS))(
    '%s: a documented exit with the path, never a bug; what is published is old or new, and the next run goes on',
    { timeout: 7_200_000 },
    async ([name, prepare], context) => {
      const whole = await prepare();
      const counted = await counting(whole);
      const fresh = await digests(whole.labelDir);
      expect(counted.length).toBeGreaterThan(5);
      // In turn, from another one on for each seed: over all commands each kind of call meets each of them.
      const each = attempts({ smoke: 1, ci: 1, long: FAULTS.length });
      const cases = counted.flatMap((site, turn) =>
        Array.from({ length: each }, (_, more) => ({ ...site, fault: (turn + more + SEED - 1) % FAULTS.length })),
      );
      await holdsForEach(context, { name: `disk-${name.replaceAll(/\W+/g, '-')}`, cases }, (given) =>
        holds(given, { prepare, fresh }),
      );
    },
  );
});

it('E1 ROOT full only when what lies beside is written: published, told with exit 1, and written by the next run', async () => {
  const job = await JOBS.update({ request: { siteFiles: true } });
  const beside = join(job.root, 'acme.');
  const { fs } = faultFs(failWhere((call) => isWrite(call) && String(call.args[0]).startsWith(beside), 'ENOSPC'));
  const told = expect.objectContaining({
    code: 'site-files-not-written',
    exit: true,
    subject: expect.stringContaining(beside),
  });
  expect(await job.run({ fs, workers })).toMatchObject({ findings: expect.arrayContaining([told]) });
  expect(await breaches(job.labelDir)).toEqual([]);
  await job.run({ workers });
  expect(await exists(`${beside}INSTALL.md`)).toBe(true);
});

async function holds({ index, fault }: Case, { prepare, fresh }: { prepare: Prepare; fresh: object }): Promise<void> {
  const job = await prepare();
  const old = await digests(job.labelDir);
  const { code, times } = FAULTS[fault]!;
  let struck: FsCall | undefined;
  let left: number = times;
  const { fs } = faultFs((call) => {
    if (call.index === index) struck = call;
    if (struck === undefined || struck.name !== call.name || left === 0) return undefined;
    left -= 1;
    return code;
  });
  const error: unknown = await job.run({ fs, workers, clock: impatientClock() }).then(
    () => undefined,
    (caught: unknown) => explainSystemError(caught),
  );
  const where = `${code} ${times} at ${struck?.name} ${String(struck?.args[0])}: ${String(error)}`;
  const now = await digests(job.labelDir);
  if (JSON.stringify(now) !== JSON.stringify(old)) expect(await breaches(job.labelDir), where).toEqual([]);
  const journal = await exists(join(job.stateDir, 'journal.json'));
  if (error !== undefined) {
    expect(isRepackError(error), `${where}\n${error instanceof Error ? error.stack : ''}`).toBe(true);
    if (!isRepackError(error)) return;
    expect(ERROR_EXIT, where).toHaveProperty(error.code);
    expect(error.exitCode, where).not.toBe(70);
    const text = errorText(error, { debug: true });
    expect(text, where).toMatch(/\/\w/);
    expect(text).not.toContain(GATE_TOKEN);
    if (!journal) expect([old, fresh], where).toContainEqual(now);
  }
  // A disk that works again: always tried where something is half done, else where there is time.
  if (!journal && attempts({ smoke: 0, ci: 0, long: 1 }) === 0) return;
  // The dead process would be told from a living one; this one goes on.
  if (times > 1) rmSync(join(job.stateDir, 'lock'), { recursive: true, force: true });
  await job.run({ workers }).catch((caught: unknown) => {
    throw new Error(`the run after ${where}: ${String(caught)}`, { cause: caught });
  });
  expect(Object.keys(await digests(job.labelDir)), `after ${where}`).toEqual(Object.keys(fresh));
  expect(await breaches(job.labelDir), `after ${where}`).toEqual([]);
  expect(await exists(join(job.stateDir, 'journal.json')), `after ${where}`).toBe(false);
}

/** The first call of each call site in a run in which nothing fails. */
async function counting(job: Gated): Promise<Omit<Case, 'fault'>[]> {
  const sites = new Map<string, Omit<Case, 'fault'>>();
  Error.stackTraceLimit = 12;
  const { fs } = faultFs((call) => {
    const caller = (new Error('site').stack ?? '').split('\n').find((line) => /\/src\/(?!runtime\/fs)/.test(line));
    const site = `${call.name} ${caller ?? ''}`;
    if (!sites.has(site)) sites.set(site, { index: call.index, call: call.name });
    return undefined;
  });
  await job.run({ fs, workers });
  return [...sites.values()];
}
