import { pathOf } from '../conda/channel/names.js';
import coerce from 'semver/functions/coerce.js';
import gte from 'semver/functions/gte.js';
import { NOARCH } from '../conda/channel/channel.js';
import type { Subdir } from '../conda/channel/channel.js';
import { dependencyName } from '../conda/spec/dependency.js';
import type { Manifest, ManifestFile } from '../channel/manifest/manifest.js';
import { chooseRecords } from './choose.js';
import type { SiteRecord } from './choose.js';
import type { PackageRecord } from '../conda/record/records.js';

export interface ExplicitFile {
  /** `LABEL.<subdir>.explicit.txt` */
  name: string;
  subdir: Subdir;
  text: string;
  /** The digest in each line. */
  digest: 'sha256' | 'md5';
  packages: number;
}

/**
 * Stands in every line for the folder of the channel, which only the site knows. A relative path would go by the working folder (CEP 23),
 * and conda 4.3 takes none that is followed by a digest.
 */
export const PLACEHOLDER = 'file:///CHANNEL-FOLDER';

/** What an environment of the label's specs has on one platform, dependencies first. */
export interface PlatformSet {
  subdir: Subdir;
  /** `name version` of the client that it is for, if anybody said. */
  client: string | null;
  packages: readonly { record: PackageRecord; file: ManifestFile }[];
}

/**
 * Exactly the artifacts that an environment of the label's specs has, by platform. None for a mirror (no specs), nor for a platform whose
 * set does not follow from the records alone.
 */
export function platformSets({
  manifest,
  records,
}: {
  manifest: Manifest;
  records: readonly SiteRecord[];
}): PlatformSet[] {
  if (manifest.specs.length === 0 || records.length === 0) return [];
  const files = new Map(manifest.files.filter(({ kind }) => kind === 'artifact').map((file) => [file.path, file]));
  const listed = records.filter((each) => files.has(pathOf(each)));
  return manifest.subdirs.flatMap((subdir): PlatformSet[] => {
    if (subdir === NOARCH) return [];
    const profile = manifest.profiles.find((each) => each.subdir === subdir);
    const chosen = chooseRecords({
      specs: manifest.specs,
      subdir,
      platforms: platformsOf(manifest),
      records: listed,
      virtual: profile?.virtual_packages,
    });
    if (chosen === undefined || chosen.length === 0) return [];
    const packages = dependenciesFirst(chosen).map((each) => ({ record: each.record, file: files.get(pathOf(each))! }));
    return [{ subdir, client: profile?.client ?? null, packages }];
  });
}

/** The `@EXPLICIT` file (CEP 23) of each platform. */
export function explicitFiles(
  { label, generation }: { label: string; generation: number },
  sets: readonly PlatformSet[],
): ExplicitFile[] {
  return sets.map(({ subdir, client, packages }) => {
    const digest = readsSha256(client) ? 'sha256' : 'md5';
    const head = [
      `# ${label}, generation ${generation}: what is installed on ${subdir}, package by package`,
      '# Put the folder of the channel in the place of CHANNEL-FOLDER first:',
      `# ${label}.INSTALL.md has the line for it.`,
      `# platform: ${subdir}`,
      '@EXPLICIT',
    ];
    const lines = packages.flatMap(({ file }) => linesOf(file, digest));
    const name = `${label}.${subdir}.explicit.txt`;
    return { name, subdir, text: [...head, ...lines, ''].join('\n'), digest, packages: packages.length };
  });
}

/**
 * Whether `#sha256:…` is understood behind a URL. conda: from 24.9 (conda/conda#14048), an older one stops with "Could not parse
 * explicit URL". mamba and micromamba: from 2.1 (mamba-org/mamba#3866), older ones take it for a wrong md5. Every version takes an md5.
 */
function readsSha256(client: string | null): boolean {
  const [name = '', version = ''] = client?.split(' ') ?? [];
  const known = coerce(version);
  if (known === null) return true;
  if (name === 'conda') return gte(known, '24.9.0');
  return (name !== 'mamba' && name !== 'micromamba') || gte(known, '2.1.0');
}

/** A client that reads only md5 is given the sha256 as a comment all the same. */
function linesOf({ path, sha256, md5 }: ManifestFile, digest: 'sha256' | 'md5'): string[] {
  const url = placedUrl(path);
  return digest === 'sha256' ? [`${url}#sha256:${sha256}`] : [`# sha256:${sha256}`, `${url}#${md5}`];
}

/** The URL of a file of the channel, with the placeholder for its folder. */
export function placedUrl(path: string): string {
  return `${PLACEHOLDER}/${path.split('/').map(encodedSegment).join('/')}`;
}

/** `!` of an epoch and `+` of a local version stay: conda takes the name apart as it is written. */
function encodedSegment(segment: string): string {
  return encodeURIComponent(segment).replaceAll('%2B', '+');
}

/** Sorted by name where the dependencies leave it open. A circle is cut where it is first met. */
function dependenciesFirst(chosen: readonly SiteRecord[]): SiteRecord[] {
  const byName = new Map(
    [...chosen].sort((a, b) => (a.record.name < b.record.name ? -1 : 1)).map((each) => [each.record.name, each]),
  );
  const ordered = new Set<SiteRecord>();
  const entered = new Set<string>();
  const visit = (name: string): void => {
    const each = byName.get(name);
    if (each === undefined || entered.has(name)) return;
    entered.add(name);
    for (const needed of each.record.depends.map(dependencyName).sort()) visit(needed);
    ordered.add(each);
  };
  for (const name of byName.keys()) visit(name);
  return [...ordered];
}

function platformsOf(manifest: Manifest): number {
  return manifest.subdirs.filter((subdir) => subdir !== NOARCH).length;
}
