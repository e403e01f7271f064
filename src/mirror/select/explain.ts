import type { Channel, Subdir } from '../../conda/channel/channel.js';
import { nearestFew } from '../../base/nearest.js';
import { namesLeadingTo } from '../closure/closure.js';
import { selectForMirror } from './select.js';
import type { FileFate, MirrorSource, PickedFile } from './gather.js';
import type { MirrorFilter } from '../../config/mirror-file/filter.js';

/** Why one file is in the mirror or not. */
export interface ExplainedFile {
  readonly channel: Channel;
  readonly subdir: Subdir;
  readonly fn: string;
  readonly picked: boolean;
  /** The rule that decided: a key of the mirror file, `shadowed`, `refused`, `dependency`, or `all` where none applies. */
  readonly rule: string;
  /** One phrase without a stop: `blacklist, entry "gdal"`. */
  readonly reason: string;
  /** Line of the mirror file. */
  readonly line: number | undefined;
}

export interface Explanation {
  readonly name: string;
  /** In the order of the sources, then of their indexes. */
  readonly files: readonly ExplainedFile[];
  /** Names like it, where no channel has it. */
  readonly similar: readonly string[];
  /** Paths of this package that lie in the mirror though nothing takes them (any more). */
  readonly standing: readonly string[];
}

/**
 * `mirror --explain NAME`: for each file of a package in each channel, the rule that takes it or leaves it out. The same selection as
 * the mirror's, watched. `solved`: with `with_dependencies: solve`, what a solver has added (see `rootsLeadingTo`). `lying`: paths of the
 * artifacts in the mirror.
 */
export function explainName(options: {
  sources: readonly MirrorSource[];
  filter: MirrorFilter;
  name: string;
  solved?: readonly SolvedFile[] | undefined;
  lying?: readonly string[] | undefined;
}): Explanation {
  const { sources, filter, solved = [], lying = [] } = options;
  const name = packageNameOf(options.name);
  const fates = new Map<MirrorSource, Map<string, FileFate>>(sources.map((source) => [source, new Map()]));
  selectForMirror({
    sources,
    filter,
    watch: { name, tell: (source, fn, fate) => void fates.get(source)!.set(fn, fate) },
  });
  for (const { channel, subdir, fn, of } of solved) {
    const source = sources.find((each) => each.channel === channel && each.subdir === subdir);
    const byName = source && fates.get(source);
    if (byName?.has(fn) === true) byName.set(fn, { kind: 'solved', of });
  }
  const files = [...fates].flatMap(([{ channel, subdir }, byName]) =>
    [...byName].map(([fn, fate]) => Object.assign({ channel, subdir, fn }, explained(fate))),
  );
  const taken = new Set(files.filter(({ picked }) => picked).map(({ subdir, fn }) => `${subdir}/${fn}`));
  return {
    name,
    files,
    similar: files.length > 0 ? [] : nearestFew(name, packageNames(sources), 5),
    standing: lying.filter(
      (path) => nameIn(path.slice(path.indexOf('/') + 1)).toLowerCase() === name && !taken.has(path),
    ),
  };
}

/** A file that a solver takes for another one, `of`: its path. */
export type SolvedFile = Pick<PickedFile, 'channel' | 'subdir' | 'fn'> & { readonly of: string };

/** Of the files that the lists pick those for which a solver may take something of a package: no others have to be solved to explain it. */
export function rootsLeadingTo(options: {
  sources: readonly MirrorSource[];
  filter: MirrorFilter;
  name: string;
}): readonly PickedFile[] {
  const { sources, filter, name } = options;
  const { picked } = selectForMirror({ sources, filter });
  const names = namesLeadingTo(
    sources,
    picked.map((file) => file.name.toLowerCase()),
    packageNameOf(name),
  );
  return picked.filter((file) => names.has(file.name.toLowerCase()));
}

function packageNameOf(typed: string): string {
  return typed.trim().toLowerCase();
}

/** The explanation as text: files with one fate together, a line each. `file`: the mirror file, as the user named it. */
export function explanationText(explanation: Explanation, file: string | undefined): string {
  const { name, files, similar, standing } = explanation;
  const still =
    standing.length === 0
      ? []
      : ['', 'still in the mirror, until repackenv clean -f takes it away', ...standing.map((path) => `  ${path}`)];
  if (files.length === 0) {
    const advice = similar.length > 0 ? ` Names like it: ${similar.join(', ')}.` : '';
    const none = `${name}: no channel of this mirror has a package of that name on its platforms.${advice}`;
    return [none, ...still, ''].join('\n');
  }
  const picked = files.filter((each) => each.picked).length;
  const channels = new Set(files.map((each) => each.channel.name));
  const only = channels.size === 1 ? ` (${[...channels].join('')})` : '';
  const lines = [`${name}: ${picked} of ${files.length} file${files.length === 1 ? '' : 's'} mirrored${only}`];
  const groups = new Map<string, ExplainedFile[]>();
  for (const each of files) {
    const title = `${each.picked ? 'mirrored' : 'left out'}: ${each.reason}${each.line === undefined ? '' : ` (${file ?? 'mirror file'}, line ${each.line})`}`;
    groups.set(title, [...(groups.get(title) ?? []), each]);
  }
  for (const [title, members] of groups) {
    lines.push(
      '',
      title,
      ...members.map(({ channel, subdir, fn }) => `  ${subdir}/${fn}${only === '' ? `  ${channel.name}` : ''}`),
    );
  }
  return [...lines, ...still, ''].join('\n');
}

function explained(fate: FileFate): Pick<ExplainedFile, 'picked' | 'rule' | 'reason' | 'line'> {
  switch (fate.kind) {
    case 'picked':
      return fate.by === 'all'
        ? { picked: true, rule: 'all', reason: 'no rule leaves it out', line: undefined }
        : { picked: true, rule: fate.by, reason: `${fate.by}, entry "${fate.entry}"`, line: fate.line };
    case 'dependency':
      return { picked: true, rule: 'dependency', reason: `${fate.of} depends on "${fate.depends}"`, line: undefined };
    case 'solved':
      return { picked: true, rule: 'dependency', reason: `a solver takes it for ${fate.of}`, line: undefined };
    case 'shadowed':
      return {
        picked: false,
        rule: 'shadowed',
        reason: fate.same
          ? `the same file is taken from ${fate.by.name}`
          : `${fate.by.name}, declared earlier, has a file of that name with other bytes`,
        line: undefined,
      };
    case 'refused':
      return { picked: false, rule: 'refused', reason: fate.problem, line: undefined };
    case 'excluded':
      return {
        picked: false,
        rule: ruleOf(fate.exclusion.reason),
        reason: excludedBy(fate.exclusion),
        line: fate.exclusion.line,
      };
  }
}

function ruleOf(reason: string): string {
  return reason === 'not-included' ? 'include' : reason;
}

function excludedBy({ reason, entry, because }: Extract<FileFate, { kind: 'excluded' }>['exclusion']): string {
  if (reason === 'not-included') return 'no entry of include matches it';
  const tail = because === undefined ? '' : `; ${because}`;
  switch (reason) {
    case 'license_blacklist':
    case 'blacklist':
    case 'exclude':
      return `${reason}, entry "${entry}"${tail}`;
    default:
      return `${reason}: ${entry}${tail}`;
  }
}

function packageNames(sources: readonly MirrorSource[]): Set<string> {
  const names = new Set<string>();
  for (const { index } of sources) for (const fn of index.allFilenames()) names.add(nameIn(fn));
  return names;
}

function nameIn(fn: string): string {
  return fn.replace(/-[^-]*-[^-]*$/, '');
}
