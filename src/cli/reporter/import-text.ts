import type { ImportReport } from '../../commands/import.js';
import type { ChannelChanges } from '../../model/staged.js';
import { formatBytes, plural } from './format.js';

const LONGEST_LIST = 40;

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
  const one = ({ name, version, build, subdir }: ChannelChanges['added'][number]): string =>
    `${name} ${version} ${build}  (${subdir})`;
  const moved = ({ name, from, to, subdir }: ChannelChanges['upgraded'][number]): string =>
    `${name} ${from} -> ${to}  (${subdir})`;
  return [
    ...section('added', changes.added.map(one)),
    ...section('removed', changes.removed.map(one)),
    ...section('upgraded', changes.upgraded.map(moved)),
    ...section('downgraded', changes.downgraded.map(moved)),
    ...section(
      'changed',
      changes.rerecorded.map(({ subdir, fn }) => `${subdir}/${fn}`),
    ),
    ...section(
      'other files that leave',
      leaving.filter((path) => !/\.(conda|tar\.bz2)$/.test(path)),
    ),
    `  kept        ${plural(changes.kept, 'package')}`,
    ...(dryRun
      ? [`  to write    ${formatBytes(changes.bytesToTravel)}`]
      : [`  written     ${formatBytes(bytesWritten)}`]),
  ];
}

function ending({ findings, labelDir, receipts, dryRun }: ImportReport): string[] {
  return [
    ...section(
      'findings',
      findings.map(({ code, message }) => `${code}: ${message}`),
    ),
    `  folder      ${labelDir}${dryRun ? ' (not touched)' : ''}`,
    ...receipts.map((path, index) => `  ${(index === 0 ? 'receipt' : 'to send').padEnd(11)} ${path}`),
  ];
}

function section(title: string, lines: readonly string[]): string[] {
  if (lines.length === 0) return [];
  const more = lines.length > LONGEST_LIST ? [`    … and ${lines.length - LONGEST_LIST} more (see --json)`] : [];
  return [
    `  ${title.padEnd(11)} ${lines.length}`,
    ...lines.slice(0, LONGEST_LIST).map((line) => `    ${line}`),
    ...more,
  ];
}
