import { provenText } from './report-text.js';
import type { MirrorReport } from '../../jobs/mirror/mirror.js';
import { formatBytes, plural } from './format.js';
import { heldLines } from './hold-text.js';
import { findingsSection, movedText, packageText, section, travelLine } from './sections.js';

const LONGEST_LIST = 20;

/** The end of `mirror` as a person reads it. Ends with a line feed. */
export function mirrorText(report: MirrorReport, windows: boolean): string {
  const { label, mirrorDir, held } = report;
  if (held !== undefined) return `${heldLines({ label, labelDir: mirrorDir, held }, windows).join('\n')}\n`;
  return [...headline(report), ...contentLines(report), ...changeLines(report), ...endLines(report), ''].join('\n');
}

function headline({ label, published }: MirrorReport): string[] {
  if (published === undefined) return [`${label}: dry run, nothing was written`];
  const { generation, unchanged } = published;
  return [
    unchanged
      ? `${label}: nothing new; generation ${generation} stays, 0 bytes written`
      : `${label}: generation ${generation} is published`,
  ];
}

function contentLines(report: MirrorReport): string[] {
  const { fetched, toFetch, excluded, installers, published } = report;
  const resumed = fetched.resumed === 0 ? '' : `, ${fetched.resumed} more were on this disk already`;
  const left = Object.entries(excluded)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([rule, count]) => `${count} by ${rule}`);
  return [
    `  channels    ${report.channels.join('  ')}`,
    `  platforms   ${report.platforms.join(', ')}`,
    `  holds       ${plural(report.artifacts, 'artifact')}, ${formatBytes(report.bytesTotal)}`,
    ...(left.length === 0 ? [] : [`  left out    ${left.join(', ')}`]),
    ...(toFetch === undefined
      ? [`  fetched     ${plural(fetched.artifacts, 'artifact')}, ${formatBytes(fetched.bytes)}${resumed}`]
      : [`  to fetch    ${plural(toFetch.artifacts, 'artifact')}, ${formatBytes(toFetch.bytes)}`]),
    ...(installers === 0 ? [] : [`  installers  ${installers}`]),
    ...(published === undefined ? [] : [`  proven      ${provenText(published.proof, AGREES)}`]),
  ];
}

/** A mirror may leave dependencies open: nobody says of it that it is complete. */
const AGREES = { files: 'index and files agree', index: 'index and files agree' };

function changeLines(report: MirrorReport): string[] {
  const { changes, kept, published } = report;
  const undeclared = kept.filter(({ because }) => because === 'channel').length;
  const unpicked = kept.length - undeclared;
  return [
    ...section('added', changes.added.map(packageText), LONGEST_LIST),
    ...section('other version', [...changes.upgraded, ...changes.downgraded].map(movedText), LONGEST_LIST),
    ...section(
      'record changed',
      changes.rerecorded.map((one) => `${one.subdir}/${one.fn}`),
      LONGEST_LIST,
    ),
    travelLine(changes, published !== undefined),
    ...section('gone upstream', report.withdrawn, LONGEST_LIST),
    ...section('also left', report.leaving, LONGEST_LIST),
    ...(unpicked === 0
      ? []
      : [
          `  kept        ${plural(unpicked, 'artifact')} that the filter no longer picks (repackenv clean -f removes them)`,
        ]),
    ...(undeclared === 0
      ? []
      : [
          `  kept        ${plural(undeclared, 'artifact')} of channels that are no longer declared (repackenv clean -f removes them)`,
        ]),
    ...section('not ours, left alone', report.strangers, LONGEST_LIST),
  ];
}

function endLines({ findings, mirrorDir, published }: MirrorReport): string[] {
  const delta = published?.delta;
  return [
    ...findingsSection(findings),
    ...(delta === undefined
      ? []
      : [`  delta       ${delta.dir}  (${plural(delta.files, 'file')}, ${formatBytes(delta.bytes)})`]),
    `  folder      ${mirrorDir}${published === undefined ? ' (not touched)' : ''}`,
  ];
}
