import type { ChannelChanges } from '../../channel/staged.js';
import { EXIT, isRepackError, type ExitCode } from '../../base/errors.js';
import type { Finding } from '../../base/findings.js';
import type { JobReport } from '../../jobs/job-report.js';
import { exitOf } from '../command.js';
import { errorData } from '../reporter/error-text.js';

/** How one label of a run ended: a row of the summary, a member of `--json`'s report and of what `--notify` is given. */
export interface LabelRow {
  label: string;
  state: 'published' | 'unchanged' | 'held' | 'planned' | 'failed' | 'interrupted';
  exitCode: ExitCode;
  seconds: number;
  generation?: number;
  changes?: ChannelChanges;
  /** Downloaded for this label; what several want is counted for one of them. */
  bytesDownloaded?: number;
  bytesWritten?: number;
  findings?: Finding[];
  held?: JobReport['held'];
  error?: ReturnType<typeof errorData>;
}

/** The end of a job. */
export function reportRow(report: JobReport, seconds: number): LabelRow {
  const { label, job, held, published, fetched, changes, findings } = report;
  const done = published?.unchanged === true ? 'unchanged' : 'published';
  return {
    label,
    state: held !== undefined ? 'held' : job === 'plan' ? 'planned' : done,
    exitCode: exitOf(findings),
    seconds,
    ...(published === undefined ? {} : { generation: published.generation, bytesWritten: published.bytesWritten }),
    ...(fetched === undefined ? {} : { bytesDownloaded: fetched.download.bytes }),
    changes,
    findings,
    ...(held === undefined ? {} : { held }),
  };
}

/** `error`: explained. */
export function errorRow(label: string, error: unknown, seconds: number): LabelRow {
  const exitCode = isRepackError(error) ? error.exitCode : EXIT.bug;
  return { label, state: 'failed', exitCode, seconds, error: errorData(error) };
}

/** The highest of the labels' exit codes. */
export function worstExit(rows: readonly LabelRow[]): ExitCode {
  return rows.reduce<ExitCode>((worst, { exitCode }) => (exitCode > worst ? exitCode : worst), EXIT.done);
}
