import type { Finding } from '../../base/findings.js';
import type { ChannelChanges, PackageChange } from '../../channel/staged.js';
import { formatBytes } from './format.js';
import { oneLine } from './printable.js';

const LONGEST_LIST = 40;

/** A title with the number of lines, and the lines below it; nothing where there are none. */
export function section(title: string, lines: readonly string[], longest = LONGEST_LIST): string[] {
  if (lines.length === 0) return [];
  const more = lines.length > longest ? [`    … and ${lines.length - longest} more (see --json)`] : [];
  return [
    `  ${title.padEnd(11)} ${lines.length}`,
    ...lines.slice(0, longest).map((line) => `    ${oneLine(line)}`),
    ...more,
  ];
}

/** What changes from one channel to another, package by package. */
export function changeSections({ added, removed, upgraded, downgraded, rerecorded }: ChannelChanges): string[] {
  return [
    ...section('added', added.map(packageText)),
    ...section('removed', removed.map(packageText)),
    ...section('upgraded', upgraded.map(movedText)),
    ...section('downgraded', downgraded.map(movedText)),
    ...section(
      'record changed',
      rerecorded.map(({ subdir, fn }) => `${subdir}/${fn}`),
    ),
  ];
}

/**
 * "To travel" means one thing in every report: the files that are new or have other bytes, indexes and manifest too, as rsync and robocopy
 * send them. `whole`: false where only the packages are known.
 */
export function travelLine(
  { bytesToTravel, bytesOfPackages }: Pick<ChannelChanges, 'bytesToTravel' | 'bytesOfPackages'>,
  whole = true,
): string {
  const packages = `${formatBytes(bytesOfPackages)} of packages`;
  if (!whole) return `  to travel   ${packages}; what changes of indexes and manifest comes on top`;
  const others = bytesToTravel - bytesOfPackages;
  const parts = others === 0 ? '' : `: ${packages}, ${formatBytes(others)} of other files`;
  return `  to travel   ${formatBytes(bytesToTravel)} by rsync or robocopy${parts}`;
}

export function packageText({ name, version, build, subdir }: PackageChange): string {
  return `${name} ${version} ${build}  (${subdir})`;
}

export function movedText({ name, from, to, subdir }: ChannelChanges['upgraded'][number]): string {
  return `${name} ${from} -> ${to}  (${subdir})`;
}

/** A finding in one line, the same in every report: by it the reporter knows again what it has told. */
export function findingText({ code, message }: Pick<Finding, 'code' | 'message'>): string {
  return oneLine(`${code}: ${message}`);
}

export function findingsSection(findings: readonly Finding[]): string[] {
  return section('findings', findings.map(findingText));
}

/** Files that leave and are no packages: those are told by name and version. */
export function otherFilesSection(leaving: readonly string[]): string[] {
  return section(
    'other files that leave',
    leaving.filter((path) => !/\.(conda|tar\.bz2)$/.test(path)),
  );
}

const COLOURS: Readonly<Record<string, string>> = {
  added: '32',
  removed: '31',
  'other files that leave': '31',
  findings: '33',
};

/** Where colour carries meaning: what is added, what leaves, what is found. `text`: a report, fit to be printed. */
export function colouredReport(text: string): string {
  let colour: string | undefined;
  const lines = text.split('\n').map((line) => {
    if (!line.startsWith('    ')) colour = COLOURS[/^ {2}(\S.*?) +\d+$/.exec(line)?.[1] ?? ''];
    return colour === undefined ? line : `\u001B[${colour}m${line}\u001B[0m`;
  });
  return lines.join('\n');
}
