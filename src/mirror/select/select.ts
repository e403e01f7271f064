import { atOnce, type Steps } from '../../base/steps.js';
import type { Channel, Subdir } from '../../conda/channel/channel.js';
import type { PackageRecord } from '../../conda/record/records.js';
import { closeOverAll } from '../closure/closure.js';
import type { ForbiddenDependency } from '../closure/closure.js';
import { gatherer, isWatched } from './gather.js';
import type { FileFate, MirrorSource, PickedFile, ShadowedFile, Watch } from './gather.js';
import { latestWindow } from './latest.js';
import type { LatestGroup } from './latest.js';
import { pythonSeries } from './python.js';
import { nameInFilename } from '../../conda/channel/names.js';
import { checkedRecord, excludesUnusable } from './record.js';
import { rulesOf } from './rules.js';
import type { Exclusion, ExclusionReason, Rules, UnmatchedEntry } from './rules.js';
import type { MirrorFilter } from '../../config/mirror-file/filter.js';

export type { MirrorSource, PickedFile, ShadowedFile } from './gather.js';
export type { ForbiddenDependency } from '../closure/closure.js';
export type { ExclusionReason } from './rules.js';

/** A wanted record that can't be mirrored: unsafe name, no digest, says of itself what it is not (E_RECORD, E_REPODATA). */
export interface RefusedRecord {
  readonly channel: Channel;
  readonly subdir: Subdir;
  readonly fn: string;
  readonly problem: string;
}

export interface Selection {
  /** In the order of the sources, then of their indexes; what the closure added comes last. */
  readonly picked: readonly PickedFile[];
  readonly shadowed: readonly ShadowedFile[];
  /** Number of files left out, by reason. */
  readonly excluded: ReadonlyMap<ExclusionReason, number>;
  readonly refused: readonly RefusedRecord[];
  /** Only with `with_dependencies: all`. */
  readonly forbidden: readonly ForbiddenDependency[];
  /** Entries of lists that no file of any channel matches: misspelt, most likely. */
  readonly unmatched: readonly UnmatchedEntry[];
}

export interface SelectOptions {
  readonly sources: readonly MirrorSource[];
  readonly filter: MirrorFilter;
  readonly watch?: Watch | undefined;
}

/** Some hundredths of a second. */
const FILES_AT_ONCE = 5000;

/**
 * Which files the mirror has. One pass over the indexes, records parsed one at a time, and only those whose name does not decide. `sources` in order of priority: where two
 * channels have one file name, the first one's file is taken. With `dependencies: 'all'` the closure is in it; with `'solve'` the
 * command adds it by `closeBySolving` (closure.ts).
 */
export function* selectingForMirror({ sources, filter, watch }: SelectOptions): Steps<Selection> {
  const channels = [...new Set(sources.map((source) => source.channel))];
  const rules = rulesOf(filter, channels);
  const excluded = new Map<ExclusionReason, number>();
  const refused: RefusedRecord[] = [];
  const gathered = gatherer(sources, watch);
  const window = filter.latest === undefined ? undefined : latestWindow(filter.latest);

  let looked = 0;
  for (const source of sources) {
    const { channel, subdir, index } = source;
    const leaveOut = (fn: string, name: string, exclusion: Exclusion): void => {
      count(excluded, exclusion.reason, 1);
      if (isWatched(watch, name)) watch.tell(source, fn, { kind: 'excluded', exclusion });
    };
    for (const fn of index.allFilenames()) {
      if (++looked % FILES_AT_ONCE === 0) yield;
      const name = nameInFilename(fn) ?? fn;
      const byName = rules.excludesName(name);
      if (byName !== undefined) {
        leaveOut(fn, name, byName);
        continue;
      }
      const { record, problem } = checkedRecord(source, fn);
      if (record === undefined) {
        const exclusion = excludesUnusable(rules, source, fn);
        if (exclusion !== undefined) leaveOut(fn, name, exclusion);
        else refuse(source, fn, problem);
        continue;
      }
      const judged = { record, channel, subdir };
      const exclusion = rules.excludes(judged);
      if (exclusion !== undefined) {
        leaveOut(fn, name, exclusion);
        continue;
      }
      if (!gathered.add(source, fn, record)) {
        count(excluded, 'earlier-channel', 1);
        continue;
      }
      window?.note(subdir, groupOf(filter, record));
      if (isWatched(watch, record.name)) watch.tell(source, fn, pickedFate(rules, judged));
    }
  }
  if (window !== undefined) {
    const exclusion = window.exclusion();
    // Noted in the order in which they were picked.
    const left = gathered.keep(window.noted, (file, source) => {
      if (isWatched(watch, file.name)) watch.tell(source, file.fn, { kind: 'excluded', exclusion });
    });
    count(excluded, 'latest', left);
  }
  const forbidden =
    filter.dependencies === 'all'
      ? yield* closeOverAll({ sources, filter, rules, gathered, watch, excluded, refuse })
      : [];
  return {
    picked: gathered.files(),
    shadowed: gathered.shadowed(),
    excluded,
    refused,
    forbidden,
    unmatched: rules.unmatched(),
  };

  function refuse(source: MirrorSource, fn: string, problem: string): void {
    refused.push({ channel: source.channel, subdir: source.subdir, fn, problem });
    if (isWatched(watch, nameInFilename(fn) ?? fn)) watch.tell(source, fn, { kind: 'refused', problem });
  }
}

/** The same, without a pause. */
export function selectForMirror(options: SelectOptions): Selection {
  return atOnce(selectingForMirror(options));
}

function count(excluded: Map<ExclusionReason, number>, reason: ExclusionReason, more: number): void {
  if (more > 0) excluded.set(reason, (excluded.get(reason) ?? 0) + more);
}

function groupOf(filter: MirrorFilter, record: PackageRecord): LatestGroup {
  return {
    name: record.name,
    version: record.version,
    series: filter.latest?.per === 'name-python' ? pythonSeries(record) : '',
  };
}

function pickedFate(rules: Rules, judged: { record: PackageRecord; channel: Channel; subdir: Subdir }): FileFate {
  const white = rules.whitelisted(judged.record.name);
  if (white !== undefined) return { kind: 'picked', by: 'whitelist', entry: white.text, line: white.line };
  const included = rules.includedBy(judged);
  if (included !== undefined) return { kind: 'picked', by: 'include', entry: included.text, line: included.line };
  return { kind: 'picked', by: 'all', entry: '', line: undefined };
}
