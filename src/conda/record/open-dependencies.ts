import { NOARCH } from '../channel/channel.js';
import type { Subdir } from '../channel/channel.js';
import { parseDependency } from '../spec/dependency.js';
import type { MatchSpec } from '../spec/match-spec.js';
import { specMatches } from '../spec/match-spec.js';
import { larger } from './record-table.js';
import type { PackageRecord } from './records.js';

/** An artifact with its record, parsed when it is asked for. */
export interface DependentFile {
  readonly subdir: Subdir;
  readonly fn: string;
  readonly record: PackageRecord;
}

export interface OpenDependency {
  path: string;
  depends: string;
}

type Candidate = Pick<PackageRecord, 'name' | 'version' | 'build' | 'build_number'>;

/**
 * Dependencies that nothing in the channel satisfies. A platform's package looks at its platform and noarch; a noarch package at
 * everything, since it may be meant for one platform only. Virtual packages are the machine's, what can't be read or holds only under a
 * condition is the solver's question.
 */
export function openDependencies(files: readonly DependentFile[]): OpenDependency[] {
  const bySubdir = new Map<Subdir, Map<string, Candidate[]>>();
  // A record may be parsed each time that it is asked for: what it depends on is noted by number, of all in one list.
  const needs = numbered();
  const depending = numberList();
  for (const { subdir, record } of files) {
    const { name, version, build, build_number } = record;
    const names = bySubdir.get(subdir) ?? new Map<string, Candidate[]>();
    bySubdir.set(subdir, names);
    const key = name.toLowerCase();
    const candidates = names.get(key) ?? [];
    if (candidates.length === 0) names.set(key, candidates);
    const [first] = candidates;
    // One text for the name of all.
    candidates.push({ name: first?.name === name ? first.name : name, version, build, build_number });
    for (const depends of record.depends) depending.push(needs.of(depends));
    depending.end();
  }

  const satisfiedIn = answeredOnce((subdir: Subdir, text: string): boolean => {
    const { spec, condition } = { condition: undefined, ...parseDependency(text) };
    if (spec === undefined || condition !== undefined || spec.name.startsWith('__')) return true;
    return (bySubdir.get(subdir)?.get(spec.name) ?? []).some((candidate) => specMatches(withoutPlace(spec), candidate));
  });
  const open: OpenDependency[] = [];
  for (const [at, { subdir, fn }] of files.entries()) {
    const places = subdir === NOARCH ? [...bySubdir.keys()] : [subdir, NOARCH];
    for (const number of depending.of(at)) {
      const depends = needs.texts[number]!;
      if (!places.some((place) => satisfiedIn(place, depends))) open.push({ path: `${subdir}/${fn}`, depends });
    }
  }
  return open;
}

/** It is one channel: which one a record names does not count here. */
function withoutPlace(spec: MatchSpec): MatchSpec {
  return spec.subdir === undefined ? spec : { ...spec, subdir: undefined };
}

/** Numbers for texts, by which they are known again. */
function numbered(): { of: (text: string) => number; texts: readonly string[] } {
  const [numbers, texts] = [new Map<string, number>(), [] as string[]];
  const of = (text: string): number => {
    const known = numbers.get(text);
    if (known !== undefined) return known;
    numbers.set(text, texts.length);
    return texts.push(text) - 1;
  };
  return { of, texts };
}

/** Lists of numbers, one behind the other. */
function numberList(): { push(number: number): void; end(): void; of(at: number): Uint32Array } {
  let numbers = new Uint32Array(1024);
  let length = 0;
  const ends: number[] = [];
  return {
    push(number) {
      if (length === numbers.length) numbers = larger(numbers);
      numbers[length] = number;
      length += 1;
    },
    end: () => void ends.push(length),
    of: (at) => numbers.subarray(ends[at - 1] ?? 0, ends[at]),
  };
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
