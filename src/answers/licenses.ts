import { LICENCE_FAMILIES, isSpdxExpression, licenceOf } from '../conda/licence/licence-families.js';
import type { ArtifactInfo } from '../archive/artifact-info.js';
import type { Asked, AskedPackage } from './asked.js';
import type { LicensesAnswer, PackageLicence } from './schema.js';

/** What was read out of artifacts, by sha256. */
export type Infos = ReadonlyMap<string, ArtifactInfo>;

/** What each package states of its licence, with the families that it is of, and how many there are of each. */
export function licenses(
  asked: Asked,
  subdirs: readonly string[],
  infos: Infos = new Map(),
): Pick<LicensesAnswer, 'packages' | 'totals'> {
  const packages = asked.packages
    .filter(({ subdir }) => subdirs.length === 0 || subdirs.includes(subdir))
    .map((each) => licenceIn(each, infos))
    .sort((a, b) => (a.name === b.name ? (a.subdir < b.subdir ? -1 : 1) : a.name < b.name ? -1 : 1));
  return { packages, totals: { families: familyTotals(packages), licenses: licenceTotals(packages) } };
}

function licenceIn({ subdir, fn, sha256, channel, record }: AskedPackage, infos: Infos): PackageLicence {
  const { name, version, build, license } = record;
  const { families, disagree } = licenceOf(record);
  const text = typeof license === 'string' && license.trim() !== '' ? license.trim() : null;
  const url = typeof channel === 'string' ? `${channel}/${subdir}/${fn}` : null;
  const spdx = text !== null && isSpdxExpression(text);
  return {
    name,
    version,
    build,
    subdir,
    license: text,
    spdx,
    families: [...families],
    disagrees: disagree,
    sha256: sha256 ?? record.sha256 ?? null,
    url,
    license_files: infos.get(sha256 ?? '')?.licenseFiles ?? null,
  };
}

function familyTotals(packages: readonly PackageLicence[]): Record<string, number> {
  const counts = LICENCE_FAMILIES.map(
    (family) => [family, packages.filter(({ families }) => families.includes(family)).length] as const,
  );
  return Object.fromEntries(counts.filter(([, count]) => count > 0));
}

function licenceTotals(packages: readonly PackageLicence[]): LicensesAnswer['totals']['licenses'] {
  const counts = new Map<string | null, number>();
  for (const { license } of packages) counts.set(license, (counts.get(license) ?? 0) + 1);
  return [...counts]
    .map(([license, count]) => ({ license, packages: count }))
    .sort((a, b) => b.packages - a.packages || ((a.license ?? '') < (b.license ?? '') ? -1 : 1));
}

const COLUMNS = [
  'subdir',
  'name',
  'version',
  'build',
  'license',
  'spdx',
  'families',
  'sha256',
  'url',
  'license_files',
] as const;

/** A table for spreadsheets (RFC 4180, but for lines that end as those of every other file here), one line a package. */
export function licensesCsv(packages: readonly PackageLicence[]): string {
  const rows = packages.map(({ license, spdx, families, sha256, url, license_files, ...each }) => {
    const stated = [license ?? '', spdx ? 'yes' : 'no', families.join(' ')];
    return [
      each.subdir,
      each.name,
      each.version,
      each.build,
      ...stated,
      sha256 ?? '',
      url ?? '',
      license_files?.join(' ') ?? '',
    ];
  });
  return [COLUMNS, ...rows].map((row) => `${row.map(csvCell).join(',')}\n`).join('');
}

/** What a spreadsheet would take for a formula is made a text. */
function csvCell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
