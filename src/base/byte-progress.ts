import type { EventSink, Stage } from './events.js';

/** Work on fewer bytes is over before anybody looks. */
const STEP = 16_000_000;

/**
 * Tells how far reading or writing has come: each `step` bytes, then in larger steps, so that ten gigabytes are some two hundred events. `of`:
 * 0 where the whole is not known. The answer is called with each piece, and with what is at work.
 */
export function byteProgress(
  rt: { events?: EventSink | undefined },
  { stage, of = 0, step = STEP }: { stage: Stage; of?: number; step?: number },
): (bytes: number, what: string) => void {
  let done = 0;
  let told = 0;
  return (bytes, what) => {
    done += bytes;
    if (done - told < Math.max(step, done / 50) && !(told > 0 && done === of)) return;
    told = done;
    rt.events?.emit({ type: 'progress', stage, what, bytes: done, of });
  };
}
