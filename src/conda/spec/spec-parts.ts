/** A MatchSpec cut at its separators, nothing judged yet. */
export interface SpecParts {
  channel: string | undefined;
  name: string;
  /** Constraint as written, blanks and operators kept; `condaVersion` reads it. */
  version: string | undefined;
  build: string | undefined;
  /** What stands in square brackets, in order of writing. */
  keys: ReadonlyMap<string, string>;
  /** `name =1.9 build`: exact to conda, fuzzy to CEP 29. */
  ambiguous: boolean;
}

/** Why a text can't be cut: one sentence without a stop. */
export interface SpecProblem {
  problem: string;
}

/** Cuts `channel::name version build [key=value, …]`, with `=` or blanks between the middle three (CEP 29, "Syntax"). */
export function cutSpec(text: string): SpecParts | SpecProblem {
  const open = text.indexOf('[');
  const keys = open < 0 ? new Map<string, string>() : bracketKeys(text.slice(open).trim());
  if ('problem' in keys) return keys;
  const head = (open < 0 ? text : text.slice(0, open)).trim();
  const colons = head.lastIndexOf('::');
  const channel = colons < 0 ? undefined : head.slice(0, colons).trim();
  const nameAndRest = /^([^\s=<>!~]*)(.*)$/s.exec(colons < 0 ? head : head.slice(colons + 2).trim())!;
  const rest = nameAndRest[2]!;
  const { version, build, ambiguous } = rest === '' ? NO_VERSION : versionAndBuild(rest);
  return { channel, name: nameAndRest[1]!, version, build, keys, ambiguous };
}

const NO_VERSION = { version: undefined, build: undefined, ambiguous: false };

function versionAndBuild(rest: string): { version: string; build: string | undefined; ambiguous: boolean } {
  const trimmed = rest.trim();
  const cut = buildAt(trimmed);
  const version = (cut < 0 ? trimmed : trimmed.slice(0, cut)).trim();
  const build = cut < 0 ? undefined : trimmed.slice(cut + 1).trim();
  const blanks = /^\s/.test(rest) || /^=\s/.test(trimmed) || /\s/.test(trimmed[cut] ?? '');
  const ambiguous = build !== undefined && blanks && /^=\s*[0-9a-z._!+]+$/i.test(version);
  return { version, build, ambiguous };
}

/**
 * The constraint that conda makes of what stands after a name, for `parseVersionSpec` (`_sanitize_version_str` in conda's `match_spec.py`; rattler
 * agrees but for a `==1.2.*` that a build follows). Without a build `=1.2` is `1.2.*` and a leading `==` says nothing, so that `==1.2.*`
 * is `1.2.*`; before a build both are dropped, so that `=1.2 py39_0` is exact. A list keeps its operators.
 */
export function condaVersion(version: string, hasBuild: boolean): string {
  if (!version.startsWith('=')) return version;
  const bare = version.replace(/^=+\s*/, '');
  if (bare === '') return version;
  if (version.startsWith('==') && !hasBuild) return bare;
  if (/[=,|]/.test(bare)) return version;
  return hasBuild || bare.endsWith('*') ? bare : `${bare}*`;
}

/** Where the blank or `=` before the build string is; -1 when there is none. What follows an operator is a version. */
function buildAt(text: string): number {
  const tail = /[^\s=,|<>~()!]+$/.exec(text);
  if (tail === null) return -1;
  const before = text.slice(0, tail.index);
  const written = before.trimEnd();
  const separator = written.endsWith('=') ? written.length - 1 : written.length;
  const ahead = before.slice(0, separator).trimEnd();
  if (separator === before.length || ahead === '' || /[=!|,<>~(]$/.test(ahead)) return -1;
  return separator;
}

/** `[a=1, b='x y', c="z"]`; brackets inside a value must be quoted. */
function bracketKeys(text: string): Map<string, string> | SpecProblem {
  const keys = new Map<string, string>();
  if (/^\[\s*\]$/.test(text)) return keys;
  const pair =
    /\s*([A-Za-z_][A-Za-z0-9_-]*)\s*=\s*(?:'([^']*)'|"([^"]*)"|(\[[^\]]*\])|([^\s,'"[\]]+))\s*(,|\]$|(?=\s[A-Za-z]))/y;
  pair.lastIndex = 1;
  while (pair.lastIndex < text.length) {
    const match = pair.exec(text);
    if (match === null) return { problem: 'what stands in the square brackets is not a list of key=value' };
    const key = match[1]!;
    if (keys.has(key)) return { problem: `the key "${key}" is given twice` };
    keys.set(key, match[2] ?? match[3] ?? match[4] ?? match[5]!);
    if (match[6] === ']') return keys;
  }
  return { problem: 'a "]" is missing at its end' };
}

/** True where blanks inside a constraint separate two versions rather than surround an operator: `1.9 2.0 x`. */
export function hasStrayBlank(constraint: string): boolean {
  return /[^\s=<>!~,|(]\s+[^\s=<>!~,|)]/.test(constraint);
}

/**
 * A channel with the subdir that may stand at its end: `conda-forge/linux-64`. Both undefined where none is written; the channel without slashes
 * at its end.
 */
export function channelPlace(written: string | undefined): { channel: string | undefined; subdir: string | undefined } {
  if (written === undefined) return { channel: undefined, subdir: undefined };
  const subdir = /^(.*?)\/*(?:\/(noarch|(?:linux|osx|win|freebsd|zos|emscripten|wasi)-[a-z0-9]+))?\/*$/s.exec(written)!;
  return { channel: subdir[1], subdir: subdir[2] };
}
