import type { Finding } from '../../model/findings.js';
import type { ChannelChanges, PackageChange } from '../../model/staged.js';

const LONGEST_LIST = 40;

/** A title with the number of lines, and the lines below it; nothing where there are none. */
export function section(title: string, lines: readonly string[], longest = LONGEST_LIST): string[] {
  if (lines.length === 0) return [];
  const more = lines.length > longest ? [`    … and ${lines.length - longest} more (see --json)`] : [];
  return [`  ${title.padEnd(11)} ${lines.length}`, ...lines.slice(0, longest).map((line) => `    ${line}`), ...more];
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

export function packageText({ name, version, build, subdir }: PackageChange): string {
  return `${name} ${version} ${build}  (${subdir})`;
}

export function movedText({ name, from, to, subdir }: ChannelChanges['upgraded'][number]): string {
  return `${name} ${from} -> ${to}  (${subdir})`;
}

export function findingsSection(findings: readonly Finding[]): string[] {
  return section(
    'findings',
    findings.map(({ code, message }) => `${code}: ${message}`),
  );
}

/** Files that leave and are no packages: those are told by name and version. */
export function otherFilesSection(leaving: readonly string[]): string[] {
  return section(
    'other files that leave',
    leaving.filter((path) => !/\.(conda|tar\.bz2)$/.test(path)),
  );
}
