import type { Channel, Subdir } from '../../conda/channel/channel.js';
import type { LicenceEntry as LicenceFamilies } from '../../conda/licence/licence-list.js';
import type { PackageRecord } from '../../conda/record/records.js';
import type { SpecPattern } from '../../conda/spec/spec-entry.js';

/** An entry of a list in the mirror file: what it says, and where, for `--explain` and for findings. */
export interface ListEntry {
  /** As written. */
  readonly text: string;
  /** Line of the mirror file, from 1; undefined where it comes from the command line. */
  readonly line: number | undefined;
}

/** A package name, in which `*` stands for any run of characters; lower case. */
export interface NameEntry extends ListEntry {
  readonly pattern: string;
}

export interface LicenceEntry extends ListEntry, LicenceFamilies {}

export interface SpecEntry extends ListEntry, SpecPattern {}

export interface LatestRule {
  readonly line: number | undefined;
  /** That many newest versions are kept, each with all its builds. */
  readonly count: number;
  /** Newest of a package name, or of a name among the builds for one python. */
  readonly per: 'name' | 'name-python';
}

export interface DateRule {
  readonly line: number | undefined;
  /** As written, `2024-01-31`. */
  readonly text: string;
  /** Milliseconds since 1970: the first of the day for `since`, the last for `until`; UTC. */
  readonly time: number;
}

/** `none`: nothing is added; `solve`: what a solver takes for each picked file; `all`: every record that a `depends` can mean. */
export type DependencyRule = 'none' | 'solve' | 'all';

/** Which files of the channels are mirrored. Empty lists and undefined rules restrict nothing. */
export interface MirrorFilter {
  readonly whitelist: readonly NameEntry[];
  readonly blacklist: readonly NameEntry[];
  readonly licenseBlacklist: readonly LicenceEntry[];
  readonly include: readonly SpecEntry[];
  readonly exclude: readonly SpecEntry[];
  /** `3.10`: builds for other pythons are left out. */
  readonly python: readonly ListEntry[];
  readonly since: DateRule | undefined;
  readonly until: DateRule | undefined;
  readonly latest: LatestRule | undefined;
  readonly dependencies: DependencyRule;
  /** Line of `with_dependencies`. */
  readonly dependenciesLine?: number | undefined;
  /** What a policy says of a record, which no list overrides; undefined: there is none, or it lets the record through. */
  readonly policy?:
    | ((judged: JudgedRecord) => { readonly text: string; readonly because: string } | undefined)
    | undefined;
}

/** A record to be judged and where it was published. */
export interface JudgedRecord {
  readonly record: PackageRecord;
  readonly channel: Channel;
  readonly subdir: Subdir;
}
