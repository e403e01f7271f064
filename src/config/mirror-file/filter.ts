import type { MatchSpec } from '../../conda/spec/match-spec.js';
import type { LicenceFamily } from '../../conda/licence/licence-families.js';

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

export interface LicenceEntry extends ListEntry {
  /** All families it stands for: `GPL` is GPL, GPL2 and GPL3. */
  readonly families: readonly LicenceFamily[];
}

/** A MatchSpec whose name may hold `*`. */
export interface SpecEntry extends ListEntry {
  /** Lower case, with `*` where it is no plain name. */
  readonly pattern: string;
  /** With a stand-in for a name that holds `*`: match by `pattern`, then by this without its name. */
  readonly spec: MatchSpec;
}

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
}
