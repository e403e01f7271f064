import type { Channel } from '../../conda/channel/channel.js';
import { globMatches } from '../../conda/spec/glob.js';
import { channelsOfSpec } from '../../conda/spec/match-spec.js';
import { patternFits } from '../../conda/spec/spec-entry.js';
import type { PackageRecord } from '../../conda/record/records.js';
import { licenceMet } from '../../conda/licence/licence-list.js';
import { dayOf, timeOf } from '../../conda/record/times.js';
import { pythonFits } from './python.js';
import type { JudgedRecord, ListEntry, MirrorFilter, NameEntry, SpecEntry } from '../../config/mirror-file/filter.js';

/** Why a file is not in the mirror. */
export type ExclusionReason =
  | 'license_blacklist'
  | 'blacklist'
  | 'not-included'
  | 'exclude'
  | 'python'
  | 'policy'
  | 'since'
  | 'until'
  | 'latest'
  /** A channel declared before has a file of this name. */
  | 'earlier-channel';

/** A rule that leaves a file out, and the entry of it that does. */
export interface Exclusion {
  readonly reason: ExclusionReason;
  /** As written in the mirror file; empty where the rule has no entries. */
  readonly entry: string;
  readonly line: number | undefined;
  /** What of the record met the rule: its families, its timestamp. */
  readonly because?: string | undefined;
}

/** A list's entry that no record matched. */
export interface UnmatchedEntry {
  readonly key: 'blacklist' | 'whitelist' | 'include' | 'exclude';
  readonly text: string;
  readonly line: number | undefined;
}

export interface Rules {
  /** What no rule can bring back: licence, blacklist (unless whitelisted), exclude, python, a policy. */
  forbids(judged: JudgedRecord): Exclusion | undefined;
  /** All rules that look at one record alone: `forbids`, include, since and until. `latest` looks at many. */
  excludes(judged: JudgedRecord): Exclusion | undefined;
  /** The rule that leaves out every record of a name, whatever else it says: no record of it needs to be read. As `excludes` has it. */
  excludesName(name: string): Exclusion | undefined;
  /** since and until. */
  excludesByDate(record: PackageRecord): Exclusion | undefined;
  /** Whitelist entry of a name, which overrides licence list, blacklist and include. */
  whitelisted(name: string): ListEntry | undefined;
  /** The include entry that takes a record. */
  includedBy(judged: JudgedRecord): ListEntry | undefined;
  unmatched(): UnmatchedEntry[];
}

/** The entries of all lists that are about one package name. */
interface NameRules {
  readonly white: NameEntry | undefined;
  readonly black: NameEntry | undefined;
  readonly include: readonly SpecEntry[];
  readonly exclude: readonly SpecEntry[];
}

/**
 * The filter, ready to judge records one after another. The order is the one documented for the old tools – licence list, blacklist,
 * whitelist over both – and then ours: include (the whitelist stays), exclude, python, a policy, since, until.
 */
export function rulesOf(filter: MirrorFilter, channels: readonly Channel[]): Rules {
  const names = new Map<string, NameRules>();
  const met = new Set<ListEntry>();
  const places = new Map<SpecEntry, readonly Channel[]>();
  const white = nameFinder(filter.whitelist);
  const black = nameFinder(filter.blacklist);
  const include = specFinder(filter.include);
  const exclude = specFinder(filter.exclude);

  const rulesFor = (written: string): NameRules => {
    const kept = names.get(written);
    if (kept !== undefined) return kept;
    const name = written.toLowerCase();
    const found = { white: white(name), black: black(name), include: include(name), exclude: exclude(name) };
    for (const entry of [found.white, found.black]) if (entry !== undefined) met.add(entry);
    names.set(written, found);
    return found;
  };

  const matches = (entry: SpecEntry, { record, channel, subdir }: JudgedRecord): boolean => {
    if (!patternFits(entry, record, subdir)) return false;
    if (entry.spec.channel === undefined) return true;
    let allowed = places.get(entry);
    if (allowed === undefined) places.set(entry, (allowed = channelsOfSpec(entry.spec, channels)));
    return allowed.includes(channel);
  };
  /** The first entry that matches; the others are noted as met too, so that none is called misspelt. */
  const firstMatch = (entries: readonly SpecEntry[], judged: JudgedRecord): SpecEntry | undefined => {
    let first: SpecEntry | undefined;
    for (const entry of entries) {
      if (first !== undefined && met.has(entry)) continue;
      if (!matches(entry, judged)) continue;
      met.add(entry);
      first ??= entry;
    }
    return first;
  };

  const forbids = (judged: JudgedRecord): Exclusion | undefined => {
    const { record } = judged;
    const own = rulesFor(record.name);
    const excluded = firstMatch(own.exclude, judged);
    if (own.white === undefined) {
      const licence = licenceExclusion(filter, record);
      if (licence !== undefined) return licence;
      if (own.black !== undefined) return blacklisted(own.black);
    }
    if (excluded !== undefined) return { reason: 'exclude', entry: excluded.text, line: excluded.line };
    return pythonExclusion(filter, record) ?? policyExclusion(filter, judged);
  };

  const excludesName = (name: string): Exclusion | undefined => {
    const own = rulesFor(name);
    // Licences go first; and an entry of exclude that no record has met yet may meet one of these.
    if (filter.licenseBlacklist.length > 0 || own.exclude.some((entry) => !met.has(entry))) return undefined;
    if (own.white !== undefined) return undefined;
    if (own.black !== undefined) {
      return own.include.some((entry) => !met.has(entry)) ? undefined : blacklisted(own.black);
    }
    return filter.include.length > 0 && own.include.length === 0 ? NOT_INCLUDED : undefined;
  };

  const excludesByDate = (record: PackageRecord): Exclusion | undefined => dateExclusion(filter, record);
  const includedBy = (judged: JudgedRecord): ListEntry | undefined =>
    firstMatch(rulesFor(judged.record.name).include, judged);

  return {
    forbids,
    excludesName,
    excludesByDate,
    includedBy,
    excludes: (judged) => {
      const own = rulesFor(judged.record.name);
      const included = includedBy(judged);
      const forbidden = forbids(judged);
      if (forbidden !== undefined && (forbidden.reason === 'license_blacklist' || forbidden.reason === 'blacklist')) {
        return forbidden;
      }
      if (filter.include.length > 0 && own.white === undefined && included === undefined) {
        return NOT_INCLUDED;
      }
      return forbidden ?? excludesByDate(judged.record);
    },
    whitelisted: (name) => rulesFor(name).white,
    unmatched: () =>
      (['blacklist', 'whitelist', 'include', 'exclude'] as const).flatMap((key) =>
        filter[key].filter((entry) => !met.has(entry)).map(({ text, line }) => ({ key, text, line })),
      ),
  };
}

