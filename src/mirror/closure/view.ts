import type { Subdir } from '../../conda/channel/channel.js';
import { dependencyName } from '../../conda/spec/dependency.js';
import type { TargetProfile } from '../../conda/plan/profile.js';
import type { RepodataIndex } from '../../conda/record/repodata-index.js';
import { isRepackError } from '../../base/errors.js';
import type { MirrorFilter } from '../../config/mirror-file/filter.js';
import type { MirrorSource } from '../select/gather.js';
import { dependsWithPip, packageGraph } from './graph.js';
import { firstChoice } from './first-choice.js';
import type { GraphFile, PackageGraph } from './graph.js';
import { narrowing, reachOf } from './reach.js';
import { rulesOf } from '../select/rules.js';

/** What a solver is shown for one request. */
export interface SolverView {
  readonly sources: readonly MirrorSource[];
  /** Number of files in it. */
  readonly size: number;
}

/** What is known of one request without a solver. */
interface Prospect {
  /** The solution, where there can be no better one: see `firstChoice`. */
  readonly plain: readonly { readonly subdir: Subdir; readonly fn: string }[] | undefined;
  /**
   * What a solver is to be shown, one after the other until it finds a solution: the newest versions of all first, as conda begins with
   * `current_repodata.json`; then everything.
   */
  readonly views: readonly (() => SolverView)[];
}

/** Of what each entry of `depends` can mean, so many versions are shown at first. */
const NEWEST = 3;

/** Of so many files is remembered, between two requests, what they need: some 300 bytes each. */
const REMEMBERED = 200_000;

/**
 * Gives for a build (`numpy 1.26.4 py311_0`) on a platform the part of the sources that a solve of it can take anything from: without what
 * licence list, blacklist, exclude and python forbid, without what no `depends` in reach means, and without what can't stand beside the
 * build (`narrowing`). A solver orders and picks among what is left as it would among all; the whole of a large channel takes it minutes
 * and gigabytes for each file. Where no solution can be, all in reach is there, so that the solver can tell why.
 *
 * What was read of records is kept for one platform only: ask for one after the other.
 */
export function solverView({
  sources,
  filter,
}: {
  sources: readonly MirrorSource[];
  filter: MirrorFilter;
}): (profile: TargetProfile, exact: string) => Prospect {
  const rules = rulesOf(filter, [...new Set(sources.map((source) => source.channel))]);
  let graph: PackageGraph | undefined;
  return (profile, exact) => {
    if (graph?.profile !== profile || graph.size() > REMEMBERED) graph = packageGraph({ sources, rules, profile });
    const current = graph;
    const roots = current.meantBy(exact);
    const work = narrowing(current);
    const [root] = roots;
    const domains = root !== undefined && work.restrict(root.name, roots) ? work.domains : undefined;
    const files = domains === undefined ? undefined : firstChoice(current, domains);
    return {
      plain: files?.map(({ source, fn }) => ({ subdir: source.subdir, fn })),
      views: [...(domains === undefined ? [] : [NEWEST]), undefined].map(
        (versions) => () => viewOf(sources, reachOf(current, roots, { domains, versions })),
      ),
    };
  };
}

function viewOf(sources: readonly MirrorSource[], seen: ReadonlySet<GraphFile>): SolverView {
  const shown = new Map<MirrorSource, Map<string, string[]>>(sources.map((source) => [source, new Map()]));
  for (const { source, fn, name } of seen) {
    const names = shown.get(source)!;
    const fns = names.get(name);
    if (fns === undefined) names.set(name, [fn]);
    else fns.push(fn);
  }
  const views = sources.map((source) =>
    Object.assign({}, source, { index: narrowed(source.index, shown.get(source)!) }),
  );
  return { sources: views, size: seen.size };
}

function narrowed(index: RepodataIndex, names: ReadonlyMap<string, readonly string[]>): RepodataIndex {
  return { ...index, filenames: (name) => names.get(name) ?? [] };
}

/** Of some package names those from which a chain of `depends` leads to `wanted`, over any version of anything. */
export function namesLeadingTo(sources: readonly MirrorSource[], names: Iterable<string>, wanted: string): Set<string> {
  const neededBy = new Map<string, Set<string>>();
  const queue = [...new Set(names)];
  const roots = new Set(queue);
  const known = new Set(queue);
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    for (const text of dependsOfName(sources, name)) {
      const needed = dependencyName(text);
      if (needed === '' || needed.startsWith('__')) continue;
      const by = neededBy.get(needed);
      if (by === undefined) neededBy.set(needed, new Set([name]));
      else by.add(name);
      if (known.has(needed)) continue;
      known.add(needed);
      queue.push(needed);
    }
  }
  const leading = new Set([wanted]);
  for (const name of leading) for (const by of neededBy.get(name) ?? []) leading.add(by);
  return new Set([...leading].filter((name) => roots.has(name)));
}

function dependsOfName(sources: readonly MirrorSource[], name: string): Set<string> {
  const texts = new Set<string>();
  for (const { index } of sources) {
    for (const fn of index.filenames(name)) {
      try {
        const record = index.record(fn);
        for (const text of record === undefined ? [] : dependsWithPip(record)) texts.add(text);
      } catch (error) {
        if (!isRepackError(error)) throw error;
      }
    }
  }
  return texts;
}
