import type { EmbeddedSolver } from './solver.js';

/**
 * At most `size` threads that several labels share: a solve gets one to itself, for one that breaks down or takes too long ends its thread.
 * Each is started when it is needed: where nothing is new, none is. Those that wait come in their order.
 */
export function solverPool(size: number, open: () => EmbeddedSolver): EmbeddedSolver {
  const all: EmbeddedSolver[] = [];
  const idle: EmbeddedSolver[] = [];
  const waiting: ((solver: EmbeddedSolver) => void)[] = [];

  const take = async (): Promise<EmbeddedSolver> => {
    const free = idle.pop();
    if (free !== undefined) return free;
    const fresh = all.length < size ? another() : undefined;
    if (fresh === undefined) return new Promise((resolve) => waiting.push(resolve));
    all.push(fresh);
    return fresh;
  };

  /** Undefined where no more threads can be had: then one is waited for. Throws as `open` where there is none. */
  const another = (): EmbeddedSolver | undefined => {
    try {
      return open();
    } catch (error) {
      if (all.length === 0) throw error;
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
