import { EXIT, RepackError, type ExitCode } from '../../base/errors.js';
import { isObject } from '../../base/json.js';
import { queueName } from '../../jobs/fleet/queue-name.js';
import { openJobQueue } from '../../runtime/job-queue.js';
import type { CliCall } from '../command.js';
import { fleetText, outcomeText, tableOf } from '../reporter/fleet-text.js';
import { afterUpdate, runReport, type EndedRun } from './after-run.js';
import { errorRow, worstExit, type LabelRow } from './label-row.js';

interface Queued {
  url: string;
  root: string;
  labels: readonly string[];
  shard: string | undefined;
}

/**
 * Puts the labels into the queue, waits until workers have done them, and reports as one run. Nothing but the names of run and label goes through the
 * queue: a worker reads ROOT/repackenv.yml, tokens and keys itself.
 */
export async function queueFleet(call: CliCall, { url, root, labels, shard }: Queued): Promise<ExitCode> {
  refuseTyped(call);
  const { rt } = call;
  const since = rt.clock.monotonic();
  const startedAt = new Date(rt.clock.now()).toISOString();
  const run = `${rt.machine.randomId()}${rt.machine.randomId()}`;
  const queue = await openJobQueue({ url, name: await queueName(rt, root) });
  const waiting = new Map(labels.map((label) => [`${run}-${label}`, label]));
  const ids = [...waiting.keys()];
  const rows = new Map<string, LabelRow>();
  try {
    let finish: () => void;
    const all = new Promise<void>((resolve) => (finish = resolve));
    rt.signal.addEventListener('abort', () => finish(), { once: true });
    await queue.onEnded((end) => {
      const label = waiting.get(end.id);
      if (label === undefined) return;
      waiting.delete(end.id);
      const row = 'failure' in end ? lost(label, end.failure) : rowOf(label, end.result);
      rows.set(label, row);
      const message = `${rows.size} of ${labels.length}: ${label}: ${outcomeText(row)}`;
      rt.events.emit({ type: 'note', message });
      if (waiting.size === 0) finish();
    });
    await queue.add(ids.map((id) => ({ id, data: { run, label: waiting.get(id)! } })));
    rt.events.emit({
      type: 'waiting',
      reason: `${labels.length === 1 ? '1 label is' : `${labels.length} labels are`} in the queue; workers take them`,
    });
    await all;
    if (rt.signal.aborted) await queue.takeBack([...waiting.keys()]);
  } finally {
    await queue.close();
  }
  for (const label of waiting.values())
    rows.set(label, { label, state: 'interrupted', exitCode: EXIT.interrupted, seconds: 0 });
  const ended: EndedRun = {
    root,
    rows: labels.flatMap((label) => rows.get(label) ?? []),
    startedAt,
    declared: true,
    ...(shard === undefined ? {} : { shard }),
  };
  const seconds = Math.round(rt.clock.monotonic() - since) / 1000;
  const toMail = ended.rows.filter(({ state, error }) => state === 'failed' && error?.['code'] !== 'E_LOCKED');
  await afterUpdate(call, ended);
  call.reporter.result(fleetText(ended.rows, { job: 'update', seconds, shard }), runReport(rt, 'update', ended), {
    answer: false,
    whenQuiet: toMail.length === 0 ? '' : tableOf(toMail, 'update'),
  });
  rt.signal.throwIfAborted();
  return worstExit(ended.rows);
}

/** What the command line says does not reach a worker. */
function refuseTyped({ resolved, options, token }: CliCall): void {
  const kept = new Set(['json', 'quiet', 'debug', 'logDir', 'notify']);
  const typed = Object.entries(resolved.origins).flatMap(([name, origin]) =>
    origin === 'option' && !kept.has(name) ? [name] : [],
  );
  for (const name of ['add', 'remove', 'addSubdir', 'drop']) if (options[name] !== undefined) typed.push(name);
  if (token !== undefined) typed.push('token');
  if (typed.length === 0) return;
  throw new RepackError('E_USAGE', {
    what: `${typed.join(', ')} would not reach the workers: only names of labels go through the queue`,
    where: 'command line',
    hint: 'Write it into ROOT/repackenv.yml, which the workers read, or leave out --queue.',
  });
}

/** What the worker gave back: the row of the run that it began. */
function rowOf(label: string, result: unknown): LabelRow {
  if (isObject(result) && typeof result['state'] === 'string' && typeof result['exitCode'] === 'number')
    return result as unknown as LabelRow;
  return lost(label, 'a worker of another version gave back something else');
}

function lost(label: string, failure: string): LabelRow {
  const error = new RepackError('E_PUBLISH', {
    what: `No worker brought it to an end (${failure.split('\n')[0]})`,
    where: label,
    hint: 'See what the workers say. The folder is whole, as before or as new: update the label again.',
  });
  return errorRow(label, error, 0);
}
