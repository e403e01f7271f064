/** Blocks of memory that go around: filled, then written and hashed, then filled again. Threads share them. */
export interface Blocks {
  /** A block that nobody uses; waits for one. */
  take(): Promise<Uint8Array>;
  /** Gives a block back, or what was used from its start on. */
  give(used: Uint8Array): void;
}

export function openBlocks({ count, bytes }: { count: number; bytes: number }): Blocks {
  const memory = new SharedArrayBuffer(count * bytes);
  const free = Array.from({ length: count }, (_, at) => new Uint8Array(memory, at * bytes, bytes));
  const waiting: ((block: Uint8Array) => void)[] = [];
  return {
    take: async () => free.pop() ?? new Promise((resolve) => waiting.push(resolve)),
    give({ byteOffset }) {
      const block = new Uint8Array(memory, byteOffset, bytes);
      const next = waiting.shift();
      if (next === undefined) free.push(block);
      else next(block);
    },
  };
}
