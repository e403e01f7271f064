/** Blocks of memory that go around: filled, then written and hashed, then filled again. Threads share them. */
export interface Blocks {
  /** A block that nobody uses; waits for one. */
  take(): Promise<Uint8Array>;
  /** Gives a block back, or what was used from its start on. */
  give(used: Uint8Array): void;
}

export function openBlocks(): Blocks {
  const memory = new SharedArrayBuffer(COUNT * BYTES);
  const free = Array.from({ length: COUNT }, (_, at) => new Uint8Array(memory, at * BYTES, BYTES));
  const waiting: ((block: Uint8Array) => void)[] = [];
  return {
    take: async () => free.pop() ?? new Promise((resolve) => waiting.push(resolve)),
    give({ byteOffset }) {
      const block = new Uint8Array(memory, byteOffset, BYTES);
      const next = waiting.shift();
      if (next === undefined) free.push(block);
      else next(block);
    },
  };
}

/** Large enough that the ways between threads don't count; together they last until a thread has started. */
const BYTES = 512 * 1024;
const COUNT = 8;
