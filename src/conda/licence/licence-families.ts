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

const CACHE_LIMIT = 10_000;
const cache = new Map<string, readonly LicenceFamily[]>();

/**
 * Families of a record: its `license_family` where conda-build knows it, else what its `license` says, else NONE. A licence that offers
 * a choice (`GPL-2 | GPL-3`, `MIT OR Apache-2.0`) or joins several is of all their families: a list that names one of them applies.
 */
export function licenceFamilies(
  record: Pick<PackageRecord, 'license'> & { license_family?: unknown },
): readonly LicenceFamily[] {
  const family = textOf(record.license_family);
  const known = family === undefined ? undefined : familyNamed(family);
  if (known !== undefined) return [known];
  const text = family ?? textOf(record.license);
  if (text === undefined) return ['NONE'];
  const kept = cache.get(text);
  if (kept !== undefined) return kept;
  const families = familiesOfText(text);
  if (cache.size >= CACHE_LIMIT) cache.clear();
  cache.set(text, families);
  return families;
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

function familiesOfText(text: string): readonly LicenceFamily[] {
  const plain = normalised(text);
  const found = new Set<LicenceFamily>();
  for (const part of plain.split(/\s*(?:\||;|&|\bOR\b|\bAND\b|\s\+\s|,|\/)\s*/)) {
    // R packages: `MIT + file LICENSE`, where the file only holds the names; alone it is a licence of its own.
    const words = part.replaceAll(/\bFILE LICEN[CS]E\b/g, '').trim();
    if (words === '' || words === '+') continue;
    for (const family of familiesOfPart(words)) found.add(family);
  }
  return found.size === 0 ? ['OTHER'] : LICENCE_FAMILIES.filter((family) => found.has(family));
}

/** Upper case; the long names as short ones; `or later` as `+`, so that its OR is no choice between licences. */
function normalised(text: string): string {
  return text
    .toUpperCase()
    .replaceAll(/[\s_]+/g, ' ')
    .replaceAll(/\bGNU\b/g, '')
    .replaceAll(/GENERAL PUBLIC LICEN[CS]E|\bGPL\b(?= V)/g, 'GPL')
    .replaceAll(/\b(?:LESSER|LIBRARY)\s+(?:OR LESSER\s+)?GPL/g, 'LGPL')
    .replaceAll(/\bAFFERO\s+GPL/g, 'AGPL')
    .replaceAll(
      /[\s-]*\(?\b(?:OR|AND)[\s-]+(?:\(?AT YOUR OPTION\)?\s+)?(?:ANY\s+)?(?:LATER|NEWER|GREATER|ABOVE|HIGHER)(?:\s+VERSIONS?)?\)?/g,
      '+',
    )
    .replaceAll(/\bWITH\s+[A-Z0-9.-]+(?:\s*EXCEPTIONS?)?/g, '')
    .trim();
}

function familiesOfPart(part: string): readonly LicenceFamily[] {
  if (/AGPL|AFFERO/.test(part)) return ['AGPL'];
  const families: LicenceFamily[] = [];
  if (/LGPL/.test(part)) families.push('LGPL');
  if (/(?<![LA])GPL/.test(part)) families.push(...gplVersions(part));
  if (/BSD/.test(part)) families.push('BSD');
  if (/\bMIT\b/.test(part)) families.push('MIT');
  if (/APACHE/.test(part)) families.push('APACHE');
  if (/\bPSFL?\b|PYTHON SOFTWARE FOUNDATION|^PYTHON(?:[- ]|$)/.test(part)) families.push('PSF');
  if (/\bCC(?:0|[- ](?:BY|0)\b)|CREATIVE COMMONS/.test(part)) families.push('CC');
  if (/MOZILLA|\bMPL/.test(part)) families.push('MOZILLA');
  if (/PUBLIC[- ]DOMAIN/.test(part)) families.push('PUBLIC-DOMAIN');
  if (/PROPRIETARY/.test(part)) families.push('PROPRIETARY');
  if (families.length > 0) return families;
  return part === 'NONE' ? ['NONE'] : ['OTHER'];
}

/** `GPL-2`, `GPLv3`, `GPL (>= 2)`, `GPL-2.0-or-later` (normalised to `GPL-2.0+`). */
function gplVersions(part: string): readonly LicenceFamily[] {
  const match = /(?<![LA])GPL[^0-9]*?([123])(?:\.[0-9]+)*(\+?)/.exec(part);
  if (match === null) return ['GPL'];
  const later =
    match[2] === '+' ||
    />/.test(match[0]) ||
    /\+/.test(part.slice(match.index + match[0].length, match.index + match[0].length + 2));
  if (match[1] === '3') return ['GPL3'];
  if (match[1] === '2') return later ? ['GPL3', 'GPL2'] : ['GPL2'];
  return later ? ['GPL3', 'GPL2', 'GPL'] : ['GPL'];
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
}
