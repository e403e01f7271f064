import { createHash } from 'node:crypto';
import { programThread } from '../../runtime/program-files.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { WorkerHandle } from '../../runtime/workers.js';

/** A digest that another thread takes while this one has other work. */
export interface HashBeside {
  /** A block in shared memory, which must stay as it is until this settles. Blocks count in the order of the calls. */
  update(block: Uint8Array): Promise<void>;
  /** Hex, of all blocks. Rejects where the thread broke down. */
  digest(): Promise<string>;
  /** Ends the thread; to be called however it went. */
  close(): Promise<void>;
}

/** Of fewer bytes the digest takes less time than a thread needs to start. */
const WORTH_A_THREAD = 16 * 1024 * 1024;

/** In this thread where there is but one core, where no other thread can be had, and of a few `bytes`. */
export function hashBeside(
  rt: Pick<Runtime, 'workers' | 'machine'>,
  algorithm: 'sha256' | 'md5',
  { bytes }: { bytes: number },
): HashBeside {
  const worker = bytes < WORTH_A_THREAD || rt.machine.cpus < 2 ? undefined : startedThread(rt, algorithm);
  return worker === undefined ? hashHere(algorithm) : hashThere(worker);
}

function startedThread(rt: Pick<Runtime, 'workers'>, algorithm: string): WorkerHandle | undefined {
  try {
    return rt.workers.start(programThread('runtime/hash-worker.cjs'), algorithm);
  } catch {
    return undefined;
  }
}

function hashHere(algorithm: string): HashBeside {
  const hash = createHash(algorithm);
  return {
    update: async (block) => void hash.update(block),
    digest: async () => hash.digest('hex'),
    close: async () => undefined,
  };
}

function hashThere(worker: WorkerHandle): HashBeside {
  const waiting: { resolve: (answer: string) => void; reject: (error: Error) => void }[] = [];
  let broken: Error | undefined;
  const breakDown = (error: Error): void => {
    broken ??= error;
    for (const { reject } of waiting.splice(0)) reject(broken);
  };
  worker.onMessage((answer) => waiting.shift()?.resolve(answer as string));
  worker.onError(breakDown);
  worker.onExit((code) => breakDown(new Error(`the thread that takes a digest ended with ${code}`)));
  const ask = (message: Uint8Array | null): Promise<string> =>
    new Promise((resolve, reject) => {
      if (broken !== undefined) return void reject(broken);
      waiting.push({ resolve, reject });
      worker.post(message);
    });
  return { update: async (block) => void (await ask(block)), digest: () => ask(null), close: () => worker.terminate() };
}
