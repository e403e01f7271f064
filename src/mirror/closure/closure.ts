import type { Steps } from '../../base/steps.js';
import { NOARCH } from '../../conda/channel/channel.js';
import type { Channel, Subdir } from '../../conda/channel/channel.js';
import { parseDependency } from '../../conda/spec/dependency.js';
import { channelsOfSpec, specMatches } from '../../conda/spec/match-spec.js';
import type { MatchSpec } from '../../conda/spec/match-spec.js';
import type { PackageRecord } from '../../conda/record/records.js';
import { dependsWithPip } from './graph.js';
import type { GraphFile } from './graph.js';
import { newestOf } from './reach.js';
import type { MirrorFilter } from '../../config/mirror-file/filter.js';
import { isWatched } from '../select/gather.js';
import type { Gatherer, MirrorSource, Watch } from '../select/gather.js';
import { latestWindow } from '../select/latest.js';
import { pythonSeries } from '../select/python.js';
import { checkedRecord, excludesUnusable, recordOfFilename } from '../select/record.js';
import { rulesOf } from '../select/rules.js';
import type { Exclusion, ExclusionReason, Rules } from '../select/rules.js';

export { closeBySolving } from './solve.js';
export { namesLeadingTo, solverView } from './view.js';
export type { SolverView } from './view.js';
export type { SolveRequest, SolvedFiles, UnsolvableFile } from './solve.js';

/** A dependency of a picked file that only files can satisfy which a list forbids. */
export interface ForbiddenDependency extends Exclusion {
  /** The file that asks. */
  readonly subdir: Subdir;
  readonly fn: string;
  /** The entry of its `depends`. */
  readonly depends: string;
}

/** What the closure remembers of a record: enough to match it. Its depends are read again when it is taken. */
interface Candidate extends Pick<GraphFile, 'source' | 'fn' | 'name' | 'version' | 'build' | 'build_number'> {
  readonly series: string;
  readonly forbidden: Exclusion | undefined;
  readonly dated: boolean;
}

/** A file may ask for much that is looked for the first time. */
const FILES_AT_ONCE = 500;

/**
 * `with_dependencies: all`: adds every record that an entry of a picked record's `depends` can mean, and those of theirs, over all channels
 * and noarch. What the lists and `python` forbid never comes in by this way. `latest`, `since` and `until` hold here too, except for a
 * dependency that nothing within them satisfies: then its newest versions come. Virtual packages are the machine's. With python comes pip,
 * where there is one: conda adds it to python's depends in memory, and finds no solution without it.
 */
export function* closeOverAll(options: {
  sources: readonly MirrorSource[];
  filter: MirrorFilter;
  rules: Rules;
  gathered: Gatherer;
  watch: Watch | undefined;
  /** Counts are taken back for what comes in after all. */
  excluded: Map<ExclusionReason, number>;
  /** Told of a file that would do for a dependency, had it a record that can be used. */
  refuse: (source: MirrorSource, fn: string, problem: string) => void;
}): Steps<ForbiddenDependency[]> {
  const { sources, filter, rules, gathered, watch, excluded, refuse } = options;
  const platforms = [...new Set(sources.map((source) => source.subdir))].filter((subdir) => subdir !== NOARCH);
  const find = candidateFinder(sources, filter, rules, ({ source, fn, problem, reason }) => {
    takeBack(reason);
    refuse(source, fn, problem);
  });
  const done = new Set<string>();
  const forbidden: ForbiddenDependency[] = [];
  // Grows while it is walked: what is added may depend on more.
  const files = gathered.files();
  for (let at = 0; at < files.length; at++) {
    if (at % FILES_AT_ONCE === FILES_AT_ONCE - 1) yield;
    const file = files[at]!;
    const record = gathered.sourceOf(file).index.record(file.fn)!;
    for (const platform of file.subdir === NOARCH ? platforms : [file.subdir]) {
      for (const depends of dependsWithPip(record)) {
        const asked = `${platform}\0${depends}`;
        if (done.has(asked)) continue;
        done.add(asked);
        const { spec } = parseDependency(depends);
        if (spec === undefined || spec.name.startsWith('__')) continue;
        const wanted = find(spec, platform);
        if ('forbidden' in wanted) {
          forbidden.push({ subdir: file.subdir, fn: file.fn, depends, ...wanted.forbidden });
          continue;
        }
        for (const candidate of wanted.candidates) take(candidate, { of: `${file.subdir}/${file.fn}`, depends });
      }
    }
  }
  return forbidden;

  function take(candidate: Candidate, why: { of: string; depends: string }): void {
    const { source, fn } = candidate;
    const record = source.index.record(fn)!;
    if (!gathered.add(source, fn, record)) return;
    const judged = { record, channel: source.channel, subdir: source.subdir };
    takeBack(rules.excludes(judged)?.reason ?? 'latest');
    if (isWatched(watch, record.name)) watch.tell(source, fn, { kind: 'dependency', ...why });
  }

  function takeBack(reason: ExclusionReason): void {
    const before = excluded.get(reason) ?? 0;
    if (before > 1) excluded.set(reason, before - 1);
    else excluded.delete(reason);
  }
}

