import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PROJECT_ROOT } from '../../scripts/lib/layers.js';
import { snapshot, type Snapshot } from '../../scripts/lib/snapshot.js';
import { startSampleUpstream, TOKEN, type TestUpstream } from './upstream.js';

export type ProgramName = 'update-offline-repo' | 'repackenv';

export interface ProgramOptions {
  /** Becomes HOME; nothing else of the caller's environment than PATH is handed on. */
  home: string;
  env?: Readonly<Record<string, string>> | undefined;
  /** Default: `home`. */
  cwd?: string | undefined;
  /** Standard input; closed without. */
  input?: string | undefined;
  /** Default: the one of the checkout. */
  bin?: string | undefined;
}

export interface Ran {
  /** Null when ended by a signal. */
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface RunningProgram {
  pid: number;
  child: ChildProcess;
  /** Both streams as far as they have come. */
  printed(): string;
  /** Resolves as soon as the text was printed; false when the program ended without. */
  says(text: string): Promise<boolean>;
  ended: Promise<Ran>;
}

/** Starts one of our two programs as a user does, from `bin/`; `npm run build` must have been run. */
export function startOurs(program: ProgramName, args: readonly string[], options: ProgramOptions): RunningProgram {
  const { home, env, cwd = home, input, bin = join(PROJECT_ROOT, 'bin') } = options;
  mkdirSync(home, { recursive: true });
  const child = spawn(process.execPath, [join(bin, `${program}.js`), ...args], {
    cwd,
    env: { PATH: process.env['PATH'], HOME: home, LANG: 'C.UTF-8', ...env },
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  const out = { stdout: '', stderr: '' };
  const waiting = new Set<() => void>();
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream]!.setEncoding('utf8').on('data', (text: string) => {
      out[stream] += text;
      for (const look of waiting) look();
    });
  }
  child.stdin?.end(input);
  const ended = new Promise<Ran>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exitCode, signal) => resolve({ exitCode, signal, ...out }));
  });
  const printed = (): string => out.stdout + out.stderr;
  return {
    pid: child.pid!,
    child,
    printed,
    says: (text) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (printed().includes(text)) resolve(true);
        };
        waiting.add(look);
        look();
        void ended.then(() => resolve(printed().includes(text)));
      }),
    ended,
  };
}

export function runOurs(program: ProgramName, args: readonly string[], options: ProgramOptions): Promise<Ran> {
  return startOurs(program, args, options).ended;
}

export interface UpdateOptions {
  label?: string;
  /** As on the command line; default `env:CONDA_TOKEN`. */
  token?: string;
  root?: string;
  packages?: readonly string[];
  /** Behind the options of every run here, so that they count instead where both give one. */
  args?: readonly string[];
  env?: Readonly<Record<string, string>>;
  input?: string;
  cwd?: string;
  bin?: string;
}

/** A machine of a release engineer: folders of its own, the sample upstream, and nothing else. */
export interface Workplace {
  dir: string;
  home: string;
  root: string;
  cache: string;
  tmp: string;
  /** `ROOT/halkbank`. */
  labelDir: string;
  upstream: TestUpstream;
  /** `update-offline-repo halkbank env:CONDA_TOKEN ROOT ratingpro pytho …` with the embedded engine for linux-64. */
  update(options?: UpdateOptions): Promise<Ran>;
  start(options?: UpdateOptions): RunningProgram;
  run(program: ProgramName, args: readonly string[], options?: Partial<ProgramOptions>): Promise<Ran>;
  verify(dir?: string): Promise<Ran>;
  published(): Snapshot;
  close(): Promise<void>;
}

export async function openWorkplace(options: { upstream?: TestUpstream; token?: string } = {}): Promise<Workplace> {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'repackenv-workplace-')));
  const upstream = options.upstream ?? (await startSampleUpstream());
  const places = { home: join(dir, 'home'), root: join(dir, 'root'), cache: join(dir, 'cache'), tmp: join(dir, 'tmp') };
  mkdirSync(places.tmp);
  const labelDir = join(places.root, 'halkbank');
  const environment = { TMPDIR: places.tmp, CONDA_TOKEN: options.token ?? TOKEN };

  const start = (update: UpdateOptions = {}): RunningProgram =>
    startOurs('update-offline-repo', updateArguments(update), {
      home: places.home,
      env: { ...environment, ...update.env },
      input: update.input,
      cwd: update.cwd,
      bin: update.bin,
    });
  const run: Workplace['run'] = (program, args, extra = {}) =>
    runOurs(program, args, { home: places.home, ...extra, env: { ...environment, ...extra.env } });
  return {
    dir,
    ...places,
    labelDir,
    upstream,
    start,
    update: (update) => start(update).ended,
    run,
    verify: (folder = labelDir) => run('repackenv', ['verify', folder]),
    published: () => snapshot(labelDir),
    close: async () => {
      if (options.upstream === undefined) await upstream.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };

  function updateArguments(update: UpdateOptions): string[] {
    const {
      label = 'halkbank',
      token = 'env:CONDA_TOKEN',
      root = places.root,
      packages = ['ratingpro', 'pytho'],
    } = update;
    const options = [
      '--base-url',
      upstream.url,
      '--owner',
      'prometeia',
      '--channel',
      'pkgs/main',
      '--engine',
      'embedded',
      '--subdir',
      'linux-64',
    ];
    return [...options, '--cache-dir', places.cache, ...(update.args ?? []), '--', label, token, root, ...packages];
  }
}
