import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { condaAbilities } from '../../src/engine/conda/abilities.js';
import type { Indexer } from './bench-indexer.js';
import { PROJECT_ROOT } from './layers.js';
import { runOurs, runProgram, type RunOptions, type RunResult } from './run-program.js';
import type { TokenServer } from './token-server.js';

/** One thing that is measured. In a home that is new, `run` finds nothing cached; run again there, it finds what it left. */
export type Flow = { name: string; run: (home: string) => Promise<Measured> };

export type Measured = {
  seconds: number;
  /** Seconds by what was done, in order; empty for a single program. */
  steps: Map<string, number>;
  /** Bytes, of the hungriest process that was started here; undefined where the system does not tell. */
  peakRss: number | undefined;
  /** `<subdir>/<file name>` -> size of what was delivered. */
  artifacts: ReadonlyMap<string, number> | undefined;
};

export type Setup = {
  server: TokenServer;
  token: string;
  label: string;
  specs: readonly string[];
  conda: string;
  condaVersion: string;
  indexer: Indexer;
};

/** The whole command, as a user runs it. */
export function ourJob(setup: Setup, { name, engine }: { name: string; engine: readonly string[] }): Flow {
  const { server, token, label, specs, condaVersion } = setup;
  const channels = ['--base-url', server.url, '--owner', server.layout.owner, '--channel', `${server.url}/pkgs/main`];
  // The same view of the channels as the conda beside it has.
  const old = condaAbilities(condaVersion).readsCondaFormat
    ? []
    : ['--client', `conda ${condaVersion}`, '--index', 'bz2'];
  return {
    name,
    async run(home) {
      const root = join(home, 'repo');
      const options = [...channels, ...old, ...engine, '--cache-dir', join(home, 'cache')];
      const args = [label, 'env:BENCH_TOKEN', root, ...specs, ...options];
      const run = runOurs('update-offline-repo', args, { home, env: { BENCH_TOKEN: token }, watchMemory: true });
      const { seconds, peakRss } = await timed(new Map(), name, run);
      return { seconds, peakRss, steps: new Map(), artifacts: artifactsIn(join(root, label)) };
    },
  };
}

/** The seed: a throwaway environment, `conda info`, the artifacts of its records out of the cache, an index, and away with it. */
export function byHand(setup: Setup): Flow {
  return {
    name: `by hand with conda ${setup.condaVersion}`,
    async run(home) {
      const options = condaOptions(setup, home);
      const [prefix, target] = [join(home, 'env'), join(home, 'repo', setup.label)];
      // From scratch each time, so that nothing stale stays.
      rmSync(target, { recursive: true, force: true });
      const steps = new Map<string, number>();
      const created = await timed(steps, 'conda create', create(setup, prefix, options));
      const asked = await timed(steps, 'conda info', runProgram(setup.conda, ['info', '--json'], options));
      const began = performance.now();
      const { pkgs_dirs: caches } = JSON.parse(asked.stdout) as { pkgs_dirs: string[] };
      copyArtifacts(prefix, caches, target);
      steps.set('copy', (performance.now() - began) / 1000);
      const artifacts = artifactsIn(target);
      const index = setup.indexer.command?.(target);
      const indexed = index && (await timed(steps, 'index', runProgram(index.file, index.args, options)));
      const removed = await timed(steps, 'conda remove', remove(setup, prefix, options));
      return { ...sumOf(steps, [created, asked, indexed, removed]), artifacts };
    },
  };
}

/** The same with py-rattler, which need not install: neither a proof nor a flush to the disk. */
export function byRattler(setup: Setup, python: string): Flow {
  return {
    name: 'py-rattler: solve, fetch, index',
    async run(home) {
      const target = join(home, 'repo', setup.label);
      const script = join(PROJECT_ROOT, 'scripts', 'lib', 'rattler-by-hand.py');
      const args = [script, target, channelsByHand(setup).join(' '), ...setup.specs];
      const { seconds, peakRss } = await timed(
        new Map(),
        script,
        runProgram(python, args, { home, watchMemory: true }),
      );
      return { seconds, peakRss, steps: new Map(), artifacts: artifactsIn(target) };
    },
  };
}

