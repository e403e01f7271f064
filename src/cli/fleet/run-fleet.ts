import { explainSystemError } from '../../base/disk-errors.js';
import { EXIT, type ExitCode } from '../../base/errors.js';
import type { RepackEvent } from '../../base/events.js';
import { defaultJobs, runLabels, type LabelWork } from '../../jobs/fleet/run-labels.js';
import type { JobReport } from '../../jobs/job-report.js';
import type { RepackRequest } from '../../jobs/request.js';
import type { CliCall } from '../command.js';
import { fleetText, outcomeText, tableOf } from '../reporter/fleet-text.js';
import { closedClean, openLogFile, type LogFile } from '../reporter/log-file.js';
import { createReporter, type Reporter } from '../reporter/reporter.js';
import { reportText } from '../reporter/report-text.js';
import { afterUpdate, runReport, type EndedRun } from './after-run.js';
import { errorRow, reportRow, worstExit, type LabelRow } from './label-row.js';

/** A label of a run: what to do, or why it can't be begun, with what was said while that was found out. */
export interface PreparedLabel {
  label: string;
  logDir: string | undefined;
  request: RepackRequest | { error: unknown };
  events: readonly RepackEvent[];
}

interface AtWork {
  reporter: Reporter;
  log: LogFile | undefined;
}

/** Runs the job on several labels at once, and reports on them together. One that fails stops no other; the exit code is the highest. */
export async function runFleet(
  call: CliCall,
  job: 'update' | 'plan',
  { root, prepared, shard }: { root: string; prepared: readonly PreparedLabel[]; shard?: string | undefined },
): Promise<ExitCode> {
  const { rt, terminal, redactor, values } = call;
  const run =
    job === 'plan' ? (await import('../../jobs/plan.js')).plan : (await import('../../jobs/update.js')).update;
  const since = rt.clock.monotonic();
  const startedAt = new Date(rt.clock.now()).toISOString();
  const lines = call.reporter.liveLines();
  const atWork = new Map<string, AtWork>();
  const rows = new Map<string, LabelRow>();
  const byLabel = new Map(prepared.map((each) => [each.label, each]));

  const works = prepared.map(({ label, request }): LabelWork<JobReport> => {
    return {
      label,
      async run(own, shared) {
        if ('error' in request) throw request.error;
        return run(own, request, shared);
      },
    };
  });
  await runLabels(rt, works, {
    jobs: values.jobs ?? defaultJobs(rt.machine),
    events: {
      async started(label) {
        const { logDir, events } = byLabel.get(label)!;
        const log = logDir === undefined ? undefined : await openLogFile(rt, { dir: logDir, job, label });
        const reporter = createReporter({
          ...values,
          terminal,
          redactor,
          clock: rt.clock,
          log,
          label: { name: label, lines },
        });
        atWork.set(label, { reporter, log });
        for (const event of events) reporter.emit(event);
        return reporter;
      },
      async ended(outcome) {
        const { label, seconds } = outcome;
        const row = 'report' in outcome ? done(outcome.report, seconds) : failed(label, outcome.error, seconds);
        lines?.end(label);
        const { log } = atWork.get(label) ?? {};
        atWork.delete(label);
        if (log !== undefined && !(await closedClean(log, { rt, terminal, redactor }))) row.exitCode = EXIT.publish;
        rows.set(label, row);
        rt.events.emit({ type: 'note', message: `${rows.size} of ${prepared.length}: ${label}: ${outcomeText(row)}` });
      },
    },
  });
  lines?.clear();
  const ended: EndedRun = {
    root,
    rows: prepared.flatMap(({ label }) => rows.get(label) ?? []),
    startedAt,
    declared: true,
    ...(shard === undefined ? {} : { shard }),
  };
  const toMail = ended.rows.filter(({ state, error }) => state === 'failed' && error?.['code'] !== 'E_LOCKED');
  const seconds = Math.round(rt.clock.monotonic() - since) / 1000;
  // The report is the last that is said.
  if (job === 'update') await afterUpdate(call, ended);
  call.reporter.result(fleetText(ended.rows, { job, seconds, shard }), runReport(rt, job, ended), {
    answer: job === 'plan',
    whenQuiet: toMail.length === 0 ? '' : tableOf(toMail, job),
  });
  rt.signal.throwIfAborted();
  return worstExit(ended.rows);

  function done(report: JobReport, seconds: number): LabelRow {
    atWork.get(report.label)?.reporter.result(reportText(report, rt.machine.platform === 'win32'), { ...report });
    return reportRow(report, seconds);
  }

  function failed(label: string, error: unknown, seconds: number): LabelRow {
    if (rt.signal.aborted) return { label, state: 'interrupted', exitCode: EXIT.interrupted, seconds };
    const explained = explainSystemError(error);
    (atWork.get(label)?.reporter ?? call.reporter).error(explained);
    return errorRow(label, explained, seconds);
  }
}
