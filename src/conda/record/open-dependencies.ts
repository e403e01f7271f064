import { atOnce, type Steps } from '../../base/steps.js';
import { NOARCH } from '../channel/channel.js';
import type { Subdir } from '../channel/channel.js';
import { parseDependency } from '../spec/dependency.js';
import { specMatches } from '../spec/match-spec.js';
import { numbered, numberLists } from './numbered.js';
import type { PackageRecord } from './records.js';

/** What is asked of a record here. */
export type Dependent = Pick<PackageRecord, 'name' | 'version' | 'build' | 'build_number' | 'depends'>;

/** An artifact with its record, parsed when it is asked for. */
export interface DependentFile {
  readonly subdir: Subdir;
  readonly fn: string;
  readonly record: Dependent;
  /** The same of its record where that need not be parsed for it. */
  readonly dependent?: Dependent | undefined;
}

export interface OpenDependency {
  path: string;
  depends: string;
}

/** Of no subdir: it is one channel, and which part of it a dependency names does not count. */
type Candidate = Omit<Dependent, 'depends'>;

/** Some hundredths of a second. */
const FILES_AT_ONCE = 5000;

/**
 * Dependencies that nothing in the channel satisfies. A platform's package looks at its platform and noarch; a noarch package at
 * everything, since it may be meant for one platform only. Virtual packages are the machine's, what can't be read or holds only under a
 * condition is the solver's question.
 */
export function* findingOpenDependencies(files: readonly DependentFile[]): Steps<OpenDependency[]> {
  const bySubdir = new Map<Subdir, Map<string, Candidate[]>>();
  // A record may be parsed each time that it is asked for: what it depends on is noted by number, of all in one list.
  const needs = numbered();
  const depending = numberLists();
  for (const [at, file] of files.entries()) {
    if (at % FILES_AT_ONCE === FILES_AT_ONCE - 1) yield;
    const { subdir } = file;
    const { name, version, build, build_number, depends } = file.dependent ?? file.record;
    const names = bySubdir.get(subdir) ?? new Map<string, Candidate[]>();
    bySubdir.set(subdir, names);
    const key = name.toLowerCase();
    const candidates = names.get(key) ?? [];
    names.set(key, candidates);
    const [first] = candidates;
    // One text for the name of all.
    candidates.push({ name: first?.name === name ? first.name : name, version, build, build_number });
    depending.add(depends.map(needs.of));
  }

  const satisfiedIn = answeredOnce((subdir: Subdir, text: string): boolean => {
    const { spec, condition } = { condition: undefined, ...parseDependency(text) };
    if (spec === undefined || condition !== undefined || spec.name.startsWith('__')) return true;
    return (bySubdir.get(subdir)?.get(spec.name) ?? []).some((candidate) => specMatches(spec, candidate));
  });
  const open: OpenDependency[] = [];
  for (const [at, { subdir, fn }] of files.entries()) {
    if (at % FILES_AT_ONCE === FILES_AT_ONCE - 1) yield;
    const places = subdir === NOARCH ? [...bySubdir.keys()] : [subdir, NOARCH];
    for (const number of depending.at(at)) {
      const depends = needs.texts[number]!;
      if (!places.some((place) => satisfiedIn(place, depends))) open.push({ path: `${subdir}/${fn}`, depends });
    }
  }
  return open;
}

/** The same, without a pause. */
export function openDependencies(files: readonly DependentFile[]): OpenDependency[] {
  return atOnce(findingOpenDependencies(files));
}

/** A channel repeats the same few thousand texts. */
function answeredOnce(ask: (subdir: Subdir, text: string) => boolean): (subdir: Subdir, text: string) => boolean {
  const answers = new Map<Subdir, Map<string, boolean>>();
  return (subdir, text) => {
    const known = answers.get(subdir) ?? new Map<string, boolean>();
    answers.set(subdir, known);
    const before = known.get(text);
    if (before !== undefined) return before;
    const answer = ask(subdir, text);
    known.set(text, answer);
    return answer;
  };
}
