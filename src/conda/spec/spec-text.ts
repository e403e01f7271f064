import { parseVersionSpec } from './version-spec.js';

/** What a MatchSpec is made of (CEP 29). */
export interface SpecFields {
  /** Lower case, CEP 26. */
  readonly name: string;
  /** Version constraint as `versionMatches` takes it: `>=1.26,<2`, `1.9.*`, `==1.9`. Undefined: any. */
  readonly version?: string | undefined;
  /** Build string or glob: `py39_0`, `*_cpython`. Undefined: any. */
  readonly build?: string | undefined;
  /** `3` or with an operator `>=3`. */
  readonly buildNumber?: string | undefined;
  /** Name or URL of a channel as written, without subdir and trailing slash: `conda-forge`, `prometeia/label/halkbank`. */
  readonly channel?: string | undefined;
  readonly subdir?: string | undefined;
}

/** Canonical text of a spec. Positional where conda 4.3 can read it so, else in square brackets (CEP 29, appendix A). */
export function specText(spec: SpecFields): string {
  const channel = spec.channel === undefined ? '' : `${spec.channel}::`;
  const positional = spec.buildNumber === undefined && spec.subdir === undefined ? positionalText(spec) : undefined;
  return channel + (positional ?? bracketText(spec));
}

function positionalText({ name, version, build }: SpecFields): string | undefined {
  if (version === undefined) return build === undefined ? name : `${name}=*=${build}`;
  const only = onlyClause(version);
  if (build === undefined) {
    if (/^[=!<>]/.test(version)) return `${name}${version}`;
    // `=1.9` is fuzzy everywhere; of a list, conda 4.3 takes each version for exact without its star.
    return only?.kind === 'prefix' ? `${name}=${version.slice(0, -2)}` : `${name}=${version}`;
  }
  // `name==1.9=build` is not understood by conda 4.3, `name=1.9=build` is exact everywhere.
  if (only?.kind === 'compare' && only.operator === '==') return `${name}=${version.slice(2)}=${build}`;
  return /[=!<>]/.test(version) ? undefined : `${name}=${version}=${build}`;
}

function bracketText(spec: SpecFields): string {
  const keys = [
    ['version', spec.version],
    ['build', spec.build],
    ['build_number', spec.buildNumber],
    ['subdir', spec.subdir],
  ];
  const pairs = keys.filter(([, value]) => value !== undefined).map(([key, value]) => `${key}='${value}'`);
  return `${spec.name}[${pairs.join(',')}]`;
}

function onlyClause(version: string) {
  const spec = parseVersionSpec(version);
  return spec.length === 1 && spec[0]!.length === 1 ? spec[0]![0] : undefined;
}
