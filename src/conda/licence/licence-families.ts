import { asText } from '../../base/json.js';
import { append } from '../../base/append.js';
import parseSpdx from 'spdx-expression-parse';
import type { PackageRecord } from '../record/records.js';

/** The licence families of conda-build (`license_family`), the only ones that `license_blacklist` can name. */
export const LICENCE_FAMILIES = [
  'AGPL',
  'LGPL',
  'GPL3',
  'GPL2',
  'GPL',
  'BSD',
  'MIT',
  'APACHE',
  'PSF',
  'CC',
  'MOZILLA',
  'PUBLIC-DOMAIN',
  'PROPRIETARY',
  'OTHER',
  'NONE',
] as const;

export type LicenceFamily = (typeof LICENCE_FAMILIES)[number];

/** Longer ones are whole licences, or made to take time: what follows is OTHER. */
const MAX_TEXT = 1000;
const CACHE_LIMIT = 10_000;
const cache = new Map<string, readonly LicenceFamily[]>();
/** False where a text is none. */
const trees = new Map<string, SpdxNode | false>();

/** What a record says of its licence: twice, in words and by a family, and people fill in the two on different days. */
export interface Licence {
  /** `license_family` where conda-build knows it. */
  readonly declared: LicenceFamily | undefined;
  /** What `license` says; empty where it is absent. */
  readonly stated: readonly LicenceFamily[];
  /** Both, in the order of LICENCE_FAMILIES: what a list that forbids must look at. NONE where neither says anything. */
  readonly families: readonly LicenceFamily[];
  /** The words are of none of the declared kind: `GPL-3.0`, declared as MIT. */
  readonly disagree: boolean;
}

/**
 * Reads the licence of a record. One that offers a choice (`GPL-2 | GPL-3`, `MIT OR Apache-2.0`) or joins several is of all their families: a
 * list that names one of them applies.
 */
export function licenceOf(record: Pick<PackageRecord, 'license'> & { license_family?: unknown }): Licence {
  const family = asText(record.license_family)?.trim() || undefined;
  const declared = family === undefined ? undefined : familyNamed(family);
  const text = (asText(record.license)?.trim() || undefined) ?? (declared === undefined ? family : undefined);
  const stated = text === undefined ? [] : familiesOf(text);
  const guessed = declared === undefined && family !== undefined ? familiesOf(family) : [];
  const all = new Set([...(declared === undefined ? guessed : [declared]), ...stated]);
  const says = stated.filter((each) => each !== 'OTHER' && each !== 'NONE');
  return {
    declared,
    stated,
    families: all.size === 0 ? ['NONE'] : LICENCE_FAMILIES.filter((each) => all.has(each)),
    disagree: declared !== undefined && says.length > 0 && !says.some((each) => sameKind(each, declared)),
  };
}

/**
 * The family that a record is listed under: its `license_family` where conda-build knows it, else what its `license` says, else NONE. Who
 * forbids asks `licenceOf`.
 */
export function licenceFamilies(
  record: Pick<PackageRecord, 'license'> & { license_family?: unknown },
): readonly LicenceFamily[] {
  const family = asText(record.license_family)?.trim() || undefined;
  const { declared, families } = licenceOf(family === undefined ? record : { license_family: family });
  return declared === undefined ? families : [declared];
}

/** conda-build writes GPL for any version of it. */
function sameKind(a: LicenceFamily, b: LicenceFamily): boolean {
  return a === b || (a.startsWith('GPL') && b.startsWith('GPL') && (a === 'GPL' || b === 'GPL'));
}

function familiesOf(text: string): readonly LicenceFamily[] {
  const kept = cache.get(text);
  if (kept !== undefined) return kept;
  const judged = text.slice(0, MAX_TEXT);
  const tree = spdxTree(judged);
  const found =
    tree === undefined ? familiesOfText(judged) : spdxLicences(tree).flatMap((each) => familiesOfLicence(each));
  const families = inOrder(judged === text ? found : [...found, 'OTHER']);
  if (cache.size >= CACHE_LIMIT) cache.clear();
  cache.set(text, families);
  return families;
}

function inOrder(found: readonly LicenceFamily[]): readonly LicenceFamily[] {
  return found.length === 0 ? ['OTHER'] : LICENCE_FAMILIES.filter((family) => found.includes(family));
}

