import type { ImportReport } from '../../jobs/import/apply-sets.js';
import { formatBytes, plural } from './format.js';
import { changeSections, findingsSection, otherFilesSection } from './sections.js';

/** The end of an import or a merge as a person reads it. Ends with a line feed. */
export function importText(report: ImportReport): string {
  return [headline(report), ...origin(report), ...changeLines(report), ...ending(report), ''].join('\n');
}

function headline({ label, before, generation, unchanged, dryRun }: ImportReport): string {
  const from = before === null ? 'a new folder' : `generation ${before}`;
  if (unchanged) return `${label}: nothing to do, the folder is of generation ${generation} already; 0 bytes written`;
  if (dryRun) return `${label}: everything is right, would go from ${from} to generation ${generation}`;
  return `${label}: generation ${generation} is published (before: ${from})`;
}

function origin({ sets, media }: ImportReport): string[] {
  return [
    `  from        ${media.join(', ')}`,
    ...sets.map(({ name, kind, signature }) => `  ${kind.padEnd(11)} ${name}, signature ${signature}`),
  ];
}

function changeLines({ changes, leaving, dryRun, bytesWritten }: ImportReport): string[] {
  return [
    ...changeSections(changes),
    ...otherFilesSection(leaving),
    `  kept        ${plural(changes.kept, 'package')}`,
    ...(dryRun
      ? [`  to write    ${formatBytes(changes.bytesToTravel)}`]
      : [`  written     ${formatBytes(bytesWritten)}`]),
  ];
}

function ending({ findings, labelDir, receipts, dryRun }: ImportReport): string[] {
  return [
    ...findingsSection(findings),
    `  folder      ${labelDir}${dryRun ? ' (not touched)' : ''}`,
    ...receipts.map((path, index) => `  ${(index === 0 ? 'receipt' : 'to send').padEnd(11)} ${path}`),
  ];
}
