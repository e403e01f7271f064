import { randomBytes } from 'node:crypto';
import { availableParallelism, homedir, hostname, tmpdir, totalmem, userInfo } from 'node:os';
import type { EventSink } from '../base/events.js';
import type { Redactor } from '../base/redact.js';
import { systemClock } from './clock.js';
import { nodeFileSystem } from './fs.js';
import { undiciHttp } from './http.js';
import type { Machine, Runtime } from './runtime.js';
import { QUEUE_VARIABLE, paceHere } from './pace.js';
import { threadWorkers } from './workers.js';
import { startedAs } from './program-files.js';

export interface NodeRuntimeOptions {
  events: EventSink;
  secrets: Pick<Redactor, 'foundIn'>;
  signal: AbortSignal;
  process: Pick<
    NodeJS.Process,
    'env' | 'platform' | 'arch' | 'pid' | 'cwd' | 'getuid' | 'kill' | 'constrainedMemory' | 'execPath' | 'argv'
  >;
}

/** The real machine. */
export function nodeRuntime(options: NodeRuntimeOptions): Runtime {
  const { process } = options;
  const killAt = process.env['REPACKENV_TEST_KILL_AT'];
  const throwAt = process.env['REPACKENV_TEST_THROW_AT'];
  const clock = systemClock();
  return {
    fs: nodeFileSystem(),
    // Reading execa's modules takes 0.1 s, and a run with the embedded engine starts no program.
    exec: { run: async (command) => (await import('./exec.js')).execaExec().run(command) },
    http: undiciHttp(),
    workers: threadWorkers(),
    clock,
    pace: paceHere(clock, process.env[QUEUE_VARIABLE]),
    events: options.events,
    secrets: options.secrets,
    signal: options.signal,
    env: process.env,
    machine: describeMachine(process),
    reach: async (step) => {
      if (killAt === step) process.kill(process.pid, 'SIGKILL');
      if (throwAt === step) throw new TypeError(`${step}: ${process.env['REPACKENV_TEST_THROW_TEXT'] ?? 'a fault'}`);
    },
  };
}

function describeMachine(process: NodeRuntimeOptions['process']): Machine {
  return {
    platform: process.platform,
    arch: process.arch,
    subdir: condaSubdir(process.platform, process.arch),
    hostname: hostname(),
    username: userName(),
    pid: process.pid,
    homedir: homedir(),
    tmpdir: tmpdir(),
    cwd: process.cwd(),
    uid: process.getuid?.(),
    cpus: availableParallelism(),
    memory: usableMemory(process.constrainedMemory()),
    startedAs: startedAs(process),
    randomId: () => randomBytes(4).toString('hex'),
  };
}

/** `limit`: 0 or beyond all that there is where nobody set one. */
function usableMemory(limit: number | undefined): number {
  return limit === undefined || limit === 0 ? totalmem() : Math.min(limit, totalmem());
}

/** conda's platform names (`conda.base.constants.KNOWN_SUBDIRS`). */
function condaSubdir(platform: NodeJS.Platform, arch: string): string {
  const os = platform === 'win32' ? 'win' : platform === 'darwin' ? 'osx' : platform;
  const cpu: Record<string, string> = { x64: '64', ia32: '32', arm64: os === 'linux' ? 'aarch64' : 'arm64' };
  return `${os}-${cpu[arch] ?? arch}`;
}

/** An account without an entry in the user database (containers, some services) has no name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return '';
  }
}
