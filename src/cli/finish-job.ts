import { explainSystemError } from '../base/disk-errors.js';
import type { ExitCode } from '../base/errors.js';
import type { JobReport } from '../jobs/job-report.js';
import type { RepackRequest } from '../jobs/request.js';
import { exitOf } from './command.js';
import type { CliCall } from './command.js';
import { afterUpdate } from './fleet/after-run.js';
import { errorRow, reportRow, type LabelRow } from './fleet/label-row.js';
import { reportText } from './reporter/report-text.js';

/** The end of `update`, `capture` and `plan`. */
export function finishJob(report: JobReport, { reporter, rt, values }: CliCall): ExitCode {
  reporter.result(
    reportText(report, rt.machine.platform === 'win32', values.siteFiles === 'on'),
    { ...report },
    { answer: report.job === 'plan' },
  );
  return exitOf(report.findings);
}

/** An update of one label, and what comes behind it. */
export async function updateOne(
  call: CliCall,
  { label, root, declared }: { label: string; root: string | undefined; declared: boolean },
  begin: () => Promise<RepackRequest>,
): Promise<ExitCode> {
  const { rt } = call;
  const since = rt.clock.monotonic();
  const startedAt = new Date(rt.clock.now()).toISOString();
  const seconds = (): number => Math.round(rt.clock.monotonic() - since) / 1000;
  const ended = (row: LabelRow): Promise<void> => afterUpdate(call, { root, rows: [row], startedAt, declared });
  let report: JobReport;
  try {
    const request = await begin();
    const { update } = await import('../jobs/update.js');
    report = await update(rt, request);
  } catch (error) {
    await ended(errorRow(label, explainSystemError(error), seconds()));
    throw error;
  }
  // The report is the last that is said.
  await ended(reportRow(report, seconds()));
  return finishJob(report, call);
}
