import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PROJECT_ROOT } from './layers.js';
import { watchProcess, type Watched } from './peak-memory.js';

export type RunOptions = {
  /** Becomes HOME; made when it is not there. Nothing else of the caller's configuration is handed on. */
  home: string;
  env?: Readonly<Record<string, string>>;
  cwd?: string;
  /** Called with what the program prints, as it comes, both streams. */
  show?: (text: string) => void;
  /** Asks the program to end. */
  stop?: AbortSignal;
  /** Fills in `peakRss` and `processorSeconds`, where the system tells. */
  watchMemory?: boolean;
};

export type RunResult = {
  exitCode: number | null;
  stdout: string;
  stderr: string;
  seconds: number;
} & Watched;

/** One of our two programs, as a user runs it. */
export function runOurs(program: string, args: readonly string[], options: RunOptions): Promise<RunResult> {
  return runProgram(process.execPath, [join(PROJECT_ROOT, 'bin', `${program}.js`), ...args], options);
}

/** Any program, with a closed standard input and a home of its own. Not synchronous: the upstream may be served from this process. */
export async function runProgram(file: string, args: readonly string[], options: RunOptions): Promise<RunResult> {
  mkdirSync(options.home, { recursive: true });
  const began = performance.now();
  const child = spawn(file, args, {
    cwd: options.cwd ?? options.home,
    env: {
      PATH: process.env['PATH'],
      SystemRoot: process.env['SystemRoot'],
      TMPDIR: tmpdir(),
      TEMP: tmpdir(),
      HOME: options.home,
      USERPROFILE: options.home,
      ...options.env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const printed = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      printed[stream] += text;
      options.show?.(text);
    });
  }
  options.stop?.addEventListener('abort', () => child.kill('SIGTERM'), { once: true });
  const watched = options.watchMemory === true && child.pid !== undefined ? watchProcess(child.pid) : undefined;
  const exitCode = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  }).finally(() => watched?.());
  return { exitCode, ...printed, seconds: (performance.now() - began) / 1000, ...watched?.() };
}
