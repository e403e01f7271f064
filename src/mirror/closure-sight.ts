import { NOARCH } from '../model/channel.js';
import type { Subdir } from '../model/channel.js';
import { dependencyName, parseDependency } from '../model/dependency.js';
import { specMatches } from '../model/match-spec.js';
import type { PackageRecord } from '../model/records.js';
import type { RepodataIndex } from '../model/repodata-index.js';
import { isRepackError } from '../model/errors.js';
import type { MirrorFilter } from './select-filter.js';
import type { MirrorSource } from './select-gather.js';
import { checkedRecord, nameInFilename } from './select-record.js';
import { rulesOf } from './select-rules.js';

/** What a solver is shown for one request. */
export interface Sight {
  readonly sources: readonly MirrorSource[];
  /** Number of files in it. */
  readonly size: number;
}

interface Entry {
  readonly source: MirrorSource;
  readonly fn: string;
  /** Undefined where it can't be used: the solver says so. */
  readonly record: PackageRecord | undefined;
}

/**
 * Gives for a build (`numpy 1.26.4 py311_0`) on a platform the part of the sources that a solve of it can take anything from: without what
 * licence list, blacklist, exclude and python forbid, and without what no `depends` in reach means. A solver orders and picks among what is
 * left as it would among all; the whole of a large channel takes it minutes and gigabytes for each file.
 *
 * Of a name that several channels have everything stays: which of them goes first is judged by all that they have. Records are parsed once
 * a platform, whatever the number of requests, and those of one platform only are kept (some 1.8 kB each): ask for one after the other.
 */
export function solverSight({
  sources,
  filter,
}: {
  sources: readonly MirrorSource[];
  filter: MirrorFilter;
}): (platform: Subdir, exact: string) => Sight {
  const rules = rulesOf(filter, [...new Set(sources.map((source) => source.channel))]);
  const byName = new Map<string, readonly Entry[]>();
  const byDependency = new Map<string, readonly Entry[]>();
  const records = new Map<MirrorSource, Map<string, PackageRecord>>(sources.map((source) => [source, new Map()]));

  const entriesOf = (name: string): readonly Entry[] => {
    let entries = byName.get(name);
    if (entries === undefined) byName.set(name, (entries = sources.flatMap((source) => loaded(source, name))));
    return entries;
  };

  function loaded(source: MirrorSource, name: string): Entry[] {
    const entries: Entry[] = [];
    for (const fn of source.index.filenames(name)) {
      const { record } = checkedRecord(source, fn);
      if (record !== undefined) {
        if (rules.forbids({ record, channel: source.channel, subdir: source.subdir }) !== undefined) continue;
        records.get(source)!.set(fn, record);
      }
      entries.push({ source, fn, record });
    }
    return entries;
  }

  /** What an entry of `depends` can mean. */
  const meantBy = (platform: Subdir, text: string): readonly Entry[] => {
    const key = `${platform}\0${text}`;
    let meant = byDependency.get(key);
    if (meant === undefined) byDependency.set(key, (meant = found(platform, text)));
    return meant;
  };

  function found(platform: Subdir, text: string): readonly Entry[] {
    const { spec } = parseDependency(text);
    const name = spec?.name ?? dependencyName(text);
    if (name === '' || name.startsWith('__')) return [];
    const all = entriesOf(name).filter(({ source: { subdir } }) => subdir === platform || subdir === NOARCH);
    if (spec === undefined || new Set(all.map(({ source }) => source.channel)).size > 1) return all;
    return all.filter(({ record }) => record === undefined || specMatches({ ...spec, subdir: undefined }, record));
  }

  let at: Subdir | undefined;
  return (platform, exact) => {
    if (platform !== at) for (const each of [byName, byDependency, ...records.values()]) each.clear();
    at = platform;
    const queue = [...found(platform, exact)];
    const seen = new Set(queue);
    const asked = new Set<string>();
    for (let entry = queue.pop(); entry !== undefined; entry = queue.pop()) {
      for (const text of dependsOf(entry.record)) {
        if (asked.has(text)) continue;
        asked.add(text);
        for (const each of meantBy(platform, text)) {
          if (seen.has(each)) continue;
          seen.add(each);
          queue.push(each);
        }
      }
    }
    const shown = new Map<MirrorSource, Map<string, string[]>>(sources.map((source) => [source, new Map()]));
    for (const { source, fn } of seen) {
      const names = shown.get(source)!;
      const key = nameInFilename(fn)!;
      const fns = names.get(key);
      if (fns === undefined) names.set(key, [fn]);
      else fns.push(fn);
    }
    const views = sources.map((source) =>
      Object.assign({}, source, {
        index: narrowed(source.index, { names: shown.get(source)!, records: records.get(source)! }),
      }),
    );
    return { sources: views, size: seen.size };
  };
}

/** An unknown client may want pip with its python: conda's rule, which the solver knows. */
function dependsOf(record: PackageRecord | undefined): readonly string[] {
  if (record === undefined) return [];
  return record.name === 'python' ? [...record.depends, 'pip'] : record.depends;
}

function narrowed(
  index: RepodataIndex,
  { names, records }: { names: ReadonlyMap<string, readonly string[]>; records: ReadonlyMap<string, PackageRecord> },
): RepodataIndex {
  return {
    ...index,
    filenames: (name) => names.get(name) ?? [],
    record: (fn) => records.get(fn) ?? index.record(fn),
  };
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
        for (const text of dependsOf(index.record(fn))) texts.add(text);
      } catch (error) {
        if (!isRepackError(error)) throw error;
      }
    }
  }
  return texts;
}
