/** Long work that gives way at each `yield`: where somebody waits for it, `inSteps`; where nobody does, `atOnce`. */
export type Steps<Result> = Generator<undefined, Result, undefined>;

export function atOnce<Result>(steps: Steps<Result>): Result {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/** Between two steps signals, timers and the progress line have their turn. Rejects with the reason of `signal` once that is aborted. */
export async function inSteps<Result>(steps: Steps<Result>, signal: AbortSignal): Promise<Result> {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
    await new Promise((resolve) => setImmediate(resolve));
    signal.throwIfAborted();
  }
}
