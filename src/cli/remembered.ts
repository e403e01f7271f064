import path from 'node:path';
import { nearest } from '../base/nearest.js';
import { RepackError } from '../base/errors.js';
import { MANIFEST_NAME, type Manifest } from '../channel/manifest/manifest.js';
import { profileOfManifest } from '../channel/manifest/profile.js';
import { readManifest } from '../channel/manifest/read-manifest.js';
import { NOARCH } from '../conda/channel/channel.js';
import { parseSubdir } from '../conda/channel/names.js';
import type { TargetClient, TargetProfile, VirtualPackage } from '../conda/plan/profile.js';
import { targetProfile } from '../conda/plan/target.js';
import { parseMatchSpec, type MatchSpec } from '../conda/spec/match-spec.js';
import type { Runtime } from '../runtime/runtime.js';

/** What a label was last asked for: its live manifest. Undefined for a new label, or a folder of somebody else's. */
export async function lastRequest(
  rt: Pick<Runtime, 'fs' | 'machine'>,
  root: string,
  label: string,
): Promise<Manifest | undefined> {
  const file = path.resolve(rt.machine.cwd, root, label, MANIFEST_NAME);
  const found = await readManifest(rt, file).catch(() => undefined);
  return found?.manifest.label === label ? found.manifest : undefined;
}

export interface SpecChanges {
  /** Of PACKAGE and the packages file: they replace the list. */
  packages: readonly MatchSpec[];
  /** File and line of a list that is declared. */
  origin?: string | undefined;
  add: readonly string[];
  remove: readonly string[];
}

/**
 * The specs to ask for: those given, or as last published, with what is added and taken away.
 * @throws RepackError E_USAGE, E_SPEC
 */
export function rememberedSpecs(
  { packages, origin, add, remove }: SpecChanges,
  last: Manifest | undefined,
): readonly MatchSpec[] {
  if (add.length === 0 && remove.length === 0)
    return packages.length > 0 ? packages : (last?.specs ?? []).map((text) => parseMatchSpec(text));
  const option = add.length > 0 ? '--add' : '--remove';
  if (packages.length > 0 && origin !== undefined)
    throw usage(
      `The label’s packages are declared in a file, and ${option} changes only what is left open`,
      origin,
      `Change the list there: ${[...add.map((spec) => `add ${spec}`), ...remove.map((name) => `take out ${name}`)].join(', ')}.`,
    );
  if (packages.length > 0)
    throw usage(
      'PACKAGE or a packages file gives the whole list',
      option,
      `Change the list, or leave it out and use ${option} alone.`,
    );
  if (last === undefined || last.specs.length === 0)
    throw usage('Nothing was published yet that could be changed', option, 'Name the packages: PACKAGE...');
  const byName = new Map<string, MatchSpec[]>();
  for (const spec of last.specs.map((text) => parseMatchSpec(text)))
    byName.set(spec.name, [...(byName.get(spec.name) ?? []), spec]);
  for (const name of remove) {
    if (byName.delete(name)) continue;
    const near = nearest(name, byName.keys());
    throw usage(
      `"${name}" was not asked for`,
      '--remove',
      `${near === undefined ? '' : `Did you mean ${near}? `}Asked for: ${[...byName.keys()].join(' ')}`,
    );
  }
  const added = add.map((text) => parseMatchSpec(text));
  for (const { name } of added) byName.delete(name);
  return [...byName.values()].flat().concat(added);
}

export interface TargetChanges {
  /** As given; undefined: left open. */
  subdirs: readonly string[] | undefined;
  addSubdirs: readonly string[];
  /** What gave `subdirs`: `command line`, a variable, file and line. */
  origin: string;
  /** Undefined: left open; `none`: no client is known. */
  client: TargetClient | 'none' | undefined;
  virtualPackages: readonly VirtualPackage[] | undefined;
  /** Where nothing is given and nothing was published. */
  otherwise: readonly string[];
}

/**
 * The machines to deliver for; what is left open is as last published.
 * @throws RepackError E_USAGE, E_SUBDIR, E_PROFILE, E_CLIENT
 */
export function rememberedProfiles(wanted: TargetChanges, last: Manifest | undefined): TargetProfile[] {
  const { addSubdirs, origin, client, virtualPackages, otherwise } = wanted;
  if (addSubdirs.length > 0 && wanted.subdirs !== undefined && origin !== 'command line')
    throw usage(
      `The platforms are given elsewhere, and --add-subdir changes only what is left open`,
      origin,
      `Change the list there: add ${addSubdirs.join(', ')}.`,
    );
  if (addSubdirs.length > 0 && wanted.subdirs !== undefined)
    throw usage('--subdir gives the whole list', '--add-subdir', 'Give one of the two.');
  const profiles = last?.profiles.map(profileOfManifest) ?? [];
  const published = profiles.map(({ subdir }) => subdir);
  const subdirs = [...(wanted.subdirs ?? (published.length > 0 ? published : otherwise)), ...addSubdirs];
  const profileFor = (subdir: string): TargetProfile => {
    const before = profiles.find((each) => each.subdir === subdir);
    const as = client === 'none' ? undefined : (client ?? (before ?? profiles[0])?.client);
    if (before !== undefined && virtualPackages === undefined) return { ...before, client: as };
    return targetProfile({ subdir, virtualPackages: virtualPackages ?? [], client: as });
  };
  return [...new Set(subdirs.map(platform))].map(profileFor);
}

function platform(text: string): string {
  const subdir = parseSubdir(text);
  if (subdir !== NOARCH) return subdir;
  throw new RepackError('E_SUBDIR', {
    what: 'noarch is no platform of machines',
    where: '--subdir',
    hint: 'Give the machines’ platform, e.g. linux-64; its noarch packages come along.',
  });
}

function usage(what: string, where: string, hint: string): RepackError {
  return new RepackError('E_USAGE', { what, where, hint });
}
