import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isRepackError } from '../../../../src/base/errors.js';
import type { RepackEvent } from '../../../../src/base/events.js';
import { Secret } from '../../../../src/base/secret.js';
import { parseMatchSpec } from '../../../../src/conda/spec/match-spec.js';
import { defaultJobs, runLabels, type LabelOutcome, type LabelWork } from '../../../../src/jobs/fleet/run-labels.js';
import type { JobReport } from '../../../../src/jobs/job-report.js';
import type { RepackRequest } from '../../../../src/jobs/request.js';
import { update } from '../../../../src/jobs/update.js';
import type { Runtime } from '../../../../src/runtime/runtime.js';
import { tempDir } from '../../../helpers/artifacts.js';
import { jobRuntime, profileOf, workSettingsOf } from '../../../helpers/gated-jobs.js';
import { startSampleUpstream, TOKEN, type TestUpstream } from '../../../helpers/upstream.js';

const LABELS = Array.from({ length: 8 }, (_, i) => `bank-${i + 1}`);
const OTHER_TOKEN = 'yy-01234567-89ab-4cde-8f01-othertoken';

let upstream: TestUpstream;
beforeAll(async () => {
  upstream = await startSampleUpstream({ alsoLabels: LABELS, alsoTokens: [OTHER_TOKEN] });
});
afterAll(() => upstream.close());

function requestOf(dir: string, label: string, more: Partial<RepackRequest> = {}): RepackRequest {
  const owner = `${upstream.url}/prometeia`;
  return {
    ...workSettingsOf(join(dir, 'cache')),
    label,
    root: join(dir, 'root'),
    token: new Secret(TOKEN),
    specs: [parseMatchSpec('ratingpro'), parseMatchSpec('pytho')],
    channels: [
      { url: `${owner}/label/${label}`, name: `prometeia/label/${label}`, authenticated: true, role: 'label' },
      { url: owner, name: 'prometeia', authenticated: true, role: 'owner' },
      { url: `${upstream.url}/pkgs/main`, name: 'pkgs/main', authenticated: false, role: 'base' },
    ],
    subdirs: ['linux-64'],
    profiles: [profileOf('linux-64')],
    drop: [],
    ...more,
  };
}

interface RunOptions {
  jobs?: number;
  rt?: Runtime;
  onEvent?: (label: string, event: RepackEvent) => void;
}

async function run(
  dir: string,
  labels: readonly [label: string, more?: Partial<RepackRequest>][],
  { jobs = 4, rt = jobRuntime(), onEvent }: RunOptions = {},
) {
  const before = upstream.requests.length;
  const told: string[] = [];
  const works = labels.map(([label, more]): LabelWork<JobReport> => ({
    label,
    run: (own, shared) => update(own, requestOf(dir, label, more), shared),
  }));
  const outcomes = await runLabels(rt, works, {
    jobs,
    events: {
      started: (label) => {
        told.push(`${label} started`);
        return { emit: (event) => onEvent?.(label, event) };
      },
      ended: ({ label }) => void told.push(`${label} ended`),
    },
  });
  return { outcomes, told, requests: upstream.requests.slice(before) };
}

const codeOf = (outcome: LabelOutcome<JobReport>): string => {
  if ('report' in outcome) return 'done';
  return isRepackError(outcome.error) ? outcome.error.code : String(outcome.error);
};

/** What was asked for, each with how often it was answered with bytes. */
function bytesAnswered(requests: TestUpstream['requests'], pattern: RegExp): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { method, path, status } of requests)
    if (method === 'GET' && status === 200 && pattern.test(path)) counts.set(path, (counts.get(path) ?? 0) + 1);
  return counts;
}

const INDEX = /repodata\.json/;
const ARTIFACT = /\.(conda|tar\.bz2)$/;

