import { isRepackError } from '../../base/errors.js';
import { isPackageName, isVirtualPackageName } from '../channel/names.js';
import { isBuildPattern } from './build-pattern.js';
import { withText } from './match-spec.js';
import type { MatchSpec } from './match-spec.js';
import { channelPlace, condaVersion, cutSpec, hasStrayBlank } from './spec-parts.js';
import type { SpecParts, SpecProblem } from './spec-parts.js';
import { parseVersionSpec, versionSpecText } from './version-spec.js';

/** An entry of a record's `depends` or `constrains`. What can't be read is a value too: a check reports it and goes on. */
export type Dependency =
  | {
      readonly spec: MatchSpec;
      /** CEP 43: holds only where this does. */ readonly condition?: string | undefined;
      readonly problem?: undefined;
    }
  | { readonly spec?: undefined; /** As published. */ readonly text: string; readonly problem: string };

/** `extras` and `flags` (CEP 48) choose nothing that a closure depends on. */
const KEYS = new Set(['version', 'build', 'build_number', 'channel', 'subdir', 'name', 'when', 'extras', 'flags']);
/** Real ones have at most some hundred characters; some of the expressions below take the square of the length. */
const MAX_DEPENDENCY = 4096;
const CACHE_LIMIT = 20_000;
const cache = new Map<string, Dependency>();

/**
 * Reads an entry as conda does: `python >=3.9,<3.10.0a0`, `foo 1.* *_cpython`, `blas * mkl`, `__glibc >=2.17`, `name 1.2.3 py39_0`
 * (exact), `name ==1.2.*` (fuzzy, as `condaVersion` says), with blanks around operators, a namespace (`conda:name`), a comment, or in
 * brackets (repodata v3, CEP 48). More lenient than `parseMatchSpec`; never throws.
 */
export function parseDependency(text: string): Dependency {
  const kept = cache.get(text);
  if (kept !== undefined) return kept;
  const dependency = parsed(text);
  if (cache.size >= CACHE_LIMIT) cache.clear();
  cache.set(text, dependency);
  return dependency;
}

/** Only the package name of an entry, lower case; cheap. Empty when there is none. */
export function dependencyName(text: string): string {
  const name = /^\s*(?:[^\s[=<>]*:)?([A-Za-z0-9_.-]*)/.exec(text)![1]!;
  return name.toLowerCase();
}

function parsed(text: string): Dependency {
  if (/^\s/.test(text)) return { text, problem: 'it begins with a blank, which conda can not read' };
  if (text.length > MAX_DEPENDENCY)
    return { text, problem: `it has ${text.length} characters, the limit is ${MAX_DEPENDENCY}` };
  const [plain, condition] = withoutCondition(text);
  const parts = cutSpec(withoutExtras(plain));
  if ('problem' in parts) return { text, problem: parts.problem };
  const name = parts.name.toLowerCase().replace(/^.*:/, '');
  if (!isPackageName(name) && !isVirtualPackageName(name)) return { text, problem: 'it has no valid package name' };
  const unknown = [...parts.keys.keys()].find((key) => !KEYS.has(key));
  if (unknown !== undefined) return { text, problem: `it asks by "${unknown}", which no solver judges alike` };
  const version = dependencyVersion(parts);
  if (typeof version === 'object') return { text, problem: version.problem };
  const buildNumber = any(parts.keys.get('build_number'));
  if (buildNumber !== undefined && !/^(?:==|!=|<=|>=|<|>|=)?[0-9]{1,9}$/.test(buildNumber)) {
    return { text, problem: `"${buildNumber}" is not a build number` };
  }
  const build = any(parts.keys.get('build') ?? parts.build);
  if (build !== undefined && !isBuildPattern(build)) return { text, problem: `"${build}" is not a build string` };
  const place = channelPlace(parts.keys.get('channel') ?? parts.channel);
  const subdir = parts.keys.get('subdir') ?? place.subdir;
  return {
    spec: withText({ name, version, build, buildNumber, channel: place.channel, subdir }),
    condition: parts.keys.get('when') ?? condition,
  };
}

function dependencyVersion({ keys, version, build }: SpecParts): string | undefined | SpecProblem {
  const inBrackets = keys.get('version');
  const written = inBrackets ?? version;
  if (written === undefined) return undefined;
  if (hasStrayBlank(written)) return { problem: 'it has more than a name, a version and a build' };
  // conda drops what stands in parentheses before it reads on.
  if (/\(/.test(written) && !/^\([^()]*\)$/.test(written.trim()))
    return { problem: 'conda can not read its parentheses' };
  const hasBuild = inBrackets === undefined && build !== undefined;
  try {
    return any(versionSpecText(parseVersionSpec(condaVersion(written, hasBuild))));
  } catch (error) {
    if (!isRepackError(error)) throw error;
    return { problem: error.what };
  }
}

function any(value: string | undefined): string | undefined {
  return value === '*' ? undefined : value;
}

/** pip's extras, `ray[default,data] >=2.9`: conda passes over brackets without any key. */
function withoutExtras(text: string): string {
  return text.replace(/^([^[]*)\[[^[\]=]*\]([^[]*)$/, '$1$2');
}

/** Cuts a comment off, and `; if CONDITION` and ` if CONDITION`, which conda has read for years and does not act on. */
function withoutCondition(text: string): [string, string | undefined] {
  const plain = text.replace(/#.*$/s, '').trim();
  const match = /^(.*?)\s*(?:;\s*|\s)if\s+(.+)$/.exec(plain);
  return match === null ? [plain, undefined] : [match[1]!, match[2]!];
}
