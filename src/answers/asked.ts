import type { Manifest } from '../channel/manifest/manifest.js';
import { packageAt } from '../channel/compare-channels.js';
import { pathOf } from '../conda/channel/names.js';
import { NOARCH } from '../conda/channel/channel.js';
import { nearestFew } from '../base/nearest.js';
import { RepackError } from '../base/errors.js';
import type { MatchSpec } from '../conda/spec/match-spec.js';
import type { AcquiredArtifact } from '../conda/plan/plan.js';
import type { PackageRecord } from '../conda/record/records.js';

/** A package of what is asked about. `record` is parsed when it is asked for. */
export interface AskedPackage {
  subdir: string;
  fn: string;
  size: number | undefined;
  sha256: string | undefined;
  /** Identity URL of the channel it came from; undefined where no manifest says it. */
  channel: string | null | undefined;
  readonly record: PackageRecord;
}

/** Of artifacts at hand what is asked about them. */
export function askedPackages(artifacts: readonly AcquiredArtifact[]): AskedPackage[] {
  return artifacts.map(({ subdir, fn, size, sha256, channel, record }) => {
    return { subdir, fn, size, sha256, channel: channel?.url ?? null, record };
  });
}

/** One channel folder, manifest or generation that a question is about. */
export interface Asked {
  /** As typed; of a ROOT, ROOT/LABEL. */
  given: string;
  label: string | null;
  generation: number | null;
  /** Undefined for a channel folder of others. */
  manifest: Manifest | undefined;
  packages: readonly AskedPackage[];
}

/** As far as a graph is made of it: of a plan no manifest is written yet. */
export type AskedChannel = Pick<Asked, 'given' | 'packages'> & {
  manifest: Pick<Manifest, 'specs' | 'profiles'> | undefined;
};

/** `halkbank, generation 4`; of a folder of others its path. */
export function whatIsAsked({ given, label, generation }: Pick<Asked, 'given' | 'label' | 'generation'>): string {
  return label === null ? given : `${label}, generation ${generation}`;
}

/** Not of a mirror, or a channel of others: nothing was asked for in them by name. */
export function isWanted({ manifest }: Pick<Asked, 'manifest'>): boolean {
  return (manifest?.specs.length ?? 0) > 0;
}

/** Of ROOT those that were asked for by name; where there are none, all. */
export function wantedFirst(all: readonly Asked[]): readonly Asked[] {
  const wanted = all.filter(isWanted);
  return wanted.length > 0 ? wanted : all;
}

/** The platforms that it was made for, `wanted` of them where given. Throws E_USAGE for one that it does not have. */
export function platformsOf({ given, manifest, packages }: AskedChannel, wanted: readonly string[]): string[] {
  const stated = manifest?.profiles.map(({ subdir }) => subdir) ?? [];
  const there = stated.length > 0 ? stated : [...new Set(packages.map(({ subdir }) => subdir))];
  const platforms = there.filter((subdir) => subdir !== NOARCH).sort();
  const all = platforms.length > 0 ? platforms : [NOARCH];
  const unknown = wanted.find((subdir) => !all.includes(subdir));
  if (unknown === undefined) return wanted.length > 0 ? all.filter((subdir) => wanted.includes(subdir)) : all;
  throw new RepackError('E_USAGE', {
    what: `Nothing in it is for ${unknown}`,
    where: given,
    hint: `It has ${all.join(', ')}.`,
  });
}

/** What to say where nothing is called so. */
export function noSuchPackage({ name, text }: MatchSpec, where: string, names: Iterable<string>): RepackError {
  const all = new Set(names);
  const near = all.has(name) ? [name] : nearestFew(name, all, 5);
  return new RepackError('E_USAGE', {
    what: `There is no package ${text} in it`,
    where,
    hint:
      near.length > 0
        ? `Near in name: ${near.join(', ')}.`
        : 'repackenv licenses lists all that is in it, repackenv find looks through all labels of a ROOT.',
  });
}

/** Names of the packages by their files: nothing is parsed. */
export function namesIn(packages: readonly Pick<AskedPackage, 'subdir' | 'fn'>[]): string[] {
  return packages.flatMap((each) => packageAt(pathOf(each))?.name ?? []);
}
