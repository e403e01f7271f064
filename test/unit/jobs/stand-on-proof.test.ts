import { appendFileSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { makeChannel } from '../../../scripts/lib/sample-upstream.js';
import { snapshot } from '../../../scripts/lib/snapshot.js';
import { Secret } from '../../../src/base/secret.js';
import { sha256Of } from '../../../src/codec/digests.js';
import { canonicalJson } from '../../../src/base/json.js';
import { parseMatchSpec } from '../../../src/conda/spec/match-spec.js';
import type { JobReport } from '../../../src/jobs/job-report.js';
import type { RepackRequest } from '../../../src/jobs/request.js';
import { askedDigest } from '../../../src/jobs/run/proven.js';
import { PROVEN_NAME } from '../../../src/jobs/run/proven-file.js';
import { update } from '../../../src/jobs/update.js';
import { systemClock } from '../../../src/runtime/clock.js';
import { tempDir } from '../../helpers/artifacts.js';
import {
  gatePackages,
  jobRuntime,
  profileOf,
  workSettingsOf,
  type JobRuntimeOptions,
} from '../../helpers/gated-jobs.js';

const LABEL = 'acme';
const DAY = 86_400_000;

interface At {
  channel: string;
  labelDir: string;
  proven: string;
  request: RepackRequest;
  run(change?: Partial<RepackRequest>, options?: JobRuntimeOptions): Promise<JobReport>;
}

/** A label that was published once, by an update that went all the way. */
async function published(): Promise<At> {
  const dir = tempDir();
  const channel = join(dir, 'upstream');
  await makeChannel(channel, (await gatePackages()).one, { subdirs: ['linux-64'] });
  const request: RepackRequest = {
    ...workSettingsOf(join(dir, 'cache')),
    label: LABEL,
    root: join(dir, 'root'),
    token: undefined,
    specs: [parseMatchSpec('app')],
    channels: [{ url: pathToFileURL(channel).href, name: 'upstream', authenticated: false, role: 'base' }],
    subdirs: ['linux-64'],
    profiles: [profileOf('linux-64')],
    drop: [],
  };
  const at: At = {
    channel,
    request,
    labelDir: join(dir, 'root', LABEL),
    proven: join(dir, 'root', '.repackenv', LABEL, PROVEN_NAME),
    run: (change = {}, options = {}) => update(jobRuntime(options), { ...request, ...change }),
  };
  const first = await at.run();
  expect([first.published?.generation, first.published?.proof.asOf]).toEqual([1, undefined]);
  return at;
}

const stands = ({ published: done }: JobReport): boolean => done?.proof.asOf !== undefined;
const later = (ms: number): JobRuntimeOptions => ({
  clock: { ...systemClock(), now: () => Date.now() + ms },
});

/** Rewrites what was written down, as whoever wrote it would have. */
function rewrite(at: At, change: (proven: Record<string, unknown>) => void): void {
  const { sha256: _, ...proven } = JSON.parse(readFileSync(at.proven, 'utf8')) as Record<string, unknown>;
  change(proven);
  writeFileSync(at.proven, JSON.stringify({ ...proven, sha256: sha256Of(canonicalJson(proven)) }));
}

const APP = 'linux-64/app-1.0-0.conda';

describe('an update of what is as it was proven', () => {
  it('stands on that proof, writes nothing into the folder, and reports what a whole one does', async () => {
    const at = await published();
    const before = snapshot(at.labelDir);
    const quick = await at.run();
    const whole = await at.run({ recheck: true });
    expect([stands(quick), stands(whole)]).toEqual([true, false]);
    const { proof, ...done } = whole.published!;
    expect(quick).toEqual({
      ...whole,
      published: { ...done, proof: { checks: proof.checks, asOf: { generation: 1, at: expect.any(String) } } },
    });
    expect(snapshot(at.labelDir)).toEqual(before);
    const lastRun = JSON.parse(readFileSync(join(at.proven, '..', 'last-run.json'), 'utf8')) as { unchanged: boolean };
    expect(lastRun.unchanged).toBe(true);
  });

  it.each<[string, (at: At) => unknown]>([
    ['another cache folder', (at) => at.run({ cacheDir: `${at.request.cacheDir}-2` })],
    ['a token', (at) => at.run({ token: new Secret('xx-01234567-89ab-4cde-8f01-sentineltoken') })],
    ['a day later', (at) => at.run({}, later(DAY))],
    ['engine auto where no conda is', (at) => at.run({ engine: 'auto' }).then(() => at.run({ engine: 'auto' }))],
  ])('also with %s', async (_, run) => {
    expect(stands((await run(await published())) as JobReport)).toBe(true);
  });

  it.each<[string, (script: string) => unknown]>([
    ['gone', (script) => rmSync(script)],
    ['altered', (script) => appendFileSync(script, 'exit 0\n')],
  ])('lays the files for the site where one is %s', async (_, spoil) => {
    const at = await published();
    await at.run({ siteFiles: true });
    const script = `${at.labelDir}.verify.sh`;
    const laid = readFileSync(script, 'utf8');
    expect(stands(await at.run({ siteFiles: true }))).toBe(true);
    spoil(script);
    expect(stands(await at.run({ siteFiles: true }))).toBe(true);
    expect(readFileSync(script, 'utf8')).toBe(laid);
  });
});

describe('all of it is done', () => {
  it.each<[string, (at: At) => unknown, (JobRuntimeOptions | Partial<RepackRequest>)?]>([
    ['an artifact has another time', (at) => utimesSync(join(at.labelDir, APP), 1e9, 1e9)],
    ['an artifact is gone', (at) => rmSync(join(at.labelDir, APP))],
    ['an index was altered', (at) => appendFileSync(join(at.labelDir, 'noarch/repodata.json'), ' ')],
    ['an index is gone', (at) => rmSync(join(at.labelDir, 'noarch/repodata.json.zst'))],
    ['the sums were altered', (at) => appendFileSync(join(at.labelDir, 'SHA256SUMS'), '\n')],
    ['the sums are gone', (at) => rmSync(join(at.labelDir, 'SHA256SUMS'))],
    ['another file lies there', (at) => writeFileSync(join(at.labelDir, 'noarch/other.txt'), '')],
    ['what was seen is forgotten', (at) => rmSync(join(at.proven, '..', 'seen.json'))],
    ['what was proven is torn', (at) => writeFileSync(at.proven, readFileSync(at.proven, 'utf8').slice(0, -20))],
    [
      'what was proven was altered',
      (at) => writeFileSync(at.proven, readFileSync(at.proven, 'utf8').replace('files', 'flies')),
    ],
    ['another version proved it', (at) => rewrite(at, (proven) => (proven['tool'] = '0.0.1'))],
    ['another manifest was proven', (at) => rewrite(at, (proven) => (proven['manifestSha256'] = '0'.repeat(64)))],
    [
      'an index was not read',
      (at) => rewrite(at, (proven) => (proven['indexes'] = [['file:///other', 'noarch', null]])),
    ],
    [
      'a channel has one package more',
      async (at) =>
        makeChannel(at.channel, [...(await gatePackages()).one, (await gatePackages()).two[1]!], {
          subdirs: ['linux-64'],
        }),
    ],
    [
      'the index was written otherwise',
      (at) => {
        for (const end of ['.zst', '.bz2']) rmSync(join(at.channel, `linux-64/repodata.json${end}`), { force: true });
        appendFileSync(join(at.channel, 'linux-64/repodata.json'), '\n');
      },
    ],
    ['a subdir left the channel', (at) => rmSync(join(at.channel, 'linux-64'), { recursive: true })],
    ['the proof is a week old', () => undefined, later(7 * DAY)],
    ['the clock went back', () => undefined, later(-DAY)],
    ['it is asked for', () => undefined, { recheck: true }],
    ['a policy counts', () => undefined, { policy: { parts: [], at: 0 } }],
    ['attestations are carried', () => undefined, { attestations: true }],
    ['the index is packed otherwise', () => undefined, { indexBz2: true }],
  ])('where %s', async (_, change, other = {}) => {
    const at = await published();
    if (other !== undefined && 'indexBz2' in other === false) expect(stands(await at.run())).toBe(true);
    await change(at);
    const run = 'clock' in other ? at.run({}, other) : at.run(other as Partial<RepackRequest>);
    const report = await run.catch((error: unknown) => error as Error);
    expect(report instanceof Error ? false : stands(report)).toBe(false);
  });

  it('after one that failed, and then the next stands', async () => {
    const at = await published();
    const file = join(at.labelDir, APP);
    const { atimeMs, mtimeMs } = statSync(file);
    const bytes = readFileSync(file);
    writeFileSync(file, 'other bytes');
    await expect(at.run()).rejects.toMatchObject({ code: 'E_ARTIFACT_CHANGED' });
    writeFileSync(file, bytes);
    utimesSync(file, atimeMs / 1000, mtimeMs / 1000);
    await at.run({ recheck: true });
    expect(stands(await at.run())).toBe(true);
  });
});

describe('what of a request counts', () => {
  it.each<[Partial<RepackRequest>, boolean]>([
    [{ label: 'other' }, true],
    [{ specs: [parseMatchSpec('app>=1')] }, true],
    [{ channels: [] }, true],
    [{ channelPriority: 'strict' }, true],
    [{ subdirs: ['win-64'] }, true],
    [{ profiles: [profileOf('win-64')] }, true],
    [{ drop: ['lib'] }, true],
    [{ declared: true }, true],
    [{ lock: { file: 'a', form: 'f', version: '1', packages: new Map(), notConda: [], secrets: [] } }, true],
    [
      { lock: { file: 'a', form: 'f', version: '1', packages: new Map([['noarch', []]]), notConda: [], secrets: [] } },
      true,
    ],
    [{ engine: 'auto' }, true],
    [{ enginePath: '/opt/conda' }, true],
    [{ maxIndexMb: 1 }, true],
    [{ replace: ['all'] }, true],
    [{ keep: 5 }, true],
    [{ signKey: '/key' }, true],
    [{ attestations: true }, true],
    [{ adopt: true }, true],
    [{ indexBz2: true }, true],
    [{ siteFiles: true }, true],
    [{ prove: { kind: 'install', enginePath: undefined } }, true],
    [{ root: '/other' }, false],
    [{ token: new Secret('one') }, false],
    [{ proxy: 'http://user:password@host' }, false],
    [{ cacheDir: '/other' }, false],
    [{ requestsPerSecond: 1 }, false],
    [{ waitLockMs: 1 }, false],
    [{ recheck: true }, false],
  ])('%j: %s', (change, counts) => {
    const request: RepackRequest = {
      ...workSettingsOf('/cache'),
      label: LABEL,
      root: '/root',
      token: undefined,
      specs: [parseMatchSpec('app')],
      channels: [{ url: 'file:///c', name: 'c', authenticated: false, role: 'base' }],
      subdirs: ['linux-64'],
      profiles: [profileOf('linux-64')],
      drop: [],
    };
    expect(askedDigest({ ...request, ...change }) !== askedDigest(request)).toBe(counts);
  });
});
