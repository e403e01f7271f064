import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { SolverTask } from '../../../../src/engine/embedded/protocol.js';
import { solveEmbedded } from '../../../../src/engine/embedded/solve.js';
import { openEmbeddedSolver } from '../../../../src/engine/embedded/solver.js';
import type { EmbeddedSolver, EmbeddedSolverOptions } from '../../../../src/engine/embedded/solver.js';
import { RepackError } from '../../../../src/base/errors.js';
import { chan, rec, requestOf, sourceOf, testRuntime } from './sources.js';

/** Threads that behave badly in one way each. */
const SCRIPTS = {
  throws: `import { parentPort } from 'node:worker_threads'; parentPort.on('message', () => { throw new Error('unreachable executed'); });`,
  exits: `import { parentPort } from 'node:worker_threads'; parentPort.on('message', () => process.exit(3));`,
  hangs: `import { parentPort } from 'node:worker_threads'; parentPort.on('message', () => {});`,
  spins: `import { parentPort } from 'node:worker_threads'; parentPort.on('message', () => { for (;;); });`,
  noMemory: `throw new RangeError('WebAssembly.Instance(): Out of memory: Cannot allocate Wasm memory');`,
  doesNotLoad: `import 'no-such-package';`,
  failsOnce: `import { parentPort } from 'node:worker_threads'; import { existsSync, writeFileSync } from 'node:fs';
    const flag = new URL('./failed-once', import.meta.url);
    parentPort.on('message', ({ id }) => { if (!existsSync(flag)) { writeFileSync(flag, ''); throw new Error('first'); } parentPort.postMessage({ id, picks: [] }); });`,
};
let dir: string;
let solver: EmbeddedSolver | undefined;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'repackenv-solver-'));
  for (const [name, text] of Object.entries(SCRIPTS)) writeFileSync(join(dir, `${name}.mjs`), text);
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));
afterEach(() => solver?.close());

function open(
  name: keyof typeof SCRIPTS,
  options: EmbeddedSolverOptions & { signal?: AbortSignal } = {},
): EmbeddedSolver {
  const { signal, ...rest } = options;
  solver = openEmbeddedSolver(testRuntime(signal), { script: pathToFileURL(join(dir, `${name}.mjs`)), ...rest });
  return solver;
}

function task(): SolverTask {
  return {
    specs: ['x'],
    virtualPackages: [],
    target: new TextEncoder().encode('{}'),
    noarch: new TextEncoder().encode('{}'),
  };
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'no error',
    (error: unknown) => (error instanceof RepackError ? error.code : String(error)),
  );
}

describe('a thread that breaks', () => {
  it.each([
    ['throws', 'E_ENGINE_FAILED'],
    ['exits', 'E_ENGINE_FAILED'],
    // A part of the program is gone.
    ['doesNotLoad', 'E_DISK'],
  ] as const)('%s: %s, for everyone who waits', async (name, code) => {
    const opened = open(name);
    expect(await Promise.all([codeOf(opened.solve(task())), codeOf(opened.solve(task()))])).toEqual([code, code]);
  });

  it('B6 hangs: E_ENGINE_TIMEOUT', async () => {
    expect(await codeOf(open('hangs', { timeoutMs: 50 }).solve(task()))).toBe('E_ENGINE_TIMEOUT');
  });

  it('B6 spins in a loop that no promise can leave: ended from outside', async () => {
    expect(await codeOf(open('spins', { timeoutMs: 200 }).solve(task()))).toBe('E_ENGINE_TIMEOUT');
  });

  it('finds no memory: E_MEMORY', async () => {
    expect(await codeOf(open('noMemory').solve(task()))).toBe('E_MEMORY');
  });

  it.each(['ERR_WORKER_INIT_FAILED', 'ERR_WORKER_OUT_OF_MEMORY'])('cannot be started (%s): E_MEMORY', async (code) => {
    const start = () => {
      throw Object.assign(new Error('Worker initialization failure: EAGAIN'), { code });
    };
    await expect(async () => openEmbeddedSolver({ ...testRuntime(), workers: { start } })).rejects.toMatchObject({
      code: 'E_MEMORY',
      exitCode: 5,
      hint: expect.stringContaining('ulimit') as string,
    });
  });

  it('is replaced for the next solve', async () => {
    const opened = open('failsOnce');
    expect(await codeOf(opened.solve(task()))).toBe('E_ENGINE_FAILED');
    expect(await opened.solve(task())).toMatchObject({ picks: [] });
  });
});

