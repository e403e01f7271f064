import { canonicalJson } from '../../base/json.js';
import { NOARCH } from '../../conda/channel/channel.js';
import type { Manifest, ManifestFile } from './manifest.js';
import type { RepackPlan } from '../../conda/plan/plan.js';
import type { TargetProfile } from '../../conda/plan/profile.js';
import type { LiveFolder } from '../staged.js';

/** What decides the content of a channel. A mirror has no specs, no profiles, and subdirs that nothing was solved for. */
export type ContentPlan = Pick<RepackPlan, 'label' | 'specs' | 'channels' | 'profiles'> & {
  solved: readonly Pick<RepackPlan['solved'][number], 'subdir'>[];
  artifacts: readonly Pick<RepackPlan['artifacts'][number], 'subdir'>[];
};

/**
 * The manifest of what is staged (design D8). A function of the plan, the files and the manifest before it.
 *
 * The generation moves when anything that decides what a site gets moves: an artifact, a side file, a record, a spec, a channel, a subdir or a
 * profile. It stays when only papers or the encoding of the index differ (a `.bz2` more, an index that someone rewrote by hand). A number is never
 * used twice: the next is one more than the live one's and than `lastGeneration`, the highest that is remembered.
 */
export function makeManifest(
  plan: ContentPlan,
  files: readonly ManifestFile[],
  live: Pick<LiveFolder, 'manifest' | 'manifestSha256'> & { lastGeneration?: number | undefined },
): Manifest {
  const draft: Manifest = {
    schema: 1,
    label: plan.label,
    generation: 1 + Math.max(live.manifest?.generation ?? 0, live.lastGeneration ?? 0),
    previous: live.manifestSha256 ?? null,
    specs: sortedUnique(plan.specs.map(({ text }) => text)),
    channels: plan.channels.map(({ url }) => url),
    subdirs: subdirsOf(plan),
    profiles: plan.profiles.map(manifestProfile).sort((a, b) => (a.subdir < b.subdir ? -1 : 1)),
    files: files.toSorted((a, b) => (a.path < b.path ? -1 : 1)),
  };
  const before = live.manifest;
  if (before === undefined || contentOf(draft) !== contentOf(before)) return draft;
  return { ...draft, generation: before.generation, previous: before.previous };
}

/** Subdirs that the channel has, `noarch` always among them (CEP 26), sorted. */
export function subdirsOf(plan: ContentPlan): string[] {
  return sortedUnique([
    NOARCH,
    ...plan.profiles.map(({ subdir }) => subdir),
    ...plan.solved.map(({ subdir }) => subdir),
    ...plan.artifacts.map(({ subdir }) => subdir),
  ]);
}

/** `manifest.json` as it is on disk. */
export function manifestBytes(manifest: Manifest): Uint8Array {
  return Buffer.from(`${canonicalJson(manifest, 2)}\n`, 'utf8');
}

/** `SHA256SUMS` as it is on disk, for `sha256sum -c`. */
export function sumsBytes(files: readonly { path: string; sha256: string }[]): Uint8Array {
  const lines = files.toSorted((a, b) => (a.path < b.path ? -1 : 1)).map(({ path, sha256 }) => `${sha256}  ${path}\n`);
  return Buffer.from(lines.join(''), 'utf8');
}

/** A profile as a manifest has it. */
export function manifestProfile({ subdir, virtualPackages, client }: TargetProfile): Manifest['profiles'][number] {
  return {
    subdir,
    virtual_packages: virtualPackages
      .map(({ name, version, build }) => ({ name, version, build }))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
    client: client === undefined ? null : `${client.name} ${client.version}`,
  };
}

/** What a generation stands for: everything but the encoding of its indexes and what its papers tell of it. */
export function contentOf(manifest: Manifest): string {
  const content = manifest.files.filter(({ kind }) => kind !== 'index' && kind !== 'paper');
  return canonicalJson({ ...manifest, generation: 0, previous: null, files: content });
}

function sortedUnique(texts: readonly string[]): string[] {
  return [...new Set(texts)].sort();
}
