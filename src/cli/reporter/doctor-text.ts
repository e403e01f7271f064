import type { DoctorReport } from '../../jobs/doctor/doctor.js';
import type { DoctorFinding } from '../../channel/doctor/doctor.js';
import { formatBytes, plural } from './format.js';
import { oneLine } from './printable.js';
import { findingText } from './sections.js';

/** Of one kind; `--json` has all. */
const SHOWN = 10;

export function doctorText(report: DoctorReport): string {
  return [
    `${report.dir}: ${whoseOf(report)}`,
    `  ${plural(report.files, 'file')}, ${formatBytes(report.bytes)}, subdirs ${report.subdirs.join(', ') || 'none'}`,
    ...longestLine(report),
    ...siteLine(report),
    ...repairLines(report),
    ...findingLines(report),
    '',
  ].join('\n');
}

function whoseOf({ label, generation }: DoctorReport): string {
  return label === undefined ? 'a channel without our manifest' : `label ${label}, generation ${generation}`;
}

function longestLine({ longestPath }: DoctorReport): string[] {
  if (longestPath === undefined) return [];
  const { artifact, file, length, prefix } = longestPath;
  return [
    `  Windows: the longest path in the packages has ${length} characters, so an environment's own may have ${prefix}`,
    `    (${artifact}: ${file})`,
  ];
}

function siteLine({ site }: DoctorReport): string[] {
  if (site === undefined) return [];
  const which = `environments in a path of ${site.length} characters`;
  return [site.fits ? `  ${which}: every package fits` : `  ${which}: not every package fits, see below`];
}

function repairLines({ repair }: DoctorReport): string[] {
  if (repair === undefined) return [];
  const { written, removed, mended, kept, read, leftOut, generation } = repair;
  if (written.length + removed.length === 0) return ['  repair: nothing to write', ...leftOutLines(leftOut)];
  return [
    `  repair: ${plural(mended.length, 'finding')} mended, ${plural(written.length, 'file')} written, ${removed.length} removed`,
    `    records: ${kept} kept from the old index, ${read.length} read out of their packages`,
    ...listed('written', written),
    ...listed('removed', removed),
    ...listed('read', read),
    ...leftOutLines(leftOut),
    ...(generation === undefined ? [] : [`    generation ${generation}`]),
  ];
}

function listed(title: string, paths: readonly string[]): string[] {
  if (paths.length === 0) return [];
  const more = paths.length > SHOWN ? ` and ${paths.length - SHOWN} more` : '';
  return [`    ${title}: ${paths.slice(0, SHOWN).join(', ')}${more}`];
}

function leftOutLines(leftOut: readonly { path: string; reason: string }[]): string[] {
  return leftOut.slice(0, SHOWN).map(({ path, reason }) => oneLine(`    in no index: ${path}: ${reason}`));
}

function findingLines({ findings, repair }: DoctorReport): string[] {
  if (findings.length === 0) return [repair === undefined ? '  nothing is wrong' : '  now nothing is wrong'];
  const byCode = new Map<string, DoctorFinding[]>();
  for (const each of findings) {
    const key = `${each.code} ${each.advice}`;
    byCode.set(key, [...(byCode.get(key) ?? []), each]);
  }
  const groups = [...byCode.values()].sort((a, b) => Number(b[0]!.exit) - Number(a[0]!.exit));
  return [`  ${summary(findings, repair !== undefined)}:`, ...groups.flatMap(groupLines)];
}

function summary(findings: readonly DoctorFinding[], repaired: boolean): string {
  const faults = findings.filter(({ exit }) => exit);
  const count = (remedy: DoctorFinding['repair']): number => faults.filter(({ repair }) => repair === remedy).length;
  const parts = [
    ...(count('mends') > 0 ? [`${count('mends')} that --repair mends`] : []),
    ...(count('prunes') > 0 ? [`${count('prunes')} that --repair --prune ends`] : []),
    ...(count('no') > 0 ? [`${count('no')} for a person`] : []),
  ];
  const notes = findings.length - faults.length;
  const left = repaired ? ' left' : '';
  return [
    `${plural(faults.length, 'finding')}${left}${parts.length === 0 ? '' : ` (${parts.join(', ')})`}`,
    ...(notes > 0 ? [plural(notes, 'note')] : []),
  ].join(', ');
}

function groupLines(group: readonly DoctorFinding[]): string[] {
  const [first] = group;
  const more = group.length - SHOWN;
  return [
    ...group.slice(0, SHOWN).map((each) => `    ${each.exit ? '' : 'note: '}${findingText(each)}`),
    ...(more > 0 ? [`    ${first!.code}: and ${more} more (--json lists all)`] : []),
    `      -> ${first!.advice}`,
  ];
}
