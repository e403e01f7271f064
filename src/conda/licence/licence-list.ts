import type { PackageRecord } from '../record/records.js';
import {
  familiesOfLicence,
  licenceEntryFamilies,
  licenceOf,
  spdxLicences,
  spdxTree,
  type LicenceFamily,
  type SpdxLicence,
  type SpdxNode,
} from './licence-families.js';

/** An entry of a list of licences: a family of conda-build, or, where `expression` is there, an SPDX expression. */
export interface LicenceEntry {
  /** As written. */
  readonly text: string;
  /** All families it stands for: `GPL` is GPL, GPL2 and GPL3. */
  readonly families: readonly LicenceFamily[];
  readonly expression?: SpdxNode | undefined;
}

type Licensed = Pick<PackageRecord, 'license'> & { license_family?: unknown };

/** What somebody writes in a list: a family, in any case, or an SPDX expression; undefined for neither. A word that is both is the family. */
export function licenceEntry(text: string): LicenceEntry | undefined {
  const families = licenceEntryFamilies(text);
  if (families !== undefined) return { text, families };
  const expression = spdxTree(text);
  if (expression === undefined) return undefined;
  return { text, families: spdxLicences(expression).flatMap(familiesOfLicence), expression };
}

/**
 * The first entry of a list that forbids which applies to a record, and what of the record it is. One that offers a choice is of all its
 * licences, and text and declared family both count. Of a text that is no SPDX expression the family decides, also for an entry that is one:
 * nothing may slip through.
 */
export function licenceMet<Entry extends LicenceEntry>(
  entries: readonly Entry[],
  record: Licensed,
): { entry: Entry; because: string } | undefined {
  if (entries.length === 0) return undefined;
  const { declared, families, disagree } = licenceOf(record);
  const tree = spdxTree(textOf(record));
  const licences = tree === undefined ? undefined : spdxLicences(tree);
  const entry = entries.find((each) => {
    if (each.expression === undefined) return each.families.some((family) => families.includes(family));
    const known: readonly LicenceFamily[] = each.families.filter((family) => family !== 'OTHER');
    if (licences === undefined)
      return known.some((family) => families.includes(family)) || namesId(textOf(record), each.expression);
    if (disagree && declared !== undefined && known.includes(declared)) return true;
    return holds(each.expression, (wanted) => licences.some((licence) => mayBeTakenAs(licence, wanted)));
  });
  if (entry === undefined) return undefined;
  const byFamily = declared !== undefined && entry.families.includes(declared);
  return { entry, because: wordsOf(record, disagree ? 'both' : byFamily ? 'family' : 'license') };
}

/**
 * Whether a list that allows lets a record through; if not, what of the record it is. Of a choice one licence must be allowed, of a
 * conjunction each; of a text that is no SPDX expression each family that it may mean.
 */
export function licenceNotAllowed(entries: readonly LicenceEntry[], record: Licensed): string | undefined {
  const { declared, families, disagree } = licenceOf(record);
  const allowed = new Set(entries.flatMap((each) => (each.expression === undefined ? each.families : [])));
  const ids = entries.flatMap(({ expression }) => (expression === undefined ? [] : spdxLicences(expression)));
  const tree = spdxTree(textOf(record));
  if (tree === undefined)
    return families.every((family) => allowed.has(family))
      ? undefined
      : `${wordsOf(record, 'license')}${notSpdx(record)}`;
  if (disagree && declared !== undefined && !allowed.has(declared)) return wordsOf(record, 'both');
  const fits = holds(
    tree,
    (licence) =>
      familiesOfLicence(licence).some((family) => allowed.has(family)) || ids.some((id) => mayBeTakenAs(licence, id)),
  );
  return fits ? undefined : wordsOf(record, 'license');
}

function holds(node: SpdxNode, fits: (licence: SpdxLicence) => boolean): boolean {
  if (!('conjunction' in node)) return fits(node);
  const { conjunction, left, right } = node;
  return conjunction === 'and' ? holds(left, fits) && holds(right, fits) : holds(left, fits) || holds(right, fits);
}

/** `GPL-2.0-or-later` may be taken as `GPL-3.0-only`, and `GPL-3.0` (as it was called) is that. Exceptions only allow more. */
function mayBeTakenAs(licence: SpdxLicence, wanted: SpdxLicence): boolean {
  if (wanted.exception !== undefined && wanted.exception !== licence.exception) return false;
  const [has, asked] = [partsOf(licence), partsOf(wanted)];
  if (has.name !== asked.name) return false;
  if (has.version === asked.version) return has.later || !asked.later;
  return has.later && Number.parseFloat(has.version) < Number.parseFloat(asked.version);
}

function partsOf({ license, plus }: SpdxLicence): { name: string; version: string; later: boolean } {
  const [, stem = '', suffix] = /^(.*?)(-only|-or-later)?$/.exec(license)!;
  const [, name = stem, version = ''] = /^(.+?)-?([0-9]+(?:\.[0-9]+)*)$/.exec(stem) ?? [];
  return { name: name.toLowerCase(), version, later: plus === true || suffix === '-or-later' };
}

function namesId(text: string, expression: SpdxNode): boolean {
  const words = text.toLowerCase().split(/[^a-z0-9.+-]+/);
  return spdxLicences(expression).some(({ license }) => words.includes(license.toLowerCase()));
}

function wordsOf(record: Licensed, what: 'license' | 'family' | 'both'): string {
  const text = textOf(record);
  const license = `its license is ${text === '' ? 'not stated' : `"${text}"`}`;
  const family = `its license_family is ${String(record.license_family)}`;
  if (what === 'both') return `${license} and ${family}: the two do not agree`;
  return what === 'family' ? family : license;
}

function notSpdx(record: Licensed): string {
  return textOf(record) === '' ? '' : ', which is no SPDX expression';
}

function textOf({ license }: Licensed): string {
  return typeof license === 'string' ? license.trim() : '';
}
