import type { AnswerMessage, SolveMessage } from '../../src/engine/embedded/protocol.js';
import { threadWorkers, type WorkerHandle, type Workers } from '../../src/runtime/workers.js';

/** One thread for all runs of a test file: starting one takes longer than most runs. */
export function sharedThread(): Workers & { end(): Promise<void> } {
  let thread: WorkerHandle | undefined;
  let ids = 0;
  const answers = new Map<number, (message: AnswerMessage) => void>();
  return {
    start(script) {
      if (thread === undefined) {
        thread = threadWorkers().start(script);
        thread.onMessage((message) => answers.get((message as AnswerMessage).id)?.(message as AnswerMessage));
      }
      const listeners: ((message: unknown) => void)[] = [];
      return {
        post(message, transfer) {
          const { id, task } = message as SolveMessage;
          answers.set((ids += 1), (answer) => {
            for (const listener of listeners) listener({ ...answer, id });
          });
          thread!.post({ id: ids, task }, transfer);
        },
        onMessage: (listener) => void listeners.push(listener),
        onError: () => undefined,
        onExit: () => undefined,
        terminate: async () => undefined,
      };
    },
    end: async () => thread?.terminate(),
  };
}
