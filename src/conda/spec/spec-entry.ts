import type { Subdir } from '../channel/channel.js';
import type { PackageRecord } from '../record/records.js';
import { globMatches } from './glob.js';
import { parseMatchSpec, specMatches, type MatchSpec } from './match-spec.js';

/** An entry of a list of packages: a MatchSpec whose name may hold `*`. */
export interface SpecPattern {
  /** As written. */
  readonly text: string;
  /** The name in lower case, with `*` where it is no plain one. */
  readonly pattern: string;
  /** With a stand-in for a name that holds `*`: match by `pattern`, then by this without its name. */
  readonly spec: MatchSpec;
}

/** @throws RepackError E_SPEC */
export function parseSpecPattern(text: string): SpecPattern {
  const [, channel, name, rest] = /^((?:[^\s=<>!~[]*::)?)([^\s=<>!~[]*)(.*)$/s.exec(text)!;
  const pattern = name!.toLowerCase();
  const starred = pattern.includes('*');
  // The name's star is ours: MatchSpecs of users name every package.
  const standIn = `${channel}${pattern.replaceAll('*', 'x')}${rest}`;
  const spec = parseMatchSpec(starred ? standIn : text);
  return { text, pattern: starred ? pattern : spec.name, spec };
}

/** All but the channel. `subdir` is where the record lies: its own may be missing. */
export function patternFits(entry: SpecPattern, record: PackageRecord, subdir: Subdir): boolean {
  const { name, version, build, build_number } = record;
  const starred = entry.pattern.includes('*');
  if (starred && !globMatches(entry.pattern, name)) return false;
  return specMatches(entry.spec, { name: starred ? entry.spec.name : name, version, build, build_number, subdir });
}