/** What no use of conda can be faster than. */
export function createAndRemove(setup: Setup): Flow {
  return {
    name: `conda ${setup.condaVersion} create + remove`,
    async run(home) {
      const options = condaOptions(setup, home);
      const prefix = join(home, 'env');
      const steps = new Map<string, number>();
      const created = await timed(steps, 'conda create', create(setup, prefix, options));
      const removed = await timed(steps, 'conda remove', remove(setup, prefix, options));
      return { ...sumOf(steps, [created, removed]), artifacts: undefined };
    },
  };
}

function create(
  { conda, condaVersion, specs, ...setup }: Setup,
  prefix: string,
  options: RunOptions,
): Promise<RunResult> {
  const given = ['--override-channels', ...channelsByHand(setup).flatMap((url) => ['--channel', url])];
  const channels = condaAbilities(condaVersion).overridesChannels ? given : [];
  return runProgram(conda, ['create', '-y', '-q', '-p', prefix, ...channels, ...specs], options);
}

function remove({ conda }: Setup, prefix: string, options: RunOptions): Promise<RunResult> {
  return runProgram(conda, ['remove', '-y', '-q', '-p', prefix, '--all'], options);
}

/** As people write them, with the token. */
function channelsByHand({ server, token, label }: Pick<Setup, 'server' | 'token' | 'label'>): string[] {
  const { owner } = server.layout;
  const paths = [`t/${token}/${owner}/label/${label}`, `t/${token}/${owner}`, 'pkgs/main'];
  return paths.map((path) => `${server.url}/${path}`);
}

function condaOptions(setup: Setup, home: string): RunOptions {
  const condarc = {
    channels: channelsByHand(setup),
    default_channels: [],
    add_anaconda_token: false,
    auto_update_conda: false,
    pkgs_dirs: [join(home, 'pkgs')],
  };
  mkdirSync(home, { recursive: true });
  // JSON is YAML.
  writeFileSync(join(home, 'condarc'), JSON.stringify(condarc));
  return { home, env: { CONDARC: join(home, 'condarc') }, watchMemory: true };
}

function copyArtifacts(prefix: string, caches: readonly string[], target: string): void {
  const meta = join(prefix, 'conda-meta');
  for (const name of readdirSync(meta).filter((each) => each.endsWith('.json'))) {
    const record = JSON.parse(readFileSync(join(meta, name), 'utf8')) as { fn: string; url: string };
    const subdir = record.url.split('/').at(-2) ?? '';
    const source = caches.map((cache) => join(cache, record.fn)).find((path) => existsSync(path));
    if (source === undefined) throw new Error(`${record.fn} is in no package cache`);
    mkdirSync(join(target, subdir), { recursive: true });
    copyFileSync(source, join(target, subdir, record.fn));
  }
}

function artifactsIn(dir: string): Map<string, number> {
  const found = new Map<string, number>();
  for (const path of readdirSync(dir, { recursive: true, encoding: 'utf8' })) {
    if (/\.(?:conda|tar\.bz2)$/.test(path)) found.set(path, statSync(join(dir, path)).size);
  }
  return found;
}

type Timed = { seconds: number; peakRss: number | undefined; stdout: string };

async function timed(steps: Map<string, number>, step: string, running: Promise<RunResult>): Promise<Timed> {
  const { exitCode, stdout, stderr, seconds, peakRss } = await running;
  if (exitCode !== 0)
    throw new Error(`${step}: exit ${String(exitCode)}\n${stdout.slice(-2000)}${stderr.slice(-2000)}`);
  steps.set(step, seconds);
  return { seconds, peakRss, stdout };
}

function sumOf(steps: Map<string, number>, runs: readonly (Timed | undefined)[]): Omit<Measured, 'artifacts'> {
  const peaks = runs.flatMap((run) => (run?.peakRss === undefined ? [] : [run.peakRss]));
  return {
    seconds: [...steps.values()].reduce((sum, each) => sum + each, 0),
    steps,
    peakRss: peaks.length === 0 ? undefined : Math.max(...peaks),
  };
}
