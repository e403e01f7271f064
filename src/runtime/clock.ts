import { setMaxListeners } from 'node:events';
import { hrtime } from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';

/** Time, so that tests can own it. */
export interface Clock {
  /** Milliseconds since 1970, UTC. */
  now(): number;
  /** Milliseconds of a clock that never goes back. */
  monotonic(): number;
  /** Rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Not `performance`, which loads ten of Node's modules when it is first asked. */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}

export function systemClock(): Clock {
  return {
    now: () => Date.now(),
    monotonic: monotonicMs,
    sleep: async (ms, signal) => {
      // Many may wait at once, each until the one signal of the run: Node takes more than ten for a leak.
      if (signal !== undefined) setMaxListeners(0, signal);
      try {
        await delay(ms, undefined, signal === undefined ? undefined : { signal });
      } catch (error) {
        throw signal?.aborted === true ? signal.reason : error;
      }
    },
  };
}
