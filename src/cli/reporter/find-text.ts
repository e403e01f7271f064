import { runsOf } from '../../base/runs.js';
import type { FindReport, FoundPackage } from '../../answers/schema.js';
import { plural } from './format.js';
import { oneLine } from './printable.js';

export function findText({ spec, matches, looked_at: looked, unread, near }: FindReport & { near: string[] }): string {
  const where = `${plural(looked.labels, 'label')}, ${plural(looked.generations, 'generation')}`;
  const nearer = near.length === 0 ? '' : `; near in name: ${near.join(', ')}`;
  const lines = [
    ...(matches.length === 0 ? [`nothing is ${spec} (${where})${nearer}`] : []),
    ...matches.flatMap((match, at) => [...(isSame(matches[at - 1], match) ? [] : [titleOf(match)]), lineOf(match)]),
    ...(matches.length === 0 ? [] : [`looked through ${where}`]),
    ...unread.map(({ label, generation, why }) => `not looked through: ${label}, generation ${generation}: ${why}`),
  ];
  return `${lines.map(oneLine).join('\n')}\n`;
}

function isSame(a: FoundPackage | undefined, b: FoundPackage): boolean {
  return a !== undefined && a.fn === b.fn && a.subdir === b.subdir && a.sha256 === b.sha256;
}

function titleOf({ name, version, build, subdir, channel }: FoundPackage): string {
  return `${name} ${version} ${build}  (${subdir})${channel === null ? '' : `  from ${channel}`}`;
}

function lineOf({ given, label, generations, live, since, until, sites }: FoundPackage): string {
  const which = generations.length === 0 ? '' : `  generation ${ranges(generations)}${live ? ' (live)' : ''}`;
  const when = [
    ...(since === null ? [] : [`since ${since.slice(0, 10)}`]),
    ...(until === null ? [] : [`until ${until.slice(0, 10)}`]),
  ].join(' ');
  const at = sites.map(({ site, generation }) => `${site} (generation ${generation})`).join(', ');
  return `  ${label ?? given}${which}${when === '' ? '' : `  ${when}`}${at === '' ? '' : `  at ${at}`}`;
}

/** `1-3, 5`. */
function ranges(numbers: readonly number[]): string {
  return runsOf(numbers)
    .map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`))
    .join(', ');
}
