import type { CheckedFolder } from '../../jobs/verify.js';
import { formatBytes, plural } from './format.js';
import { findingText } from './sections.js';

/** Of one kind; `--json` has all. */
const SHOWN = 50;

export function verifyText(report: CheckedFolder): string {
  const whose =
    report.label === undefined
      ? 'a channel without our manifest'
      : `label ${report.label}, generation ${report.generation}`;
  return [
    `${report.dir}: ${whose}`,
    `  ${plural(report.files, 'file')}, ${formatBytes(report.bytes)}, subdirs ${report.subdirs.join(', ') || 'none'}`,
    ...(report.signature === 'absent' ? [] : [`  signature ${report.signature}`]),
    ...(report.findings.length === 0
      ? ['  everything is as it should be']
      : [`  ${plural(report.findings.length, 'finding')}:`]),
    ...findingLines(report.findings),
    '',
  ].join('\n');
}

/** In their order, those of a kind up to `SHOWN`. */
function findingLines(findings: CheckedFolder['findings']): string[] {
  const counts = new Map<string, number>();
  const lines: string[] = [];
  for (const finding of findings) {
    const count = (counts.get(finding.code) ?? 0) + 1;
    counts.set(finding.code, count);
    if (count <= SHOWN) lines.push(`    ${findingText(finding)}`);
  }
  for (const [code, count] of counts)
    if (count > SHOWN) lines.push(`    … and ${count - SHOWN} more of ${code} (--json lists all)`);
  return lines;
}
