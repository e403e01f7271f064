import { append } from '../../base/append.js';
import { RepackError } from '../../base/errors.js';
import { globMatches } from './glob.js';
import { comparedVersions, parseVersion, versionStartsWith } from './version.js';
import type { Version } from './version.js';

type Operator = '==' | '!=' | '<' | '<=' | '>' | '>=';

/** One clause; `text` is its canonical spelling. */
export type VersionClause =
  | { readonly kind: 'any'; readonly text: '*' }
  | { readonly kind: 'compare'; readonly operator: Operator; readonly version: Version; readonly text: string }
  | { readonly kind: 'prefix'; readonly negated: boolean; readonly version: Version; readonly text: string }
  /** With a star before its end: the text of a version is compared as published, case and all. */
  | { readonly kind: 'glob'; readonly text: string };

/** Any of these rows, of which all clauses must hold: parentheses are multiplied out, since conda 4.3 knows none. */
export type VersionSpec = readonly (readonly VersionClause[])[];

const MAX_CLAUSES = 512;
const TOO_MANY = `it has more than ${MAX_CLAUSES} clauses`;
const MAX_DEPTH = 20;
const CACHE_LIMIT = 20_000;
const cache = new Map<string, VersionSpec>();
const ANY: VersionClause = { kind: 'any', text: '*' };
/** What no version satisfies, in words that every program reads. */
const NOTHING: VersionClause[] = [compare('<', '0', parseVersion('0')!), compare('>', '0', parseVersion('0')!)];

/**
 * Does `version` satisfy `constraint` (CEP 29: `>=1.26,<2`, `1.9` and `==1.9` exact, `=1.9` and `1.9.*` fuzzy, `!=1.9.*`, `~=1.4.2`,
 * `|`, parentheses, `*`)? What is no version satisfies only `*`. Throws E_SPEC on a malformed constraint.
 */
export function versionMatches(constraint: string, version: string): boolean {
  return matchesVersionSpec(parseVersionSpec(constraint), version);
}

function matchesVersionSpec(spec: VersionSpec, version: string): boolean {
  return spec.some((row) => row.every((clause) => clauseMatches(clause, version)));
}

/** Takes a constraint apart; answers are kept. Throws E_SPEC. Regular expressions (`^…$`) are refused: rattler knows none. */
export function parseVersionSpec(constraint: string): VersionSpec {
  const kept = cache.get(constraint);
  if (kept !== undefined) return kept;
  const tokens = constraint.replaceAll(/\s+/g, '').match(/[(),|]|[^(),|]+/g) ?? [];
  const reader = { constraint, tokens, at: 0 };
  const spec = anyOf(reader, 0);
  if (reader.at < tokens.length) throw malformed(constraint, `"${tokens[reader.at]}" is not expected there`);
  if (cache.size >= CACHE_LIMIT) cache.clear();
  cache.set(constraint, spec);
  return spec;
}

/**
 * Canonical spelling. In each row, and among the rows, clauses with an operator come first: conda 4.3 takes
 * `name=1.9.*,!=1.9.3` for something else, `name!=1.9.3,1.9.*` it reads as all others do.
 */
export function versionSpecText(spec: VersionSpec): string {
  const rows = spec.map((row) => operatorsFirst(row.map((clause) => clause.text)).join(','));
  return operatorsFirst(rows).join('|');
}

interface Reader {
  constraint: string;
  tokens: readonly string[];
  at: number;
}

function anyOf(reader: Reader, depth: number): VersionClause[][] {
  const rows = allOf(reader, depth);
  while (reader.tokens[reader.at] === '|') {
    reader.at++;
    append(rows, allOf(reader, depth));
    capped(reader, rows);
  }
  return rows;
}

function allOf(reader: Reader, depth: number): VersionClause[][] {
  let rows = operand(reader, depth);
  while (reader.tokens[reader.at] === ',') {
    reader.at++;
    const more = operand(reader, depth);
    if (rows.length * more.length > MAX_CLAUSES) throw malformed(reader.constraint, TOO_MANY);
    rows = rows.flatMap((row) => more.map((other) => row.concat(other)));
    capped(reader, rows);
  }
  return rows;
}

function operand(reader: Reader, depth: number): VersionClause[][] {
  const token = reader.tokens[reader.at];
  if (token === undefined) throw malformed(reader.constraint, 'a version is missing at its end');
  reader.at++;
  if (token === '(') {
    if (depth >= MAX_DEPTH) throw malformed(reader.constraint, `it has more than ${MAX_DEPTH} nested parentheses`);
    const rows = anyOf(reader, depth + 1);
    if (reader.tokens[reader.at] !== ')') throw malformed(reader.constraint, 'a ")" is missing');
    reader.at++;
    return rows;
  }
  if (token === ')' || token === ',' || token === '|')
    throw malformed(reader.constraint, `a version is missing before "${token}"`);
  return clauses(token, reader.constraint);
}

function capped(reader: Reader, rows: VersionClause[][]): void {
  const count = rows.reduce((sum, row) => sum + row.length, 0);
  if (count > MAX_CLAUSES) throw malformed(reader.constraint, TOO_MANY);
}