describe('runLabels', () => {
  it('eight at once: each index and each artifact is fetched once, and each is counted as downloaded by one label', async () => {
    const { outcomes, requests, told } = await run(
      tempDir(),
      LABELS.map((label) => [label]),
      { jobs: 8 },
    );
    expect(outcomes.map(codeOf)).toEqual(LABELS.map(() => 'done'));
    expect(told.slice(0, 8)).toEqual(LABELS.map((label) => `${label} started`));
    const indexes = bytesAnswered(requests, INDEX);
    const artifacts = bytesAnswered(requests, ARTIFACT);
    // Those of the labels have a path each; owner and base are shared.
    expect([...indexes.values()]).toEqual([...indexes.keys()].map(() => 1));
    expect([...artifacts.values()]).toEqual([...artifacts.keys()].map(() => 1));
    const asked = requests.filter(({ method, path }) => method === 'HEAD' && path.startsWith('/pkgs/main'));
    expect(asked.map(({ path }) => path).sort()).toEqual([
      '/pkgs/main/linux-64/repodata.json',
      '/pkgs/main/noarch/repodata.json',
    ]);
    const downloaded = outcomes.reduce(
      (sum, each) => sum + ('report' in each ? each.report.fetched!.download.artifacts : 0),
      0,
    );
    expect(downloaded).toBe(artifacts.size);
  });

  it('one that fails, in whatever way, stops no other, and each is told its own', async () => {
    const dir = tempDir();
    mkdirSync(join(dir, 'root', 'bank-5'), { recursive: true });
    writeFileSync(join(dir, 'root', 'bank-5', 'letter.txt'), 'not ours');
    const throws = { get specs(): never { throw new TypeError('a bug of ours'); } }; // prettier-ignore
    const { outcomes } = await run(dir, [
      ['bank-1', { specs: ['alib', 'blib=2.0'].map((text) => parseMatchSpec(text)) }],
      ['bank-2'],
      ['bank-3', { specs: [parseMatchSpec('no-such-package')] }],
      ['bank-4', { token: new Secret('zz-01234567-wrong-token') }],
      ['bank-5'],
      ['bank-6', throws],
      ['bank-7'],
    ]);
    expect(outcomes.map(codeOf)).toEqual([
      'E_UNSOLVABLE',
      'done',
      'E_PACKAGE_NOT_FOUND',
      'E_TOKEN_REFUSED',
      'E_NOT_OURS',
      'TypeError: a bug of ours',
      'done',
    ]);
  });

  it('a token opens nothing for a label that has another: the private channel is asked for again, its bytes are not', async () => {
    const dir = tempDir();
    const { outcomes, requests } = await run(dir, [
      ['bank-1'],
      ['bank-2', { token: new Secret(OTHER_TOKEN) }],
      [
        'bank-3',
        { token: undefined, specs: [parseMatchSpec('numpy')], channels: requestOf(dir, 'bank-3').channels.slice(2) },
      ],
      ['bank-4', { token: new Secret('zz-01234567-wrong-token') }],
    ]);
    expect(outcomes.map(codeOf)).toEqual(['done', 'done', 'done', 'E_TOKEN_REFUSED']);
    const asked = (token: string) => requests.filter(({ path }) => path.startsWith(`/t/${token}/`));
    // 200, or 304 where the first has it on disk already: asked with its own token in any case.
    for (const token of [TOKEN, OTHER_TOKEN])
      expect(asked(token).some(({ path, status }) => INDEX.test(path) && [200, 304].includes(status))).toBe(true);
    const names = requests
      .filter(({ method, path, status }) => method === 'GET' && status === 200 && ARTIFACT.test(path))
      .map(({ path }) => path.split('/').at(-1)!);
    expect(names.length).toBe(new Set(names).size);
    expect(requests.filter(({ path }) => path.includes('wrong')).every(({ status }) => status === 404)).toBe(true);
    const third = readFileSync(join(dir, 'root', 'bank-3', 'manifest.json'), 'utf8');
    expect(third).not.toContain('prometeia');
  });

  it('interrupted: what runs ends as a single run does, what waits is not begun, nothing temporary stays', async () => {
    const dir = tempDir();
    const rt = jobRuntime();
    const abortion = new AbortController();
    const onEvent = (label: string, { type }: RepackEvent): void => {
      if (label === 'bank-2' && type === 'acquire-total') abortion.abort('SIGINT');
    };
    const { outcomes, told } = await run(
      dir,
      LABELS.map((label) => [label]),
      { jobs: 2, rt: { ...rt, signal: abortion.signal }, onEvent },
    );
    expect(outcomes).toHaveLength(8);
    expect(codeOf(outcomes[1]!)).not.toBe('done');
    expect(told.filter((line) => line.endsWith('started')).length).toBeLessThan(5);
    expect(outcomes.slice(4).map(codeOf)).toEqual(['SIGINT', 'SIGINT', 'SIGINT', 'SIGINT']);
    expect(existsSync(join(dir, 'cache', 'runs')) ? readdirSync(join(dir, 'cache', 'runs')) : []).toEqual([]);
    expect(readdirSync(join(dir, 'cache', 'store', 'tmp'))).toEqual([]);
    // A second run does what is left.
    const again = await run(
      dir,
      LABELS.map((label) => [label]),
    );
    expect(again.outcomes.map(codeOf)).toEqual(LABELS.map(() => 'done'));
  });
});

describe('defaultJobs', () => {
  it.each([
    [1, 500_000_000, 1],
    [1, 16e9, 2],
    [2, 3.9e9, 3],
    [2, 16e9, 4],
    [64, 256e9, 8],
  ])('%i cores, %d bytes: %i', (cpus, memory, jobs) => {
    expect(defaultJobs({ cpus, memory })).toBe(jobs);
  });
});
