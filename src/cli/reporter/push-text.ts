import type { PushReport } from '../../jobs/push.js';
import { formatBytes, plural } from './format.js';
import { findingText } from './sections.js';

const LONGEST_LIST = 20;

/** The end of a push as a person reads it. Ends with a line feed. */
export function pushText(report: PushReport): string {
  const { label, generation, target, before, put, gone, bytes, dryRun, site, findings } = report;
  if (report.unchanged) return `${label}: ${target} has generation ${generation} already; 0 bytes sent\n`;
  const done = dryRun ? 'would go to' : 'is at';
  const from = before === null ? 'nothing of it was there' : `it had generation ${before.generation}`;
  return [
    `${label}: generation ${generation} ${done} ${target} (${from})`,
    `  ${dryRun ? 'to send' : 'sent'}     ${plural(put.length, 'file')}, ${formatBytes(bytes)}`,
    ...(dryRun ? listed(put) : []),
    ...(gone.length === 0 ? [] : [`  removed  ${plural(gone.length, 'file')}`, ...listed(gone)]),
    ...(site === null || dryRun ? [] : [`  noted    site ${site} has generation ${generation}`]),
    ...findings.map((finding) => `  ${findingText(finding)}`),
    '',
  ].join('\n');
}

function listed(paths: readonly string[]): string[] {
  const shown = paths.slice(0, LONGEST_LIST).map((path) => `    ${path}`);
  return paths.length > LONGEST_LIST ? [...shown, `    … and ${paths.length - LONGEST_LIST} more (see --json)`] : shown;
}