/** What one clause says, as conda's `VersionSpec` has it (`get_matcher` in its `version.py`). */
function clauses(token: string, constraint: string): VersionClause[][] {
  const match = /^(==|!=|<=|>=|~=|=|<|>)?(.*)$/.exec(token)!;
  const operator = match[1] as Operator | '=' | '~=' | undefined;
  const written = match[2]!;
  if (/^[\^]|[$]$/.test(written)) throw malformed(constraint, 'regular expressions are not supported');
  if (operator === undefined && written === '*') return [[ANY]];
  if (operator === undefined && written.replace(/\*+$/, '').includes('*')) {
    if (!/^[0-9a-z._!+*-]+$/i.test(written)) throw malformed(constraint, `"${token}" is not a version`);
    return [[{ kind: 'glob', text: written }]];
  }
  const dotStar = written.endsWith('.*');
  if (dotStar && operator === '~=') throw malformed(constraint, '"~=" takes no star');
  const plain = operator === undefined ? written.replace(/\.*\*$/, '') : written.replace(/\.\*$/, '');
  const text = plain.toLowerCase();
  // A word instead of the stars says whether it is a version with words in their places.
  const version = parseVersion(text.replaceAll(/\*+/g, 'a'));
  if (version === undefined) throw malformed(constraint, `"${token}" is not a version`);
  if (text.includes('*')) return starWord(operator, text, constraint);
  switch (operator) {
    case '=':
      return [[prefix(text, version, false)]];
    case undefined:
      return [[plain === written ? compare('==', text, version) : prefix(text, version, false)]];
    case '!=':
      return [[dotStar ? prefix(text, version, true) : compare('!=', text, version)]];
    case '~=':
      return [[compare('>=', text, version), prefixBefore(text, constraint)]];
    default:
      // `>=1.9.*` is `>=1.9` to every program. With the other operators conda ignores the star too, but rattler does not.
      return [[compare(operator, text, version)]];
  }
}

/**
 * A star that neither ends in `.*` nor makes a glob is to conda a word that comes before all others, and that no version has: nothing is equal
 * to `1.2*`, nothing begins with it, and what is above it is above 1.2 or begins with it. What follows the star decides nothing.
 */
function starWord(operator: Operator | '=' | '~=' | undefined, text: string, constraint: string): VersionClause[][] {
  const before = text.replace(/\*.*$/, '');
  const stem = /(?:^|[._!+-])$/.test(before) ? `${before}0` : before;
  const version = parseVersion(stem)!;
  const above: VersionClause[][] =
    before === '' ? [[ANY]] : [[compare('>=', stem, version)], [prefix(stem, version, false)]];
  switch (operator) {
    case '!=':
      return [[ANY]];
    case '>':
    case '>=':
      return above;
    case '<':
    case '<=':
      return before === '' ? [NOTHING] : [[compare('<', stem, version), prefix(stem, version, true)]];
    case '~=':
      return text.lastIndexOf('.') > before.length
        ? [NOTHING]
        : above.map((row) => row.concat(prefixBefore(text, constraint)));
    default:
      return [NOTHING];
  }
}

/** `~=1.4.2` is `>=1.4.2,1.4.*`. */
function prefixBefore(stem: string, constraint: string): VersionClause {
  const cut = stem.lastIndexOf('.');
  const shorter = stem.slice(0, Math.max(cut, 0));
  const version = parseVersion(shorter);
  if (version === undefined) throw malformed(constraint, '"~=" needs a version with at least two segments');
  return prefix(shorter, version, false);
}

function prefix(stem: string, version: Version, negated: boolean): VersionClause {
  return { kind: 'prefix', negated, version, text: `${negated ? '!=' : ''}${stem}.*` };
}

function compare(operator: Operator, stem: string, version: Version): VersionClause {
  return { kind: 'compare', operator, version, text: `${operator}${stem}` };
}

function clauseMatches(clause: VersionClause, text: string): boolean {
  if (clause.kind === 'any') return true;
  if (clause.kind === 'glob') return globMatches(clause.text, text, { caseMatters: true });
  const version = parseVersion(text);
  if (version === undefined) return false;
  if (clause.kind === 'prefix') return versionStartsWith(version, clause.version) !== clause.negated;
  return ordered(clause.operator, comparedVersions(version, clause.version));
}

/** Does an order (negative, 0, positive) satisfy an operator? */
export function ordered(operator: Operator, order: number): boolean {
  switch (operator) {
    case '==':
      return order === 0;
    case '!=':
      return order !== 0;
    case '<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '>':
      return order > 0;
    case '>=':
      return order >= 0;
  }
}

function operatorsFirst(texts: readonly string[]): string[] {
  const first = texts.filter((text) => /^[=!<>]/.test(text));
  return [...first, ...texts.filter((text) => !/^[=!<>]/.test(text))];
}

function malformed(constraint: string, problem: string): RepackError {
  return new RepackError('E_SPEC', {
    what: `version constraint ${JSON.stringify(constraint)} can't be read: ${problem}`,
    where: `version constraint ${JSON.stringify(constraint)}`,
    hint: 'Write it like ">=1.26,<2", "==1.9", "1.9.*", "!=1.1" or "1.8.*|1.9.*".',
  });
}