/**
 * Tells of an entry of `depends` which list of the mirror file forbids all that could satisfy it; undefined where none does, be it that something is
 * permitted, or that no channel has it.
 */
export function forbiddenNeeds({
  sources,
  filter,
}: {
  sources: readonly MirrorSource[];
  filter: MirrorFilter;
}): (subdir: Subdir, depends: string) => Exclusion | undefined {
  const rules = rulesOf(filter, [...new Set(sources.map(({ channel }) => channel))]);
  const find = candidateFinder(sources, filter, rules, () => undefined);
  const platforms = [...new Set(sources.map((source) => source.subdir))].filter((subdir) => subdir !== NOARCH);
  return (subdir, depends) => {
    const { spec } = parseDependency(depends);
    if (spec === undefined) return undefined;
    const wanted = (subdir === NOARCH ? platforms : [subdir]).map((platform) => find(spec, platform));
    return wanted.flatMap((each) => ('forbidden' in each ? [each.forbidden] : []))[0];
  };
}

/** One whose record can't be used, and the rule that has left it out so far. */
interface UnusableFile {
  readonly source: MirrorSource;
  readonly fn: string;
  readonly problem: string;
  readonly reason: ExclusionReason;
}

type Wanted = { readonly candidates: readonly Candidate[] } | { readonly forbidden: Exclusion };

function candidateFinder(
  sources: readonly MirrorSource[],
  filter: MirrorFilter,
  rules: Rules,
  refuse: (file: UnusableFile) => void,
): (spec: MatchSpec, platform: Subdir) => Wanted {
  const channels = [...new Set(sources.map((source) => source.channel))];
  const byName = new Map<string, readonly Candidate[]>();
  const unusable = new Map<string, UnusableFile[]>();
  const window = filter.latest === undefined ? undefined : latestWindow(filter.latest);
  const limited = window !== undefined || filter.since !== undefined || filter.until !== undefined;

  const load = (name: string): readonly Candidate[] => {
    const found: Candidate[] = [];
    for (const source of sources) {
      for (const fn of source.index.filenames(name)) {
        const { record, problem } = checkedRecord(source, fn);
        if (record === undefined) {
          // One that the rules want by themselves has been refused already.
          const exclusion = excludesUnusable(rules, source, fn);
          if (exclusion !== undefined)
            unusable.set(name, [...(unusable.get(name) ?? []), { source, fn, problem, reason: exclusion.reason }]);
          continue;
        }
        const candidate = candidateOf(source, { fn, record }, filter, rules);
        found.push(candidate);
        if (candidate.forbidden === undefined && candidate.dated) window?.note(source.subdir, candidate);
      }
    }
    byName.set(name, found);
    return found;
  };

  return (spec, platform) => {
    const allowed: readonly Channel[] = channelsOfSpec(spec, channels);
    const inReach = ({ channel, subdir }: MirrorSource): boolean =>
      (subdir === platform || subdir === NOARCH) && allowed.includes(channel);
    const matching = (byName.get(spec.name) ?? load(spec.name)).filter(
      (each) => inReach(each.source) && specMatches(spec, { ...each, subdir: each.source.subdir }),
    );
    if (matching.length === 0) {
      const left = unusable.get(spec.name) ?? [];
      const meant = left.filter(({ source, fn }) => {
        const named = recordOfFilename(fn);
        return named !== undefined && inReach(source) && specMatches(spec, { ...named, subdir: source.subdir });
      });
      for (const file of meant) refuse(file);
      if (meant.length > 0)
        unusable.set(
          spec.name,
          left.filter((each) => !meant.includes(each)),
        );
    }
    const free = matching.filter((each) => each.forbidden === undefined);
    if (free.length === 0 && matching.length > 0) return { forbidden: matching[0]!.forbidden! };
    if (!limited) return { candidates: free };
    const within = free.filter((each) => each.dated && (window?.has(each.source.subdir, each) ?? true));
    return { candidates: within.length > 0 ? within : newestOf(free, filter.latest?.count ?? 1) };
  };
}

function candidateOf(
  source: MirrorSource,
  { fn, record }: { fn: string; record: PackageRecord },
  filter: MirrorFilter,
  rules: Rules,
): Candidate {
  const { name, version, build, build_number } = record;
  return {
    source,
    fn,
    name,
    version,
    build,
    build_number,
    series: filter.latest?.per === 'name-python' ? pythonSeries(record) : '',
    forbidden: rules.forbids({ record, channel: source.channel, subdir: source.subdir }),
    dated: rules.excludesByDate(record) === undefined,
  };
}