/** Whether a text is an SPDX licence expression, not only words that are understood. */
export function isSpdxExpression(text: string): boolean {
  return spdxTree(text) !== undefined;
}

/** An SPDX licence expression; undefined where the text is none. */
export function spdxTree(text: string): SpdxNode | undefined {
  if (text === '' || text.length > MAX_TEXT) return undefined;
  const kept = trees.get(text);
  if (kept !== undefined) return kept === false ? undefined : kept;
  let tree: SpdxNode | undefined;
  try {
    tree = parseSpdx(text);
  } catch {
    // What people write.
  }
  if (trees.size >= CACHE_LIMIT) trees.clear();
  trees.set(text, tree ?? false);
  return tree;
}

export type SpdxNode = ReturnType<typeof parseSpdx>;
/** One licence of an expression, with its `+` and its exception. */
export type SpdxLicence = Exclude<SpdxNode, { conjunction: unknown }>;

export function spdxLicences(node: SpdxNode): SpdxLicence[] {
  return 'conjunction' in node ? [...spdxLicences(node.left), ...spdxLicences(node.right)] : [node];
}

/** Exceptions only allow more. */
export function familiesOfLicence({ license, plus }: SpdxLicence): readonly LicenceFamily[] {
  return familiesOfPart(normalised(license.replace(/^LicenseRef-/, '') + (plus === true ? '+' : '')));
}

/** Families that an entry of `license_blacklist` stands for, in any case; undefined when it names none. */
export function licenceEntryFamilies(text: string): readonly LicenceFamily[] | undefined {
  const family = familyNamed(text);
  if (family === undefined) return undefined;
  return family === 'GPL' ? ['GPL', 'GPL2', 'GPL3'] : [family];
}

function familyNamed(text: string): LicenceFamily | undefined {
  const name = text
    .trim()
    .toUpperCase()
    .replaceAll(/[_\s]+/g, '-');
  return LICENCE_FAMILIES.find((family) => family === name);
}

function familiesOfText(text: string): LicenceFamily[] {
  const found: LicenceFamily[] = [];
  for (const part of normalised(text).split(/\s*(?:\||;|&|\bOR\b|\bAND\b|\s\+\s|,|\/)\s*/)) {
    // R packages: `MIT + file LICENSE`, where the file only holds the names; alone it is a licence of its own.
    const words = part.replaceAll(/\bFILE LICEN[CS]E\b/g, '').trim();
    if (/^[\W_]*$/.test(words)) continue;
    append(found, familiesOfPart(words));
  }
  return found;
}

