import type { Runtime } from '../../runtime/runtime.js';
import type { WorkerHandle } from '../../runtime/workers.js';
import { programThread, type ThreadStart } from '../../runtime/program-files.js';
import { requireWasmMemory } from '../../codec/wasm-memory.js';
import { explainSystemError } from '../../base/disk-errors.js';
import { RepackError, isRepackError } from '../../base/errors.js';
import type { AnswerMessage, SolveMessage, SolverPick, SolverTask } from './protocol.js';

/** rattler's words, or what it picked. */
export type SolverAnswer = { picks: readonly SolverPick[] } | { failure: string };

/** One worker thread with rattler in it, for any number of solves, one after the other. */
export interface EmbeddedSolver {
  /**
   * Throws E_ENGINE_FAILED (the thread died), E_MEMORY, E_ENGINE_TIMEOUT, E_INTERRUPTED (`rt.signal`). After each of them the next call
   * starts a new thread.
   */
  solve(task: SolverTask): Promise<SolverAnswer>;
  /** Ends the thread; waiting solves fail. */
  close(): Promise<void>;
}

export interface EmbeddedSolverOptions {
  /** The thread starts with the first solve, which may never come; default: at once. */
  later?: boolean;
  /** Per solve, waiting for others included. */
  timeoutMs?: number;
  /** The compiled worker; tests hand in their own. */
  script?: ThreadStart;
}

/** A search for 4,165 packages among 480,000 records took 85 s on two cores. */
const TIMEOUT_MS = 20 * 60_000;

type SolverRuntime = Pick<Runtime, 'workers' | 'clock' | 'signal'>;

/**
 * Starts the thread at once (or `later`) and returns without waiting for it: opened before the first request for repodata, it is ready when the
 * last one is answered. The thread keeps the process alive until `close`. Throws E_MEMORY where no thread can be had.
 */
export function openEmbeddedSolver(rt: SolverRuntime, options: EmbeddedSolverOptions = {}): EmbeddedSolver {
  const script = options.script ?? programThread('engine/embedded/solve-worker.cjs');
  const timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
  const waiting = new Map<number, { resolve: (answer: SolverAnswer) => void; reject: (error: Error) => void }>();
  let worker: WorkerHandle | undefined = options.later === true ? undefined : start();
  let lastId = 0;

  function start(): WorkerHandle {
    // rattler's and that of zstd. Asked first: V8 ends the whole process where it gets no address space for a thread.
    requireWasmMemory(2);
    const handle = startThread(rt, script);
    handle.onMessage((message) => {
      const answer = message as AnswerMessage;
      waiting.get(answer.id)?.resolve(answer);
    });
    handle.onError((error) => fail(handle, died(error)));
    handle.onExit((code) => fail(handle, died(new Error(`the thread ended with code ${code}`))));
    return handle;
  }

  /** Everything that waits for `handle` fails; a thread that was given up before has no say any more. */
  function fail(handle: WorkerHandle, error: Error): void {
    if (worker !== handle) return;
    worker = undefined;
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  }

  async function giveUp(error: Error): Promise<void> {
    const handle = worker;
    if (handle === undefined) return;
    fail(handle, error);
    await handle.terminate();
  }

  return {
    async solve(task) {
      if (rt.signal.aborted) throw interrupted(rt.signal);
      const id = ++lastId;
      const answered = new AbortController();
      const onAbort = () => void giveUp(interrupted(rt.signal));
      rt.signal.addEventListener('abort', onAbort, { once: true });
      try {
        worker ??= start();
        const handle = worker;
        const answer = new Promise<SolverAnswer>((resolve, reject) => waiting.set(id, { resolve, reject }));
        handle.post({ id, task } satisfies SolveMessage, [task.target.buffer, task.noarch.buffer]);
        // A solve that panics never settles (conda/rattler: WebAssembly promise), hence the clock beside it.
        void rt.clock.sleep(timeoutMs, answered.signal).then(
          () => giveUp(timedOut(timeoutMs)),
          () => undefined,
        );
        return await answer;
      } finally {
        answered.abort();
        waiting.delete(id);
        rt.signal.removeEventListener('abort', onAbort);
      }
    },
    close: () =>
      giveUp(
        new RepackError('E_BUG', { what: 'The embedded solver was closed while it worked', where: 'embedded solver' }),
      ),
  };
}

function startThread(rt: SolverRuntime, script: ThreadStart): WorkerHandle {
  try {
    return rt.workers.start(script);
  } catch (error) {
    throw error instanceof Error ? died(error) : error;
  }
}

function died(cause: Error): RepackError {
  const explained = explainSystemError(cause);
  if (isRepackError(explained)) return explained;
  return new RepackError('E_ENGINE_FAILED', {
    what: `The embedded solver broke down: ${cause.message}`,
    where: 'embedded solver',
    hint: 'Run it again; if it stays so, use --engine conda and report this.',
    cause,
  });
}

function timedOut(ms: number): RepackError {
  return new RepackError('E_ENGINE_TIMEOUT', {
    what: `The embedded solver found no answer within ${Math.round(ms / 1000)} s`,
    where: 'embedded solver',
    hint: 'Ask for narrower versions, declare fewer channels, or use --engine conda.',
  });
}

function interrupted(signal: AbortSignal): Error {
  if (isRepackError(signal.reason)) return signal.reason;
  return new RepackError('E_INTERRUPTED', { what: 'Interrupted while solving', cause: signal.reason });
}