describe('interruption', () => {
  it('ends a running solve', async () => {
    const abort = new AbortController();
    const running = codeOf(open('spins', { signal: abort.signal }).solve(task()));
    abort.abort();
    expect(await running).toBe('E_INTERRUPTED');
  });

  it('starts none afterwards', async () => {
    const abort = new AbortController();
    abort.abort();
    expect(await codeOf(open('hangs', { signal: abort.signal }).solve(task()))).toBe('E_INTERRUPTED');
  });

  it('keeps the reason where it is an error of ours', async () => {
    const abort = new AbortController();
    const running = codeOf(open('hangs', { signal: abort.signal }).solve(task()));
    abort.abort(new RepackError('E_LOCKED', { what: 'x' }));
    expect(await running).toBe('E_LOCKED');
  });

  it('close fails what still waits', async () => {
    const opened = open('hangs');
    const running = codeOf(opened.solve(task()));
    await opened.close();
    expect(await running).toBe('E_BUG');
  });
});

describe('the real thread', () => {
  /** 30 names, each with 3 versions, in a chain and in two channels. */
  const records = Array.from({ length: 30 }, (_, i) =>
    [1, 2, 3].map((v) =>
      rec(`p${i} ${v}.0`, {
        depends: i === 29 ? [] : [`p${i + 1} >=${v}`],
        subdir: i % 2 === 0 ? 'linux-64' : 'noarch',
      }),
    ),
  ).flat();
  const channels = [
    chan(
      'top',
      records.filter((_, i) => i % 2 === 0),
    ),
    chan('low', records),
  ];

  it('solves 30 packages over two channels, again and again, several at a time', async () => {
    const rt = testRuntime();
    solver = openEmbeddedSolver(rt);
    const asked = [['p0'], ['p0', 'p7=3.0'], ['p15'], ['p0']];
    const counts = await Promise.all(
      asked.map(
        async (specs) =>
          (await solveEmbedded(rt, { request: requestOf({ specs, channels }), source: sourceOf(channels), solver }))
            .artifacts.length,
      ),
    );
    expect(counts).toEqual([30, 30, 15, 30]);
  });

  it('goes on after an unsolvable request and after one that rattler can not read', async () => {
    const rt = testRuntime();
    solver = openEmbeddedSolver(rt);
    expect(await solver.solve({ ...task(), specs: ['nothing'] })).toMatchObject({
      failure: expect.stringContaining('No candidates were found for nothing'),
    });
    expect(await solver.solve({ ...task(), specs: ['x =<>1'] })).toMatchObject({
      failure: expect.stringContaining('version spec'),
    });
    const { artifacts } = await solveEmbedded(rt, {
      request: requestOf({ specs: ['p29'], channels }),
      source: sourceOf(channels),
      solver,
    });
    expect(artifacts).toHaveLength(1);
  });

  it('opens and closes a thread of its own where none is handed in', async () => {
    const rt = testRuntime();
    let ended = 0;
    const workers: typeof rt.workers = {
      start: (script) => {
        const handle = rt.workers.start(script);
        handle.onExit(() => ended++);
        return handle;
      },
    };
    const ask = { specs: ['p29'], channels };
    await solveEmbedded({ ...rt, workers }, { request: requestOf(ask), source: sourceOf(channels) });
    expect(ended).toBe(1);
  });
});
