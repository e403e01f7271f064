import { dependencyName, parseDependency } from '../../conda/spec/dependency.js';
import { specMatches } from '../../conda/spec/match-spec.js';
import type { MatchSpec } from '../../conda/spec/match-spec.js';
import type { VirtualPackage } from '../../conda/plan/profile.js';
import { timeOf } from '../../conda/record/times.js';
import { compareVersions } from '../../conda/spec/version.js';
import type { Candidate } from './candidates.js';

/** What a record is shown with of what decides its place. */
export interface ShownPlace {
  buildNumber: number;
  /** After all that are not. */
  later: boolean;
  timestamp: number | undefined;
}

export interface ChoicesInput {
  /** As rattler is shown them. */
  specs: readonly Asked[];
  virtualPackages: readonly VirtualPackage[];
  /** All candidates of each name, those of equal place in the order they are shown in. */
  byName: ReadonlyMap<string, readonly Candidate[]>;
  placeOf(candidate: Candidate): ShownPlace;
  dependsOf(candidate: Candidate): readonly string[];
}

type Asked = Pick<MatchSpec, 'name' | 'version' | 'build' | 'buildNumber'>;

/** A record, or a virtual package. */
type Choice = Candidate | VirtualPackage;

/**
 * The solution made of first choices only: each spec that it holds has its record as the first of all candidates that match. Undefined where there
 * is none, or where that can't be told; then rattler has to search.
 *
 * Where there is one, rattler finds it and no other, so these records are all it needs to be shown. It makes true the first candidate, of those not
 * excluded yet, of a requirement of what is true (resolvo, `decide`), and what follows from that. As long as all that is true belongs to this
 * solution, nothing follows that contradicts it, for it satisfies every clause; so none of it is ever excluded, and the next choice is again its own.
 */
export function firstChoices(input: ChoicesInput): Candidate[] | undefined {
  const order = choiceOrder(input);
  const chosen = new Map<string, Choice>(input.virtualPackages.map((each) => [each.name, each]));
  const queue: Candidate[] = [];
  const constrains = new Set<string>();
  const choose = (spec: Asked | undefined): boolean => {
    const choice = spec === undefined ? undefined : order.first(spec);
    if (choice === undefined) return false;
    const before = chosen.get(spec!.name);
    if (before !== undefined) return before === choice;
    chosen.set(spec!.name, choice);
    if ('record' in choice) queue.push(choice);
    return true;
  };
  if (!input.specs.every(choose)) return undefined;
  // Grows meanwhile.
  for (const candidate of queue) {
    if (!input.dependsOf(candidate).every((text) => choose(parseDependency(text).spec))) return undefined;
    for (const text of candidate.record.constrains ?? []) constrains.add(text);
  }
  for (const text of constrains) {
    const { spec } = parseDependency(text);
    if (spec === undefined) return undefined;
    const there = chosen.get(spec.name);
    if (there !== undefined && matches(spec, there) !== true) return undefined;
  }
  return queue;
}

