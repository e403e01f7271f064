import { createHash } from 'node:crypto';
import { afterAll, beforeAll } from 'vitest';
import type { Channel } from '../../../../src/conda/channel/channel.js';
import type { RepackEvent } from '../../../../src/base/events.js';
import { parseMatchSpec } from '../../../../src/conda/spec/match-spec.js';
import type { SolveRequest } from '../../../../src/conda/plan/plan.js';
import type { TargetClient, VirtualPackage } from '../../../../src/conda/plan/profile.js';
import type { RepodataSource } from '../../../../src/conda/record/repodata-index.js';
import { scanRepodata } from '../../../../src/conda/record/repodata-scan.js';
import { systemClock } from '../../../../src/runtime/clock.js';
import { threadWorkers } from '../../../../src/runtime/workers.js';
import { solveEmbedded } from '../../../../src/engine/embedded/solve.js';
import type { EmbeddedRuntime } from '../../../../src/engine/embedded/solve.js';
import { openEmbeddedSolver } from '../../../../src/engine/embedded/solver.js';
import type { EmbeddedSolver } from '../../../../src/engine/embedded/solver.js';

export interface TestRecord {
  name: string;
  version: string;
  build: string;
  build_number: number;
  depends: string[];
  subdir: string;
  /** File name in the index; not part of the record. */
  fn: string;
  [key: string]: unknown;
}

/** `rec('numpy 1.26.4', { depends: ['python'] })`; the third word is the build string. Default subdir: linux-64. */
export function rec(text: string, more: Record<string, unknown> & { format?: 'conda' | 'tar.bz2' } = {}): TestRecord {
  const [name = '', version = '', build = '0'] = text.split(' ');
  const { format = 'conda', ...rest } = more;
  const fn = `${name}-${version}-${build}.${format}`;
  const sha256 = createHash('sha256')
    .update(`${fn}${String(rest['subdir'])}`)
    .digest('hex');
  return { name, version, build, build_number: 0, depends: [], subdir: 'linux-64', sha256, size: 1, fn, ...rest };
}

export interface TestChannel {
  channel: Channel;
  records: readonly TestRecord[];
  baseUrl?: string;
}

export function chan(name: string, records: readonly TestRecord[], more: { baseUrl?: string } = {}): TestChannel {
  return {
    channel: { url: `https://conda.example/${name}`, name, authenticated: false, role: 'base' },
    records,
    ...more,
  };
}

export function sourceOf(
  channels: readonly TestChannel[],
  keep: (record: TestRecord) => boolean = () => true,
): RepodataSource {
  return {
    async repodata(channel, subdir) {
      const found = channels.find((each) => each.channel.url === channel.url);
      if (found === undefined) return undefined;
      const own = found.records.filter((each) => each.subdir === subdir && keep(each));
      const part = (conda: boolean) =>
        Object.fromEntries(
          own.filter((each) => each.fn.endsWith('.conda') === conda).map(({ fn, ...record }) => [fn, record]),
        );
      const info = { subdir, base_url: found.baseUrl };
      const document = { info, packages: part(false), 'packages.conda': part(true), removed: [], repodata_version: 1 };
      return scanRepodata(Buffer.from(JSON.stringify(document)), `${channel.url}/${subdir}/repodata.json`);
    },
  };
}

export const CONDA_44: TargetClient = {
  name: 'conda',
  version: '4.4',
  readsCondaFormat: false,
  knowsVirtualPackages: false,
  needsBz2Index: false,
  injectsPip: true,
};

export interface Ask {
  specs: readonly string[];
  channels: readonly TestChannel[];
  priority?: SolveRequest['channelPriority'];
  subdir?: string;
  virtual?: readonly VirtualPackage[];
  client?: TargetClient | undefined;
}

export function requestOf(ask: Ask): SolveRequest {
  return {
    specs: ask.specs.map((text) => parseMatchSpec(text)),
    channels: ask.channels.map(({ channel }) => channel),
    channelPriority: ask.priority ?? 'flexible',
    profile: { subdir: ask.subdir ?? 'linux-64', virtualPackages: ask.virtual ?? [], client: ask.client },
  };
}

export function testRuntime(
  signal: AbortSignal = new AbortController().signal,
): EmbeddedRuntime & { events: { seen: RepackEvent[] } } {
  const seen: RepackEvent[] = [];
  return {
    workers: threadWorkers(),
    clock: systemClock(),
    signal,
    events: { seen, emit: (event) => void seen.push(event) },
  };
}

/** One thread for a whole test file. */
export function sharedSolver(): {
  rt: ReturnType<typeof testRuntime>;
  solver: () => EmbeddedSolver;
  solve: typeof solve;
  picks: typeof picks;
} {
  const rt = testRuntime();
  let solver: EmbeddedSolver | undefined;
  beforeAll(() => {
    solver = openEmbeddedSolver(rt);
  });
  afterAll(() => solver?.close());
  function solve(ask: Ask) {
    return solveEmbedded(rt, { request: requestOf(ask), source: sourceOf(ask.channels), solver });
  }
  /** `name version build@channel`, sorted. */
  async function picks(ask: Ask): Promise<string[]> {
    const { artifacts } = await solve(ask);
    return artifacts
      .map(({ record, channel }) => `${record?.name} ${record?.version} ${record?.build}@${channel?.name}`)
      .sort();
  }
  return { rt, solver: () => solver!, solve, picks };
}
