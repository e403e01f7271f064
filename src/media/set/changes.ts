import { sha256Of } from '../../codec/digests.js';
import { NOARCH } from '../../conda/channel/channel.js';
import { RepackError } from '../../base/errors.js';
import { installerPlatform } from '../../channel/installer-name.js';
import { INSTALLERS_NAME, type Manifest, type ManifestFile } from '../../channel/manifest/manifest.js';
import type { StoredManifest } from '../../channel/manifest/read-manifest.js';
import type { DeltaBase, DeltaHeader } from './headers.js';
import { DELTA_FORMAT } from './formats.js';
import { mediumJson } from './names.js';

/** What is read of a manifest to tell a way from it, or to it. */
export type Known = Pick<StoredManifest, 'manifest' | 'sha256'>;

export function publishedAs(manifest: Manifest): StoredManifest {
  const bytes = mediumJson(manifest);
  return { manifest, bytes, sha256: sha256Of(bytes) };
}

/**
 * The same generation for some platforms only, `noarch` always among them: what belongs to none of them is left out. Where nothing is left
 * out, it is the very same manifest, byte for byte.
 *
 * @throws RepackError E_SUBDIR: a platform that the channel does not have.
 */
export function restrictedTo(published: StoredManifest, subdirs: readonly string[]): StoredManifest {
  const { manifest } = published;
  const wanted = new Set([NOARCH, ...subdirs]);
  const unknown = [...wanted].find((subdir) => subdir !== NOARCH && !manifest.subdirs.includes(subdir));
  if (unknown !== undefined) {
    throw new RepackError('E_SUBDIR', {
      what: `Generation ${manifest.generation} of ${manifest.label} has no subdir ${unknown}`,
      where: `--subdir ${unknown}`,
      hint: `It has ${manifest.subdirs.join(', ')}.`,
    });
  }
  const files = manifest.files.filter((file) => belongsTo(file, wanted));
  if (manifest.subdirs.every((subdir) => wanted.has(subdir)) && files.length === manifest.files.length)
    return published;
  return publishedAs({
    ...manifest,
    subdirs: manifest.subdirs.filter((subdir) => wanted.has(subdir)),
    profiles: manifest.profiles.filter(({ subdir }) => wanted.has(subdir)),
    files,
  });
}

function belongsTo({ path }: ManifestFile, subdirs: ReadonlySet<string>): boolean {
  const [folder = '', name = ''] = path.split('/');
  if (folder === INSTALLERS_NAME) {
    const platform = installerPlatform(name);
    return platform === undefined || subdirs.has(platform);
  }
  return subdirs.has(folder);
}

/** What a delta has to carry and what it takes away. */
export type ManifestChanges = Pick<DeltaHeader, 'added' | 'changed' | 'removed'>;

export function changesSince(base: Manifest | undefined, target: Manifest): ManifestChanges {
  const before = new Map((base?.files ?? []).map(({ path, sha256 }) => [path, sha256]));
  const after = new Set(target.files.map(({ path }) => path));
  const paths = (wanted: (sha256: string, was: string | undefined) => boolean): string[] =>
    target.files.filter(({ path, sha256 }) => wanted(sha256, before.get(path))).map(({ path }) => path);
  return {
    added: paths((_sha256, was) => was === undefined).sort(),
    changed: paths((sha256, was) => was !== undefined && was !== sha256).sort(),
    removed: [...before.keys()].filter((path) => !after.has(path)).sort(),
  };
}

/** How a delta names what it begins at; undefined: nothing. */
export function deltaBase(base: Known | undefined): DeltaBase {
  return base === undefined ? null : { generation: base.manifest.generation, manifest_sha256: base.sha256 };
}

/** What leads from one manifest to the other, as `delta.json` has it. */
export function deltaHeader(base: Known | undefined, { manifest, sha256 }: Known): DeltaHeader {
  const { label, generation } = manifest;
  const changes = changesSince(base?.manifest, manifest);
  return {
    schema: 1,
    format: DELTA_FORMAT,
    label,
    base: deltaBase(base),
    generation,
    manifest_sha256: sha256,
    ...changes,
  };
}
