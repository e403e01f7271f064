import type { Subdir } from '../../conda/channel/channel.js';
import { compareVersions } from '../../conda/spec/version.js';
import type { LatestRule } from '../../config/mirror-file/filter.js';
import type { Exclusion } from './rules.js';

/** What `latest` counts a record by. */
export interface LatestGroup {
  readonly name: string;
  readonly version: string;
  /** The python it is built for (`3.10`) where the rule counts per python; else empty. */
  readonly series: string;
}

/** The newest versions of each package, counted as records come by. */
export interface LatestWindow {
  note(subdir: Subdir, record: LatestGroup): void;
  /** Is the version of the record that was noted as number `at` among the newest of its group? Once all have been noted. */
  noted(at: number): boolean;
  /** Is this version among the newest of its group? Once all have been noted. */
  has(subdir: Subdir, record: LatestGroup): boolean;
  exclusion(): Exclusion;
}

/**
 * `latest: N`: in each subdir the N newest versions of a package name, over all channels, each with all its builds and both formats; with
 * `per: name-python` the N newest among the builds for each python.
 */
export function latestWindow(rule: LatestRule): LatestWindow {
  const groups = new Map<string, string[]>();
  const groupOf: string[][] = [];
  const versionOf: string[] = [];
  const key = (subdir: Subdir, { name, series }: LatestGroup): string => `${subdir}\0${name}\0${series}`;
  const holds = (newest: readonly string[], version: string): boolean =>
    newest.some((each) => each === version || compareVersions(each, version) === 0);
  return {
    note(subdir, record) {
      let newest = groups.get(key(subdir, record));
      if (newest === undefined) groups.set(key(subdir, record), (newest = []));
      insert(newest, record.version, rule.count);
      groupOf.push(newest);
      versionOf.push(record.version);
    },
    noted: (at) => holds(groupOf[at]!, versionOf[at]!),
    has: (subdir, record) => holds(groups.get(key(subdir, record)) ?? [], record.version),
    exclusion: () => ({
      reason: 'latest',
      entry: `${rule.count}${rule.per === 'name' ? '' : ` per ${rule.per}`}`,
      line: rule.line,
      because: `${rule.count === 1 ? 'a newer version is' : `${rule.count} newer versions are`} there${rule.per === 'name' ? '' : ' for the same python'}`,
    }),
  };
}

/** Newest first, at most `count`, equal versions (`1.0`, `1.0.0`) once. */
function insert(versions: string[], version: string, count: number): void {
  let at = 0;
  for (; at < versions.length; at++) {
    if (version === versions[at]) return;
    const order = compareVersions(version, versions[at]!);
    if (order === 0) return;
    if (order > 0) break;
  }
  if (at >= count) return;
  versions.splice(at, 0, version);
  if (versions.length > count) versions.pop();
}
