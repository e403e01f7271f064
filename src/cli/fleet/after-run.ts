import { noteLastUpdate } from '../../jobs/fleet/last-update.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { CliCall } from '../command.js';
import { worstExit, type LabelRow } from './label-row.js';

export interface EndedRun {
  root: string | undefined;
  rows: readonly LabelRow[];
  /** ISO 8601, UTC. */
  startedAt: string;
  /** The labels stand in ROOT/repackenv.yml. */
  declared: boolean;
  /** `3/8`: of so many parts of the labels this is one. */
  shard?: string;
}

/** The report of a run over labels: the end of `--json`, and what `--notify` is given. */
export function runReport(
  rt: Pick<Runtime, 'clock'>,
  job: 'update' | 'plan',
  { root, rows, startedAt, shard }: EndedRun,
) {
  const finishedAt = new Date(rt.clock.now()).toISOString();
  return {
    job,
    root,
    ...(shard === undefined ? {} : { shard }),
    startedAt,
    finishedAt,
    exitCode: worstExit(rows),
    labels: rows,
  };
}

/** In the place of `--notify`'s CMD. */
export const NOBODY = 'none';

/** What comes behind an update: which labels failed is noted for `--failed`, and whoever is to be told is told. */
export async function afterUpdate(call: CliCall, run: EndedRun): Promise<void> {
  const { rt, values, redactor, resolved } = call;
  const isBad = ({ state }: LabelRow): boolean => state === 'failed' || state === 'interrupted';
  if (run.declared && run.root !== undefined) {
    const ends = run.rows.map((row) => ({ label: row.label, failed: isBad(row) }));
    await noteLastUpdate(rt, run.root, ends);
  }
  const isNews = run.rows.some((row) => row.state === 'published' || row.state === 'failed');
  if (values.notify === undefined || values.notify === NOBODY || !isNews || rt.signal.aborted) return;
  const { notify } = await import('../../jobs/fleet/notify.js');
  const { labels, defaults } = resolved.declared ?? { labels: new Map(), defaults: new Map() };
  const secretVariables = [...labels.values(), ...defaults.values()].flatMap(({ token }) =>
    token !== undefined && 'env' in token ? [token.env] : [],
  );
  const report = { type: 'report', ...runReport(rt, 'update', run) };
  const clean = JSON.parse(redactor.redact(JSON.stringify(report))) as Record<string, unknown>;
  await notify(rt, { command: values.notify, report: clean, secretVariables });
}
