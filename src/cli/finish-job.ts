import type { ExitCode } from '../base/errors.js';
import type { JobReport } from '../jobs/job-report.js';
import { exitOf } from './command.js';
import type { CliCall } from './command.js';
import { reportText } from './reporter/report-text.js';

/** The end of `update`, `capture` and `plan`. */
export function finishJob(report: JobReport, { reporter, rt }: Pick<CliCall, 'reporter' | 'rt'>): ExitCode {
  reporter.result(
    reportText(report, rt.machine.platform === 'win32'),
    { ...report },
    { answer: report.job === 'plan' },
  );
  return exitOf(report.findings);
}
