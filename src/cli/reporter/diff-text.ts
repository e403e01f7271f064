import type { DiffReport, DiffSide } from '../../jobs/diff/diff.js';
import { plural } from './format.js';
import { changeSections, findingsSection, section, travelLine } from './sections.js';

/** The answer of `repackenv diff` as a person reads it. Ends with a line feed. */
export function diffText(report: DiffReport): string {
  const { a, b, changes, files, asked, findings } = report;
  return [
    `A  ${sideText(a)}`,
    `B  ${sideText(b)}`,
    ...(report.equal ? ['  equal'] : []),
    ...changeSections(changes),
    ...asked.flatMap(({ what, added, removed }) =>
      section(what, [...added.map((text) => `+ ${text}`), ...removed.map((text) => `- ${text}`)]),
    ),
    ...section('other files', [
      ...(files?.added ?? []).map((path) => `+ ${path}`),
      ...(files?.removed ?? []).map((path) => `- ${path}`),
      ...(files?.changed ?? []).map((path) => `~ ${path}`),
    ]),
    `  kept        ${changes.kept}`,
    travelLine(changes, files !== null),
    ...findingsSection(findings),
    '',
  ].join('\n');
}

function sideText({ given, kind, label, generation, artifacts }: DiffSide): string {
  const whose = label === null ? '' : `, label ${label}, generation ${generation}`;
  return `${given} (${kind}${whose}, ${plural(artifacts, 'package')})`;
}
