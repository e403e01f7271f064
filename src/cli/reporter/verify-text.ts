import type { CheckedFolder } from '../../jobs/verify.js';
import { formatBytes, plural } from './format.js';
import { findingText } from './sections.js';

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
    ...report.findings.map((finding) => `    ${findingText(finding)}`),
    '',
  ].join('\n');
}
