import type { Channel, Subdir } from '../model/channel.js';
import { nearestFew } from '../model/nearest.js';
import { selectForMirror } from './select.js';
import type { FileFate, MirrorSource } from './select-gather.js';
import type { MirrorFilter } from './select-filter.js';

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
}

/**
 * `mirror --explain NAME`: for each file of a package in each channel, the rule that takes it or leaves it out. The same selection as
 * the mirror's, watched. With `with_dependencies: solve` files that only a solver adds are shown as left out.
 */
export function explainName(options: {
  sources: readonly MirrorSource[];
  filter: MirrorFilter;
  name: string;
}): Explanation {
  const { sources, filter } = options;
  const name = options.name.trim().toLowerCase();
  const fates = new Map<MirrorSource, Map<string, FileFate>>(sources.map((source) => [source, new Map()]));
  selectForMirror({
    sources,
    filter,
    watch: { name, tell: (source, fn, fate) => void fates.get(source)!.set(fn, fate) },
  });
  const files = [...fates].flatMap(([{ channel, subdir }, byName]) =>
    [...byName].map(([fn, fate]) => Object.assign({ channel, subdir, fn }, explained(fate))),
  );
  return { name, files, similar: files.length > 0 ? [] : nearestFew(name, packageNames(sources), 5) };
}

/** The explanation as text: files with one fate together, a line each. `file`: the mirror file, as the user named it. */
export function explanationText(explanation: Explanation, file: string | undefined): string {
  const { name, files, similar } = explanation;
  if (files.length === 0) {
    const advice = similar.length > 0 ? ` Names like it: ${similar.join(', ')}.` : '';
    return `${name}: no channel of this mirror has a package of that name on its platforms.${advice}\n`;
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
  return `${lines.join('\n')}\n`;
}

function explained(fate: FileFate): Pick<ExplainedFile, 'picked' | 'rule' | 'reason' | 'line'> {
  switch (fate.kind) {
    case 'picked':
      return fate.by === 'all'
        ? { picked: true, rule: 'all', reason: 'no rule leaves it out', line: undefined }
        : { picked: true, rule: fate.by, reason: `${fate.by}, entry "${fate.entry}"`, line: fate.line };
    case 'dependency':
      return { picked: true, rule: 'dependency', reason: `${fate.of} depends on "${fate.depends}"`, line: undefined };
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
  for (const { index } of sources) for (const fn of index.allFilenames()) names.add(fn.replace(/-[^-]*-[^-]*$/, ''));
  return names;
}