/** rattler's order (rattler_solve, `conda_sorting.rs`), as far as its first place goes. */
function choiceOrder({ virtualPackages, byName, placeOf, dependsOf }: ChoicesInput) {
  const machine = new Map(virtualPackages.map((each) => [each.name, each]));
  const ranked = new Map<string, readonly Candidate[]>();
  const newest = new Map<string, Reached>();
  const rankedOf = (name: string) => known(ranked, name, () => (byName.get(name) ?? []).toSorted(before));

  function before(a: Candidate, b: Candidate): number {
    const [left, right] = [placeOf(a), placeOf(b)];
    if (left.later !== right.later) return left.later ? 1 : -1;
    return compareVersions(b.record.version, a.record.version) || right.buildNumber - left.buildNumber;
  }

  /** Undefined where nothing matches, or where it can't be told. */
  function first(spec: Asked): Choice | undefined {
    const virtual = machine.get(spec.name);
    const all = rankedOf(spec.name);
    if (virtual !== undefined) return all.length === 0 && matches(spec, virtual) === true ? virtual : undefined;
    const at = all.findIndex((each) => matches(spec, each) !== false);
    const equals: Candidate[] = [];
    for (const each of at === -1 ? [] : all.slice(at)) {
      if (before(all[at]!, each) !== 0) break;
      const matching = matches(spec, each);
      if (matching === 'untold') return undefined;
      if (matching) equals.push(each);
    }
    return equals.length === 0 ? undefined : firstOfEquals(equals);
  }

  /** By the newest that they can have of each dependency that all have, in the order of its names; then by time; then by build string. */
  function firstOfEquals(equals: readonly Candidate[]): Candidate | undefined {
    if (equals.length === 1) return equals[0];
    const needs = new Map(equals.map((each) => [each, needsByName(dependsOf(each))]));
    const shared = [...needs.get(equals[0]!)!.keys()].filter((name) =>
      equals.every((each) => needs.get(each)!.has(name)),
    );
    let left = equals;
    for (const name of shared.sort()) {
      const reached = left.map((each) =>
        best(
          needs
            .get(each)!
            .get(name)!
            .map((text) => known(newest, text, newestOf)),
        ),
      );
      if (reached.includes('untold')) return undefined;
      const top = best(reached);
      left = left.filter((_, at) => top === undefined || compareReached(reached[at], top) === 0);
    }
    const time = (each: Candidate) => timeOf(placeOf(each).timestamp) ?? -1;
    const youngest = left.reduce((most, each) => Math.max(most, time(each)), -1);
    left = left.filter((each) => time(each) === youngest);
    const greatest = left.reduce((most, each) => (each.record.build > most.record.build ? each : most));
    // What stands first of two documents or of two parts of one is not told.
    const told = left.every(
      (each) => each === greatest || (each.record.build !== greatest.record.build && sameList(each, greatest)),
    );
    return told ? greatest : undefined;
  }

  function newestOf(text: string): Reached {
    const { spec } = parseDependency(text);
    if (spec === undefined) return 'untold';
    const virtual = machine.get(spec.name);
    if (virtual !== undefined)
      return matches(spec, virtual) === true ? { version: virtual.version, later: false } : undefined;
    const all = rankedOf(spec.name).map((each) => ({ each, matching: matches(spec, each) }));
    if (all.some(({ matching }) => matching === 'untold')) return 'untold';
    const of = (later: boolean) =>
      all.find(({ each, matching }) => matching && placeOf(each).later === later)?.each.record.version;
    const [plain, later] = [of(false), of(true)];
    if (plain === undefined || later === undefined) {
      const version = plain ?? later;
      return version === undefined ? undefined : { version, later: plain === undefined };
    }
    // Of both it takes the newer, and of equals whatever it sees first.
    const order = compareVersions(plain, later);
    return order === 0 ? 'untold' : { version: order > 0 ? plain : later, later: order < 0 };
  }

  return { first };
}

/** The newest version that a spec matches; undefined where it matches none. */
type Reached = { version: string; later: boolean } | 'untold' | undefined;

function best(all: readonly Reached[]): Reached {
  if (all.includes('untold')) return 'untold';
  return all.reduce((top, each) => (compareReached(each, top) < 0 ? each : top));
}

function compareReached(a: Reached, b: Reached): number {
  if (typeof a !== 'object' || typeof b !== 'object')
    return Number(typeof a !== 'object') - Number(typeof b !== 'object');
  return Number(a.later) - Number(b.later) || compareVersions(b.version, a.version);
}

function needsByName(texts: readonly string[]): Map<string, string[]> {
  const needs = new Map<string, string[]>();
  for (const text of texts) known(needs, dependencyName(text), () => []).push(text);
  return needs;
}

/**
 * By what rattler is shown of a spec: candidates were picked by its channel and subdir before. conda takes 9b for one of 9.*, rattler does not:
 * there it is not told.
 */
function matches({ name, version, build, buildNumber }: Asked, choice: Choice): boolean | 'untold' {
  const record = 'record' in choice ? choice.record : { ...choice, build_number: 0 };
  if (version !== undefined && /[*~]/.test(version) && /[a-z]/i.test(record.version)) return 'untold';
  return specMatches({ name, version, build, buildNumber, text: '' }, record);
}

function sameList(a: Candidate, b: Candidate): boolean {
  return a.subdir === b.subdir && a.fn.endsWith('.conda') === b.fn.endsWith('.conda');
}

function known<Key, Value>(kept: Map<Key, Value>, key: Key, find: (key: Key) => Value): Value {
  if (kept.has(key)) return kept.get(key)!;
  const value = find(key);
  kept.set(key, value);
  return value;
}
