import { turns, unlessAborted } from '../base/turns.js';
import type { Clock } from './clock.js';

/** Keeps requests to one host apart, of all that this process does, and of all workers of a queue (design D22). */
export interface Pace {
  /**
   * Waits until the next request may go to `host`, which takes at most `perSecond`. Rejects with the reason of `signal`, and with E_UPSTREAM where the
   * Redis of the workers can't be reached.
   */
  wait(host: string, perSecond: number, signal: AbortSignal): Promise<void>;
  close(): void;
}

/** Takes the next free moment at a host, and says in how many ms it is; the one after it is `apartMs` later. */
export interface Moments {
  next(host: string, apartMs: number): Promise<number>;
  close(): void;
}

/**
 * One moment at a time is taken for a host, and waited for before the next: a process that ends loses one, however many wait in it, and with others
 * the turn goes round.
 */
export function paceOf(moments: Moments, clock: Clock): Pace {
  const row = turns();
  return {
    wait: (host, perSecond, signal) =>
      row.take(host, signal, async () => {
        const waitMs = await unlessAborted(moments.next(host, 1000 / perSecond), signal);
        if (waitMs > 0) await clock.sleep(waitMs, signal);
      }),
    close: () => moments.close(),
  };
}

/** Of this process alone. */
export function ownMoments(clock: Clock): Moments {
  const free = new Map<string, number>();
  return {
    async next(host, apartMs) {
      const now = clock.monotonic();
      const at = Math.max(now, free.get(host) ?? now);
      free.set(host, at + apartMs);
      return at - now;
    },
    close: () => undefined,
  };
}

/** The variable in which `work` gives its Redis to the updates that it begins. */
export const QUEUE_VARIABLE = 'REPACKENV_QUEUE';

/** Those of the queue that this process works for; without one its own. Nothing is loaded or asked before the first request. */
export function paceHere(clock: Clock, queueUrl: string | undefined): Pace {
  if (!queueUrl) return paceOf(ownMoments(clock), clock);
  let shared: Promise<Moments> | undefined;
  const open = (): Promise<Moments> =>
    (shared ??= import('./shared-moments.js').then(({ sharedMoments }) => sharedMoments(queueUrl)));
  const moments: Moments = {
    next: async (host, apartMs) => (await open()).next(host, apartMs),
    close: () =>
      void shared?.then(
        (opened) => opened.close(),
        () => undefined,
      ),
  };
  return paceOf(moments, clock);
}
