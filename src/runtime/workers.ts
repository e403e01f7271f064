import { Worker } from 'node:worker_threads';
import type { ThreadStart } from './program-files.js';

/** A worker thread that takes and gives messages. */
export interface WorkerHandle {
  post(message: unknown, transfer?: readonly ArrayBuffer[]): void;
  onMessage(listener: (message: unknown) => void): void;
  onError(listener: (error: Error) => void): void;
  onExit(listener: (code: number) => void): void;
  terminate(): Promise<void>;
}

export interface Workers {
  start(script: ThreadStart, workerData?: unknown): WorkerHandle;
}

export function threadWorkers(): Workers {
  return {
    start(script, workerData) {
      // An empty environment: a worker needs none, and what is not there can't leak.
      const worker = new Worker(script, { eval: typeof script === 'string', workerData, env: {}, execArgv: [] });
      return {
        post: (message, transfer) => worker.postMessage(message, transfer === undefined ? [] : [...transfer]),
        onMessage: (listener) => worker.on('message', listener),
        onError: (listener) => worker.on('error', listener),
        onExit: (listener) => worker.on('exit', listener),
        terminate: async () => {
          await worker.terminate();
        },
      };
    },
  };
}
