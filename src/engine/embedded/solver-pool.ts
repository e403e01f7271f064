import type { EmbeddedSolver } from './solver.js';

/**
 * At most `size` threads that several labels share: a solve gets one to itself, for one that breaks down or takes too long ends its thread.
 * The first is started now, the others when they are needed; those that wait come in their order.
 */
export function solverPool(size: number, open: () => EmbeddedSolver): EmbeddedSolver {
  const all = [open()];
  const idle = [...all];
  const waiting: ((solver: EmbeddedSolver) => void)[] = [];

  const take = async (): Promise<EmbeddedSolver> => {
    const free = idle.pop();
    if (free !== undefined) return free;
    const fresh = all.length < size ? another() : undefined;
    if (fresh === undefined) return new Promise((resolve) => waiting.push(resolve));
    all.push(fresh);
    return fresh;
  };

  /** Undefined where no more threads can be had: then one is waited for. */
  const another = (): EmbeddedSolver | undefined => {
    try {
      return open();
    } catch {
      return undefined;
    }
  };

  return {
    async solve(task) {
      const solver = await take();
      try {
        return await solver.solve(task);
      } finally {
        const next = waiting.shift();
        if (next === undefined) idle.push(solver);
        else next(solver);
      }
    },
    close: async () => void (await Promise.all(all.map((solver) => solver.close()))),
  };
}
