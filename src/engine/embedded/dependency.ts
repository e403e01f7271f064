import { parseDependency } from '../../conda/spec/dependency.js';
import type { MatchSpec } from '../../conda/spec/match-spec.js';

/** Name, version, build with single blanks: read alike by conda and rattler, but for `=1.2` and for a star behind an operator. */
const PLAIN = /^[a-z0-9_][a-z0-9._-]*(?: (?!=)[^\s[\]:;#()]+(?: [^\s[\]:;#()]+)?)?$/;
const STAR_BEHIND_OPERATOR = /[=<>~][^,|\s]*\*/;

/**
 * An entry of `depends` or `constrains` in the spelling that rattler finds packages by: it takes `numpy>=1.26` or `NumPy >=1.26`
 * for the name of a package, and drops what has a condition. What can't be read stays as it is: rattler then leaves out that one
 * build and says why. It reads some that conda can't, and conda leaves out: those get what conda says, which rattler can't read either.
 */
export function solverDependency(text: string): string {
  if (PLAIN.test(text) && !STAR_BEHIND_OPERATOR.test(text)) return text;
  const { spec, problem } = parseDependency(text);
  if (spec === undefined) return problem.includes('conda can not read') ? `${text} [${problem}]` : text;
  return spec.buildNumber === undefined ? solverSpec(spec) : `${solverSpec(spec)} [build_number='${spec.buildNumber}']`;
}

/** Name, version and build of a spec; its channel, subdir and build number have been applied to the candidates before. */
export function solverSpec(spec: MatchSpec): string {
  const version = spec.version ?? (spec.build === undefined ? undefined : '*');
  return [spec.name, version, spec.build].filter((part) => part !== undefined).join(' ');
}
