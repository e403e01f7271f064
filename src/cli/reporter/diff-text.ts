import type { DiffReport, DiffSide } from '../../commands/diff.js';
import type { ChannelChanges, PackageChange } from '../../model/staged.js';
import { formatBytes, plural } from './format.js';

const LONGEST_LIST = 40;

/** The answer of `repackenv diff` as a person reads it. Ends with a line feed. */
export function diffText(report: DiffReport): string {
  const { a, b, changes, files, asked, findings } = report;
  return [
    `A  ${sideText(a)}`,
    `B  ${sideText(b)}`,
    ...(report.equal ? ['  equal'] : []),
    ...section('added', changes.added.map(packageText)),
    ...section('removed', changes.removed.map(packageText)),
    ...section('upgraded', changes.upgraded.map(movedText)),
    ...section('downgraded', changes.downgraded.map(movedText)),
    ...section(
      'rerecorded',
      changes.rerecorded.map(({ subdir, fn }) => `${subdir}/${fn}`),
    ),
    ...asked.flatMap(({ what, added, removed }) =>
      section(what, [...added.map((text) => `+ ${text}`), ...removed.map((text) => `- ${text}`)]),
    ),
    ...section('other files', [
      ...(files?.added ?? []).map((path) => `+ ${path}`),
      ...(files?.removed ?? []).map((path) => `- ${path}`),
      ...(files?.changed ?? []).map((path) => `~ ${path}`),
    ]),
    `  kept        ${changes.kept}`,
    `  to travel   ${formatBytes(changes.bytesToTravel)} from A to B${files === null ? ', without indexes' : ''}`,
    ...section(
      'findings',
      findings.map(({ code, message }) => `${code}: ${message}`),
    ),
    '',
  ].join('\n');
}

function sideText({ given, kind, label, generation, artifacts }: DiffSide): string {
  const whose = label === null ? '' : `, label ${label}, generation ${generation}`;
  return `${given} (${kind}${whose}, ${plural(artifacts, 'package')})`;
}

function packageText({ name, version, build, subdir }: PackageChange): string {
  return `${name} ${version} ${build}  (${subdir})`;
}

function movedText({ name, from, to, subdir }: ChannelChanges['upgraded'][number]): string {
  return `${name} ${from} -> ${to}  (${subdir})`;
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