const NOT_INCLUDED: Exclusion = { reason: 'not-included', entry: '', line: undefined };

function blacklisted({ text, line }: ListEntry): Exclusion {
  return { reason: 'blacklist', entry: text, line };
}

function licenceExclusion(filter: MirrorFilter, record: PackageRecord): Exclusion | undefined {
  const met = licenceMet(filter.licenseBlacklist, record);
  return met && { reason: 'license_blacklist', entry: met.entry.text, line: met.entry.line, because: met.because };
}

function pythonExclusion(filter: MirrorFilter, record: PackageRecord): Exclusion | undefined {
  const first = filter.python[0];
  if (first === undefined) return undefined;
  const misfit = pythonFits(
    record,
    filter.python.map((each) => each.text),
  );
  if (misfit === undefined) return undefined;
  return {
    reason: 'python',
    entry: filter.python.map((each) => each.text).join(', '),
    line: first.line,
    because: misfit,
  };
}

function policyExclusion(filter: MirrorFilter, judged: JudgedRecord): Exclusion | undefined {
  const denied = filter.policy?.(judged);
  return denied && { reason: 'policy', entry: denied.text, line: undefined, because: denied.because };
}

function dateExclusion({ since, until }: MirrorFilter, record: PackageRecord): Exclusion | undefined {
  if (since === undefined && until === undefined) return undefined;
  const time = timeOf(record.timestamp);
  if (since !== undefined && (time === undefined || time < since.time)) {
    const because =
      time === undefined ? 'it has no timestamp, as packages from before 2017' : `it is of ${dayOf(time)}`;
    return { reason: 'since', entry: since.text, line: since.line, because };
  }
  // Without a timestamp a package is older than any limit that somebody writes today.
  if (until !== undefined && time !== undefined && time > until.time) {
    return { reason: 'until', entry: until.text, line: until.line, because: `it is of ${dayOf(time)}` };
  }
  return undefined;
}

/** First entry of a list for a name, by line; plain names are looked up, patterns tried. */
function nameFinder(entries: readonly NameEntry[]): (name: string) => NameEntry | undefined {
  const plain = new Map<string, NameEntry>();
  const patterns: NameEntry[] = [];
  for (const entry of entries) {
    if (entry.pattern.includes('*')) patterns.push(entry);
    else if (!plain.has(entry.pattern)) plain.set(entry.pattern, entry);
  }
  return (name) => plain.get(name) ?? patterns.find((entry) => globMatches(entry.pattern, name));
}

function specFinder(entries: readonly SpecEntry[]): (name: string) => SpecEntry[] {
  const plain = new Map<string, SpecEntry[]>();
  const patterns: SpecEntry[] = [];
  for (const entry of entries) {
    if (entry.pattern.includes('*')) patterns.push(entry);
    else plain.set(entry.pattern, [...(plain.get(entry.pattern) ?? []), entry]);
  }
  return (name) => [...(plain.get(name) ?? []), ...patterns.filter((entry) => globMatches(entry.pattern, name))];
}
