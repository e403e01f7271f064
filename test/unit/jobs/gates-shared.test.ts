import { mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { makeChannel, type SamplePackage } from '../../../scripts/lib/sample-upstream.js';
import { sha256Of } from '../../../src/codec/digests.js';
import type { Channel } from '../../../src/conda/channel/channel.js';
import { parseMatchSpec } from '../../../src/conda/spec/match-spec.js';
import { describeOwner } from '../../../src/delivery/lock/lock-owner.js';
import { lockLabel } from '../../../src/delivery/lock/lock.js';
import { lockHolder } from '../../../src/delivery/lock/lock-peek.js';
import { clean } from '../../../src/jobs/clean/clean.js';
import { systemClock } from '../../../src/runtime/clock.js';
import type { ExecCommand, ExecResult } from '../../../src/runtime/exec.js';
import { tempDir } from '../../helpers/artifacts.js';
import { JOBS, jobRuntime, planJob, profileOf, type Gated, type GatedOptions } from '../../helpers/gated-jobs.js';
import { expectRefused } from '../../helpers/gates.js';
import { samplePackage } from '../../helpers/label-folders.js';
import { exists, snapshot } from '../../helpers/tiny-channel.js';

// As gates.test.ts: what jobs share with each other, and with a conda.

const BOTH = [
  ['update', JOBS.update],
  ['plan', planJob],
] as const;

/** Short waits pass at once; the long ones are deadlines of what is at work. */
const impatient = () => {
  let waited = 0;
  const clock = systemClock();
  const sleep: typeof clock.sleep = async (ms, signal) => {
    if (ms > 1000) return clock.sleep(ms, signal);
    waited += 60_000;
    return clock.sleep(0, signal);
  };
  return { ...clock, monotonic: () => clock.monotonic() + waited, sleep };
};

/** conda 26.7 as a table: it obeys its condarc, and installs one package from the channel of that place. */
function fakeConda(
  installs: { sample: SamplePackage; channel: number },
  onCreate: () => Promise<void> | void = () => {},
) {
  const path = join(tempDir(), 'conda');
  writeFileSync(path, '', { mode: 0o755 });
  const created: string[] = [];
  const run = async ({ args, env }: ExecCommand): Promise<ExecResult> => {
    const rc = env['CONDARC'] === undefined ? {} : (JSON.parse(readFileSync(env['CONDARC'], 'utf8')) as Condarc);
    const { channels = [], pkgs_dirs = ['/opt/conda/pkgs'] } = rc;
    if (args[0] === 'config') return printed(args[1] === '--show' ? rc : {});
    if (args[0] === 'info') {
      const urls = channels.flatMap((url) => [`${url}/linux-64`, `${url}/noarch`]);
      return printed({
        conda_version: '26.7.1',
        platform: 'linux-64',
        pkgs_dirs,
        channels: urls,
        root_prefix: '/opt/conda',
      });
    }
    const meta = join(args[args.indexOf('--prefix') + 1]!, 'conda-meta');
    created.push(meta);
    await onCreate();
    mkdirSync(meta, { recursive: true });
    writeFileSync(join(meta, 'history'), '==> now <==\n');
    const { record, subdir, distFilename: fn } = installs.sample;
    const channel = channels[installs.channel]!;
    const url = `${channel}/${subdir}/${fn}`;
    writeFileSync(
      join(meta, `${record.name}-${record.version}-0.json`),
      JSON.stringify({ ...record, fn, url, channel, files: [] }),
    );
    return printed({ success: true });
  };
  return { exec: { run }, created, request: { engine: 'conda', enginePath: path } };
}

interface Condarc {
  channels?: string[];
  pkgs_dirs?: string[];
}

function printed(value: unknown): ExecResult {
  const silent = { signal: undefined, stderr: Buffer.alloc(0), truncated: false, timedOut: false, aborted: false };
  return { exitCode: 0, stdout: Buffer.from(JSON.stringify(value)), startError: undefined, ...silent };
}

/** Two channels that have `tool`, the same noarch file name, with other bytes. */
async function twoChannels(): Promise<{ second: SamplePackage; request: Record<string, unknown> }> {
  const dir = tempDir();
  const first = await samplePackage('tool', '1.0', { noarch: 'generic' });
  const second = await samplePackage('tool', '1.0', { noarch: 'generic', files: { 'share/tool': 'another' } });
  const subdirs = ['linux-64', 'win-64'];
  await makeChannel(join(dir, 'first'), [first], { subdirs });
  await makeChannel(join(dir, 'second'), [second], { subdirs });
  const channels = ['first', 'second'].map((name): Channel => ({
    url: pathToFileURL(join(dir, name)).href,
    name,
    authenticated: false,
    role: 'base',
  }));
  return { second, request: { channels, specs: [parseMatchSpec('tool')], subdirs, profiles: subdirs.map(profileOf) } };
}

describe('one noarch file from two channels', () => {
  it.each(BOTH)('%s: conda takes it from one, the embedded solver from the other', async (_name, make) => {
    const { second, request } = await twoChannels();
    const conda = fakeConda({ sample: second, channel: 1 });
    const job = await make({ request: { ...request, ...conda.request } });
    const error = await expectRefused(job, 'E_RECORD_CONFLICT', conda);
    expect(error.where).toBe('noarch/tool-1.0-0.conda');
  });
});

describe('the package cache of the engine', () => {
  const stateOf = ({ cacheDir }: Gated) => join(cacheDir, 'engine-pkgs', 'conda-26.7.state');
  const asked = async (): Promise<{ second: SamplePackage; request: GatedOptions['request'] }> => {
    const { second, request } = await twoChannels();
    return { second, request: { ...request, subdirs: ['linux-64'], profiles: [profileOf('linux-64')] } };
  };

  it.each(BOTH)('%s: locked while conda works in it', async (_name, make) => {
    const { second, request } = await asked();
    const seen: unknown[] = [];
    const conda = fakeConda({ sample: second, channel: 1 }, async () => {
      seen.push((await lockHolder(jobRuntime(), stateOf(job)))?.command);
    });
    const job = await make({ request: { ...request, ...conda.request } });
    await job.run(conda);
    expect(seen).toEqual(['engine']);
    expect(await lockHolder(jobRuntime(), stateOf(job))).toBeUndefined();
  });

  it.each(BOTH)('%s: another run has it', async (_name, make) => {
    const { second, request } = await asked();
    const conda = fakeConda({ sample: second, channel: 1 });
    const job = await make({ request: { ...request, ...conda.request } });
    const stateDir = stateOf(job);
    mkdirSync(stateDir, { recursive: true });
    const lock = await lockLabel(jobRuntime(), { stateDir, label: 'package cache', waitMs: 0, command: 'engine' });
    await expectRefused(job, 'E_LOCKED', { exec: conda.exec, clock: impatient() });
    expect(conda.created).toEqual([]);
    await lock.release();
  });
});

describe('clean', () => {
  const limits = { olderThanMs: 0, maxBytes: 0 };
  const run = (at: { cacheDir: string; root?: string }) =>
    clean(jobRuntime(), { root: undefined, limits, dryRun: false, ...at });

  /** A cache that holds one package nobody used for long. */
  function cache(): { cacheDir: string; stored: string } {
    const cacheDir = join(tempDir(), 'cache');
    const bytes = Buffer.from('a package');
    const folder = join(cacheDir, 'store', 'sha256', sha256Of(bytes).slice(0, 2));
    const stored = join(folder, sha256Of(bytes));
    mkdirSync(join(cacheDir, 'store', 'tmp'), { recursive: true });
    mkdirSync(folder, { recursive: true });
    writeFileSync(stored, bytes);
    utimesSync(stored, 1_000_000_000, 1_000_000_000);
    return { cacheDir, stored };
  }

  it('removes what is old where nobody is at work', async () => {
    const { cacheDir, stored } = cache();
    await run({ cacheDir });
    expect(await exists(stored)).toBe(false);
  });

  it('leaves a cache that a job works with', async () => {
    const { cacheDir, stored } = cache();
    const folder = join(cacheDir, 'runs', 'at-work');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'repackenv-run.json'), JSON.stringify(await describeOwner(jobRuntime(), 'update')));
    const report = await run({ cacheDir });
    expect(report).toMatchObject({ items: [], freed: 0 });
    expect(report.skipped.join()).toContain('is at work since');
    expect(await exists(stored)).toBe(true);
    expect(await exists(folder)).toBe(true);
  });

  it('leaves a label folder that a job works with, or that it can not recover', async () => {
    const job = await JOBS.update();
    await job.run();
    const stranger = join(job.labelDir, 'noarch', 'stranger-1.0-0.conda');
    writeFileSync(stranger, 'named by nothing');
    const before = await snapshot(job.root);
    const lock = await lockLabel(jobRuntime(), { stateDir: job.stateDir, label: 'acme', waitMs: 0, command: 'other' });
    expect(await run({ cacheDir: job.cacheDir, root: job.root })).toMatchObject({ skipped: [expect.any(String)] });
    expect(await exists(stranger)).toBe(true);
    await lock.release();
    const body = JSON.stringify({ schema: 3 });
    writeFileSync(join(job.stateDir, 'journal.json'), `${sha256Of(body)}\n${body}\n`);
    expect(await run({ cacheDir: job.cacheDir, root: job.root })).toMatchObject({ skipped: [expect.any(String)] });
    const labelFiles = Object.entries(before).filter(([path]) => path.startsWith('acme/'));
    expect(await snapshot(job.root)).toMatchObject(Object.fromEntries(labelFiles));
  });

  it.each(['update', 'capture'] as const)('%s waits for one that is at work', async (name) => {
    const job = await JOBS[name]();
    const stateDir = join(job.cacheDir, 'clean');
    mkdirSync(stateDir, { recursive: true });
    const lock = await lockLabel(jobRuntime(), { stateDir, label: 'cache', waitMs: 0, command: 'clean' });
    await expectRefused(job, 'E_LOCKED', { clock: impatient() });
    await lock.release();
  });
});