/** How people write: each pattern with what it means, one after the other, on upper case. A version keeps to the licence before it. */
const SPELLINGS: readonly (readonly [RegExp, string])[] = [
  [/[\s_]+/g, ' '],
  [/≥|=>/g, '>='],
  [/≤|=</g, '<='],
  // When a licence came out: its own first line has it.
  [
    /[,\s(]*(?:\b[0-9]{1,2} )?\b(?:JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)[A-Z]*\.? (?:[0-9]{1,2}, ?)?[0-9]{4}\b\)?/g,
    ' ',
  ],
  [/\bGNU\b\s*/g, ''],
  [/\b(?:GENERAL )?PUBLIC LICEN[CS]E\b(?<!(?:MOZILLA|LUCENT|ECLIPSE|IBM|COMMON) PUBLIC LICEN[CS]E)(?!D)/g, 'GPL'],
  [/\b(?:LESSER|LIBRARY)\s+(?:OR LESSER\s+)?GPL/g, 'LGPL'],
  [/\bAFFERO\s+GPL/g, 'AGPL'],
  [
    /[\s-]*,?\s*\(?\b(?:OR|AND)\b,?[\s-]+(?:\(?AT YOUR OPTION\)?,?\s+)?(?:ANY\s+)?(?:LATER|NEWER|GREATER|ABOVE|HIGHER)(?:\s+VERSIONS?)?\)?/g,
    '+',
  ],
  [/\b(?:WITH\b|W\/)\s*(?:THE\s+)?[A-Z0-9. -]*?\bEXCEPTIONS?(?:-[A-Z0-9.]+)?\b/g, ''],
  [/\bWITH\s+[A-Z0-9.-]+/g, ''],
  [/\b(?:MIT|EXPAT)\s*\/\s*(?:X11|X|EXPAT)\b|\b(?:X11|EXPAT)\s*\/\s*MIT\b/g, 'MIT'],
  [/[,\s]+(?=[<>=])/g, ' '],
  [/,\s*(?=(?:V|VER|VERSION)?\.?\s*[0-9])/g, ' '],
  [/\b(?:VERSION|VER|V)\b\.?\s*(?=[0-9])/g, ''],
  [/\bV?([0-9][0-9.]*) OF (?:THE )?([AL]?GPL)\b/g, '$2-$1'],
  [
    /\b([AL]?GPL)[\s(-]*V?\s*([123][0-9.]*)[\s,-]*(?:,|\/|\||&|\bOR\b|\bAND\b)[\s-]*(?:\(?AT YOUR OPTION\)?,? )?V?\.?\s*([123](?:\.[0-9]+)*)(?![0-9]|-CLAUSE)/g,
    '$1-$2 | $1-$3',
  ],
];

function normalised(text: string): string {
  return SPELLINGS.reduce((plain, [pattern, meant]) => plain.replaceAll(pattern, meant), text.toUpperCase()).trim();
}

function familiesOfPart(part: string): readonly LicenceFamily[] {
  if (/AGPL|AFFERO/.test(part)) return ['AGPL'];
  const families: LicenceFamily[] = [];
  if (/LGPL/.test(part)) families.push('LGPL');
  if (/(?<![LA])GPL/.test(part)) append(families, gplVersions(part));
  if (/BSD/.test(part)) families.push('BSD');
  if (/\bMIT\b|^X11\b|\bEXPAT\b/.test(part)) families.push('MIT');
  if (/APACHE|\bASL\b|\bALV?2/.test(part)) families.push('APACHE');
  if (/\bPSFL?\b|PYTHON SOFTWARE FOUNDATION|^PYTHON(?:[- ]|$)/.test(part)) families.push('PSF');
  if (/\bCC(?:0|[- ](?:BY|0|PDDC)\b)|CREATIVE COMMONS/.test(part)) families.push('CC');
  if (/MOZILLA|\bMPL/.test(part)) families.push('MOZILLA');
  if (/PUBLIC[- ]?DOMAIN|\bUNLICEN[CS]E\b/.test(part)) families.push('PUBLIC-DOMAIN');
  if (/PROPRIETARY/.test(part)) families.push('PROPRIETARY');
  if (families.length > 0) return families;
  return part === 'NONE' ? ['NONE'] : ['OTHER'];
}

/** `GPL-2`, `GPLv3`, `GPL (>= 2, < 3)`, `GPL-2.0-or-later` (normalised to `GPL-2.0+`): the versions it may be taken under. */
function gplVersions(part: string): readonly LicenceFamily[] {
  const stated = /(?<![LA])GPL(?<rest>.*)$/.exec(part)!.groups!['rest']!;
  const bounds = [...stated.matchAll(/(<=|>=|==|=|<|>)?[^<>=0-9]*?([123])(?:\.[0-9]+)*(?!-CLAUSE)(\+)?/g)];
  if (bounds.length === 0) return ['GPL'];
  const isWithin = (version: number, [, sign = '', number, plus]: RegExpExecArray): boolean => {
    const bound = Number(number);
    if (sign === '>=' || plus !== undefined) return version >= bound;
    if (sign === '>') return version > bound;
    if (sign === '<') return version < bound;
    return sign === '<=' ? version <= bound : version === bound;
  };
  // Bounds hold together; versions in a row are a choice.
  const [limits, single] = [
    bounds.filter(([, sign]) => sign !== undefined),
    bounds.filter(([, sign]) => sign === undefined),
  ];
  const fits = (version: number): boolean =>
    limits.every((bound) => isWithin(version, bound)) &&
    (single.length === 0 || single.some((bound) => isWithin(version, bound)));
  const families = ([3, 2, 1] as const)
    .filter(fits)
    .map((version) => (version === 1 ? 'GPL' : (`GPL${version}` as const)));
  return families.length === 0 ? ['GPL'] : families;
}
