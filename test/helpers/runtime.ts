import { homedir, tmpdir } from 'node:os';
import type { RepackEvent } from '../../src/base/events.js';
import { createRedactor, type Redactor } from '../../src/base/redact.js';
import { systemClock, type Clock } from '../../src/runtime/clock.js';
import type { Exec } from '../../src/runtime/exec.js';
import type { FileSystem } from '../../src/runtime/fs.js';
import { nodeFileSystem } from '../../src/runtime/fs.js';
import type { HttpDoor } from '../../src/runtime/http.js';
import type { Machine, Runtime } from '../../src/runtime/runtime.js';
import { paceHere } from '../../src/runtime/pace.js';
import type { Workers } from '../../src/runtime/workers.js';
import { threadWorkers } from '../../src/runtime/workers.js';

/** A Runtime of a test, with what it collected. */
export interface TestRuntime extends Runtime {
  clock: FakeClock;
  /** Every event emitted, in order. */
  collected: RepackEvent[];
  /** Every step passed to `reach`, in order. */
  reached: string[];
  /** Aborts `signal`. */
  abort(reason?: unknown): void;
}

export interface TestRuntimeOptions {
  fs?: FileSystem;
  clock?: FakeClock;
  exec?: Exec;
  http?: HttpDoor;
  workers?: Workers;
  /** Default: knows none. */
  secrets?: Redactor;
  env?: Readonly<Record<string, string | undefined>>;
  /** Laid over a linux-64 machine called `build-host`, with this process's pid. */
  machine?: Partial<Machine>;
  /** Called after the step is noted in `reached`. */
  reach?: (step: string) => Promise<void> | void;
  onEvent?: (event: RepackEvent) => void;
}

/**
 * Real disk and real threads; a clock that only moves when slept on; `exec` and `http` throw unless handed in. `randomId` counts
 * (`id-1`, `id-2`, …), so two runtimes that share a folder need `machine: { randomId }` of their own.
 */
export function testRuntime(options: TestRuntimeOptions = {}): TestRuntime {
  const abortion = new AbortController();
  const collected: RepackEvent[] = [];
  const reached: string[] = [];
  const clock = options.clock ?? fakeClock();
  return {
    fs: options.fs ?? nodeFileSystem(),
    clock,
    pace: paceHere(clock, undefined),
    exec: options.exec ?? {
      run: async ({ file }) => Promise.reject(new Error(`the test gave no exec; asked to run ${file}`)),
    },
    http: options.http ?? noHttp(),
    workers: options.workers ?? threadWorkers(),
    events: {
      emit: (event) => {
        collected.push(event);
        options.onEvent?.(event);
      },
    },
    secrets: options.secrets ?? createRedactor(),
    signal: abortion.signal,
    env: options.env ?? {},
    machine: { ...testMachine(), ...options.machine },
    reach: async (step) => {
      reached.push(step);
      await options.reach?.(step);
    },
    collected,
    reached,
    abort: (reason) => abortion.abort(reason),
  };
}

/** Time that a test owns. */
export interface FakeClock extends Clock {
  /** Milliseconds asked for by each `sleep`, in order. */
  readonly sleeps: number[];
  /** Moves both hands forward. */
  advance(ms: number): void;
  /** Sets the wall clock (also backwards), not the monotonic one. */
  set(nowMs: number): void;
}

/** Starts at 2026-01-02T03:04:05Z. `sleep` advances the time at once, after one turn of the event loop. */
export function fakeClock(startMs = Date.UTC(2026, 0, 2, 3, 4, 5)): FakeClock {
  let now = startMs;
  let monotonic = 0;
  const sleeps: number[] = [];
  const advance = (ms: number): void => {
    now += ms;
    monotonic += ms;
  };
  return {
    sleeps,
    advance,
    set: (nowMs) => {
      now = nowMs;
    },
    now: () => now,
    monotonic: () => monotonic,
    sleep: async (ms, signal) => {
      signal?.throwIfAborted();
      sleeps.push(ms);
      await new Promise((resolve) => setImmediate(resolve));
      signal?.throwIfAborted();
      advance(ms);
    },
  };
}

/** The real time, but for short waits (before another try, for what is held open), which pass at once. */
export function impatientClock(): Clock {
  const real = systemClock();
  let skipped = 0;
  return {
    now: () => real.now() + skipped,
    monotonic: () => real.monotonic() + skipped,
    sleep: async (ms, signal) => {
      const passes = ms < 120_000;
      await real.sleep(passes ? 0 : ms, signal);
      if (passes) skipped += ms;
    },
  };
}

function testMachine(): Machine {
  let ids = 0;
  return {
    platform: process.platform,
    arch: process.arch,
    subdir: 'linux-64',
    hostname: 'build-host',
    username: 'builder',
    pid: process.pid,
    homedir: homedir(),
    tmpdir: tmpdir(),
    cwd: process.cwd(),
    uid: process.getuid?.(),
    cpus: 2,
    memory: 8_000_000_000,
    startedAs: ['/usr/bin/node', '/opt/repackenv/bin/repackenv.js'],
    randomId: () => `id-${++ids}`,
  };
}

function noHttp(): HttpDoor {
  const refuse = (): never => {
    throw new Error('the test gave no http');
  };
  return { client: refuse, listenLoopback: refuse, listenPublic: refuse };
}
