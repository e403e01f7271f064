import { pathToFileURL } from 'node:url';
import type { JobReport } from '../../model/report.js';
import type { ChannelChanges } from '../../model/staged.js';
import { formatBytes, plural } from './format.js';

const LONGEST_LIST = 40;

/** The end of a job as a person reads it. Ends with a line feed. */
export function reportText(report: JobReport, windows: boolean): string {
  return [
    ...headline(report),
    ...changeLines(report),
    ...findingLines(report),
    ...whereLines(report, windows),
    '',
  ].join('\n');
}

function headline(report: JobReport): string[] {
  const artifacts = `${plural(report.artifacts.length, 'artifact')}, ${formatBytes(report.bytesTotal)}`;
  const engine = report.engines.map((one) => `${one.kind} ${one.version}`).join(', ');
  const asked = `  asked for   ${report.specs.join('  ')}`;
  const solved = `  solved by   ${engine}, priority ${report.priority}, for ${report.subdirs.join(', ')}`;
  if (report.published === undefined) return [`${report.label}: would deliver ${artifacts}`, asked, solved];
  const { generation, unchanged, proof } = report.published;
  return [
    unchanged
      ? `${report.label}: nothing new; generation ${generation} stays, 0 bytes written`
      : `${report.label}: generation ${generation} is published`,
    asked,
    solved,
    `  delivered   ${artifacts}`,
    `  proven      ${proof.checks.map((check) => check.name).join(', ')}`,
  ];
}

function changeLines(report: JobReport): string[] {
  const { changes } = report;
  return [
    ...section(
      'added',
      changes.added.map((one) => `${one.name} ${one.version} ${one.build}  (${one.subdir})`),
    ),
    ...section(
      'removed',
      changes.removed.map((one) => `${one.name} ${one.version} ${one.build}  (${one.subdir})`),
    ),
    ...section('upgraded', changes.upgraded.map(moved)),
    ...section('downgraded', changes.downgraded.map(moved)),
    ...section(
      'record changed',
      changes.rerecorded.map((one) => `${one.subdir}/${one.fn}`),
    ),
    ...section(
      'other files that leave',
      report.leaving.filter((path) => !/\.(conda|tar\.bz2)$/.test(path)),
    ),
    `  kept        ${changes.kept}`,
    `  to travel   ${formatBytes(changes.bytesToTravel)}${report.published === undefined ? ' and the indexes' : ''} at the next synchronisation`,
    ...section('not ours, left alone', report.strangers),
  ];
}

function moved(one: ChannelChanges['upgraded'][number]): string {
  return `${one.name} ${one.from} -> ${one.to}  (${one.subdir})`;
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

function findingLines(report: JobReport): string[] {
  return section(
    'findings',
    report.findings.map((finding) => `${finding.code}: ${finding.message}`),
  );
}

function whereLines(report: JobReport, windows: boolean): string[] {
  if (report.published === undefined) return [`  folder      ${report.labelDir} (not touched)`];
  const url = pathToFileURL(report.labelDir).href;
  const names = report.specs.map((spec) => quoted(spec, windows)).join(' ');
  const configuring = [
    'conda config --env --set offline yes',
    `conda config --env --add channels ${url}`,
    // conda 4.3 lists defaults below every channel that is added, and fails offline, since it can't reach them.
    ...(report.client?.needsBz2Index === true ? ['conda config --env --remove channels defaults'] : []),
  ];
  return [
    `  folder      ${report.labelDir}`,
    '',
    'At the site, in the environment of choice (with the folder’s place there):',
    `  ${configuring.join(' && ')}`,
    `  conda install ${names}`,
  ];
}

function quoted(spec: string, windows: boolean): string {
  if (/^[A-Za-z0-9._=-]+$/.test(spec)) return spec;
  return windows ? `"${spec}"` : `'${spec}'`;
}
