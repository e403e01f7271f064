import type { EventSink } from '../../base/events.js';
import { inParallel } from '../../base/parallel.js';
import type { Runtime } from '../../runtime/runtime.js';
import { withSharedTools, type SharedTools } from '../run/shared-tools.js';

/** One label of a run over many. */
export interface LabelWork<R> {
  label: string;
  /** The job itself: takes and gives back the label's lock. `rt` has the label's own events. */
  run(rt: Runtime, shared: SharedTools): Promise<R>;
}

export type LabelOutcome<R> = { label: string; seconds: number } & ({ report: R } | { error: unknown });

/** Where what happens to one label goes. */
export interface LabelEvents<R> {
  started(label: string): Promise<EventSink> | EventSink;
  ended(outcome: LabelOutcome<R>): Promise<void> | void;
}

export interface RunLabelsOptions<R> {
  /** Labels at once. */
  jobs: number;
  events: LabelEvents<R>;
}

/**
 * Runs each label's job, `jobs` at a time, in the given order, with tools that all share; the outcomes come in that order. A label that fails
 * stops no other. Where `rt.signal` is aborted, those at work end as a single run does, and no other is begun: those fail with the signal's
 * reason. What a label held is let go when it ends, so that the number of labels costs no memory.
 */
export async function runLabels<R>(
  rt: Runtime,
  works: readonly LabelWork<R>[],
  { jobs, events }: RunLabelsOptions<R>,
): Promise<LabelOutcome<R>[]> {
  const atOnce = Math.max(1, Math.min(jobs, works.length));
  return withSharedTools(rt, { jobs: atOnce, indexBytes: rt.machine.memory / 8 }, (shared) =>
    inParallel(works, atOnce, async (work) => {
      const outcome = await runLabel(rt, work, { shared, events });
      await events.ended(outcome);
      return outcome;
    }),
  );
}

async function runLabel<R>(
  rt: Runtime,
  { label, run }: LabelWork<R>,
  { shared, events }: { shared: SharedTools; events: LabelEvents<R> },
): Promise<LabelOutcome<R>> {
  const since = rt.clock.monotonic();
  const seconds = (): number => Math.round(rt.clock.monotonic() - since) / 1000;
  if (rt.signal.aborted) return { label, seconds: 0, error: rt.signal.reason };
  try {
    const own = { ...rt, events: await events.started(label), signal: AbortSignal.any([rt.signal]) };
    const report = await run(own, shared);
    return { label, seconds: seconds(), report };
  } catch (error) {
    return { label, seconds: seconds(), error };
  }
}

const MEMORY_PER_LABEL = 1_000_000_000;
const MOST_AT_ONCE = 8;

/** How many labels at once where nobody says: while one waits for the network or a thread, another can go on. */
export function defaultJobs({ cpus, memory }: Pick<Runtime['machine'], 'cpus' | 'memory'>): number {
  return Math.max(1, Math.min(cpus * 2, Math.floor(memory / MEMORY_PER_LABEL), MOST_AT_ONCE));
}
