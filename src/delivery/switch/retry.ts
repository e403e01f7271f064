import type { Runtime } from '../../runtime/runtime.js';
import { codeOf } from '../../base/fs-errors.js';

/** Until when renames and removals are tried again, by `clock.monotonic()`. */
export interface Patience {
  deadlineMs: number;
  /** What is said when it takes more than a moment. */
  reason: string;
  /** Ends the wait; left out for clean-up. */
  signal?: AbortSignal | undefined;
}

/**
 * Runs a rename or a removal again while another program holds the file (editor, web server, copy job, virus scanner): EPERM, EACCES
 * and EBUSY, in steps of 10 to 100 ms, for a minute, also where the target exists: graceful-fs gives up there, and that is the case
 * an index is in. When the time is up the last error is thrown; the target is as it was.
 */
export async function withRetry<T>(rt: Runtime, patience: Patience, work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (!TRANSIENT.has(codeOf(error) ?? '') || rt.clock.monotonic() >= patience.deadlineMs) throw error;
      if (attempt === 10) rt.events.emit({ type: 'waiting', reason: patience.reason });
      await rt.clock.sleep(Math.min(100, 10 * attempt), patience.signal);
    }
  }
}

export function isHeldOpen(error: unknown): boolean {
  return TRANSIENT.has(codeOf(error) ?? '');
}

export const RETRY_MS = 60_000;

const TRANSIENT = new Set(['EPERM', 'EACCES', 'EBUSY']);
