/** A number, or a lower-case word. `post` is Infinity and `dev` is upper case, which gives them their place in the order. */
type Part = number | bigint | string;

/** A version literal taken apart (CEP 33): the epoch is the first segment of `main`. */
export interface Version {
  readonly main: readonly (readonly Part[])[];
  readonly local: readonly (readonly Part[])[];
}

const CACHE_LIMIT = 50_000;
const cache = new Map<string, Version | undefined>();

/**
 * Conda's order of versions (CEP 33; conda's `VersionOrder`): negative, 0 or positive. `1.1` equals `1.1.0`, `1.1.dev1` < `1.1a1` <
 * `1.1rc1` < `1.1` < `1.1.post1` < `1!0.1`. Never throws: what is no version comes before every version, by code unit, so
 * that a list with a malformed record can still be sorted.
 */
export function compareVersions(a: string, b: string): number {
  const left = parseVersion(a);
  const right = parseVersion(b);
  if (left !== undefined && right !== undefined) return comparedVersions(left, right);
  if (left !== undefined) return 1;
  if (right !== undefined) return -1;
  return compared(a, b);
}

/** Takes a version literal apart; undefined when it is none (CEP 33). Answers are kept. */
export function parseVersion(text: string): Version | undefined {
  if (cache.has(text)) return cache.get(text);
  const version = parsed(text);
  if (cache.size >= CACHE_LIMIT) cache.clear();
  cache.set(text, version);
  return version;
}

/** Order of two parsed versions: the local part counts only where the main parts are equal. */
export function comparedVersions(a: Version, b: Version): number {
  return comparedSegments(a.main, b.main) || comparedSegments(a.local, b.local);
}

/**
 * Fuzzy equality, `1.9.*`: all segments of `prefix` are those of `version`; a word at its very end may go on (`1.0rc.*` takes
 * `1.0rc1` and `1.0rca`), as conda's `VersionOrder.startswith` has it.
 */
export function versionStartsWith(version: Version, prefix: Version): boolean {
  const inLocal = prefix.local.length > 0;
  if (inLocal && comparedSegments(version.main, prefix.main) !== 0) return false;
  const whole = inLocal ? version.local : version.main;
  const wanted = inLocal ? prefix.local : prefix.main;
  const last = wanted.length - 1;
  if (comparedSegments(whole.slice(0, last), wanted.slice(0, last)) !== 0) return false;
  const have = whole[last] ?? [];
  const want = wanted[last] ?? [];
  const end = want.length - 1;
  if (comparedParts(have.slice(0, end), want.slice(0, end)) !== 0) return false;
  const wantedPart = want[end] ?? 0;
  const part = have[end] ?? 0;
  if (typeof wantedPart === 'string') return typeof part === 'string' && part.startsWith(wantedPart);
  return comparedPart(part, wantedPart) === 0;
}

function parsed(text: string): Version | undefined {
  let rest = text.trim().toLowerCase();
  // Dashes are allowed for history's sake, as underscores, and only where there are none.
  if (rest.includes('-') && !rest.includes('_')) rest = rest.replaceAll('-', '_');
  const match = /^(?:([0-9]+)!)?([0-9a-z._]+)(?:\+([0-9a-z._]+))?$/.exec(rest);
  if (match === null) return undefined;
  const main = segments(match[2]!);
  const local = match[3] === undefined ? [] : segments(match[3]);
  if (main === undefined || local === undefined) return undefined;
  return { main: [[integer(match[1] ?? '0')], ...main], local };
}

function segments(text: string): Part[][] | undefined {
  // A trailing underscore belongs to its word: `1.0.1_` < `1.0.1a`, the way around openssl's letters (CEP 33).
  const trailing = text.length > 1 && text.endsWith('_');
  const pieces = (trailing ? text.slice(0, -1) : text).split(/[._]/);
  if (trailing) pieces[pieces.length - 1] += '_';
  const result: Part[][] = [];
  for (const piece of pieces) {
    const runs = piece.match(/[0-9]+|[^0-9]+/g);
    if (runs === null) return undefined;
    const parts = runs.map(part);
    // A 0 before a leading word keeps numbers and words in phase: `1.1.a1` is `1.1.0a1`.
    result.push(/^[0-9]/.test(piece) ? parts : [0, ...parts]);
  }
  return result;
}

function part(run: string): Part {
  if (/^[0-9]/.test(run)) return integer(run);
  if (run === 'post') return Number.POSITIVE_INFINITY;
  return run === 'dev' ? 'DEV' : run;
}

function integer(digits: string): number | bigint {
  return digits.length <= 15 ? Number(digits) : BigInt(digits);
}

function comparedSegments(a: readonly (readonly Part[])[], b: readonly (readonly Part[])[]): number {
  for (let i = 0; i < a.length || i < b.length; i++) {
    const order = comparedParts(a[i] ?? [], b[i] ?? []);
    if (order !== 0) return order;
  }
  return 0;
}

function comparedParts(a: readonly Part[], b: readonly Part[]): number {
  for (let i = 0; i < a.length || i < b.length; i++) {
    const order = comparedPart(a[i] ?? 0, b[i] ?? 0);
    if (order !== 0) return order;
  }
  return 0;
}

function comparedPart(a: Part, b: Part): number {
  if (typeof a === 'string') return typeof b === 'string' ? compared(a, b) : -1;
  return typeof b === 'string' ? 1 : compared(a, b);
}

function compared<T extends Part>(a: T, b: T): number {
  if (a < b) return -1;
  return a > b ? 1 : 0;
}
