/** Lets callers of one key work one after the other, in the order in which they came; those of different keys don't wait. */
export interface Turns {
  /** Whoever waits leaves the row when its signal is aborted. Rejects as `work`, or with the signal's reason. */
  take<T>(key: string, signal: AbortSignal, work: () => Promise<T>): Promise<T>;
}

export function turns(): Turns {
  const last = new Map<string, Promise<void>>();
  return {
    async take(key, signal, work) {
      const before = last.get(key);
      let end!: () => void;
      const ended = new Promise<void>((resolve) => (end = resolve));
      // Whoever comes next waits for all before it, also where this one leaves the row.
      const mine = before === undefined ? ended : before.then(() => ended);
      last.set(key, mine);
      try {
        if (before !== undefined) await unlessAborted(before, signal);
        signal.throwIfAborted();
        return await work();
      } finally {
        end();
        if (last.get(key) === mine) last.delete(key);
      }
    },
  };
}

/** The promise's outcome, or the signal's reason where that is first. */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let stop!: () => void;
  const aborted = new Promise<never>((_, reject) => (stop = () => reject(signal.reason as Error)));
  const stops = stopsOf(signal);
  stops.add(stop);
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    stops.delete(stop);
  }
}

const waiting = new WeakMap<AbortSignal, Set<() => void>>();

/** One listener a signal, however many wait: Node warns of more than ten. */
function stopsOf(signal: AbortSignal): Set<() => void> {
  const known = waiting.get(signal);
  if (known !== undefined) return known;
  const stops = new Set<() => void>();
  waiting.set(signal, stops);
  signal.addEventListener('abort', () => stops.forEach((stop) => stop()), { once: true });
  return stops;
}
