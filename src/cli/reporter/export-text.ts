import type { ExportedSet, ExportReport } from '../../jobs/export.js';
import { mediaFor } from '../../media/archive/part-size.js';
import { formatBytes, plural } from './format.js';
import { findingText, travelLine } from './sections.js';

const LONGEST_LIST = 40;

/** The end of an export as a person reads it. Ends with a line feed. */
export function exportText(report: ExportReport): string {
  const { label, generation, base } = report;
  if (report.nothingNew) {
    return `${label}: nothing changed: the site has generation ${generation} already; nothing was written\n`;
  }
  const what = base === undefined ? `generation ${generation}` : `generation ${base.generation} to ${generation}`;
  const done =
    report.written.length === 0
      ? `${label}: ${what} lies in ${report.out} already; 0 bytes written`
      : `${label}: ${what} is in ${report.out}, ${plural(report.written.length, 'file')} and ${formatBytes(report.bytesWritten)} written`;
  return [done, ...report.sets.flatMap(setLines), ...findingLines(report), ...nextLines(report), ''].join('\n');
}

function setLines(set: ExportedSet): string[] {
  const parts = set.parts.map(({ file, size }) => `    ${file}  ${formatBytes(size)}`);
  const total = set.parts.reduce((sum, { size }) => sum + size, 0);
  return [
    `  ${set.name}  ${set.kind} set for ${set.subdirs.join(', ')}, ${plural(set.parts.length, 'part')}, ${formatBytes(total)} on the medium${set.signed ? ', signed' : ''}`,
    ...cut(parts),
    ...tooLargeLine(set),
    ...(set.kind === 'delta' ? [travelLine(set)] : []),
    ...(set.kind === 'delta'
      ? [...changed('added', set.added), ...changed('changed', set.changed), ...changed('removed', set.removed)]
      : []),
  ];
}

/** Media that do not take the largest part; nothing where each takes all. */
function tooLargeLine({ parts }: ExportedSet): string[] {
  const not = mediaFor(0).filter((each) => parts.some(({ fits }) => !fits.includes(each)));
  return not.length === 0 ? [] : [`    too large for ${not.join(', ')}: --part-size ${not[0]} makes parts that fit`];
}

function changed(title: string, paths: readonly string[]): string[] {
  return paths.length === 0
    ? []
    : [`    ${title.padEnd(8)} ${paths.length}`, ...cut(paths.map((path) => `      ${path}`))];
}

function cut(lines: readonly string[]): string[] {
  if (lines.length <= LONGEST_LIST) return [...lines];
  return [...lines.slice(0, LONGEST_LIST), `    … and ${lines.length - LONGEST_LIST} more (see --json)`];
}

function findingLines({ findings }: ExportReport): string[] {
  return findings.map((finding) => `  ${findingText(finding)}`);
}

function nextLines({ sets }: ExportReport): string[] {
  const several = sets.some(({ parts }) => parts.length > 1);
  return [
    '',
    several
      ? 'The parts may go on media of their own; the small files (.json, SHA256SUMS, …) go on each of them.'
      : 'Everything in that folder goes to the site.',
    'There: repackenv import MEDIUM --root ROOT',
  ];
}
