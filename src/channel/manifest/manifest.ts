import { splitPath } from '../../conda/channel/names.js';
import type { VirtualPackage } from '../../conda/plan/profile.js';

/**
 * One file of a label folder. `path` is relative with `/`: `linux-64/numpy-1.26.4-py39_0.conda`. Sizes in bytes. `side`: travels with
 * the channel without being in its index, as the attestation of an artifact (CEP 27) or an installer. `paper`: tells people about it (design D18).
 */
export interface ManifestFile {
  path: string;
  kind: 'artifact' | 'index' | 'side' | 'paper';
  size: number;
  sha256: string;
  md5: string;
  /** Artifacts: identity URL of the channel it came from, token-free; null for an unpublished one. */
  channel?: string | null;
  /** Artifacts: sha256 of the canonical JSON of its record in the index. */
  record?: string;
}

/**
 * `manifest.json` at the root of a label folder (design D8). Nothing in it varies with time, host, engine or tool version.
 * Written as canonical JSON, indented by 2, with a line feed at the end.
 */
export interface Manifest {
  schema: 1;
  label: string;
  /** 1, 2, …: moves only when an artifact, a record or a spec changes. */
  generation: number;
  /** sha256 of the manifest.json of the generation before; null for the first. */
  previous: string | null;
  /** Requested MatchSpecs in canonical text, sorted. */
  specs: string[];
  /** Declared channels, highest priority first, token-free. */
  channels: string[];
  subdirs: string[];
  /** Target profile per subdir (design D3). */
  profiles: { subdir: string; virtual_packages: VirtualPackage[]; client: string | null }[];
  /** Sorted by path. Without `manifest.json`, its signature and `SHA256SUMS` themselves. */
  files: ManifestFile[];
}

export const MANIFEST_NAME = 'manifest.json';
export const SUMS_NAME = 'SHA256SUMS';
/** Detached signature over the bytes of `manifest.json`. */
export const SIGNATURE_NAME = 'manifest.json.sig';
/** Folder at the root of a channel for side files that belong to no subdir. */
export const INSTALLERS_NAME = 'installers';
/** Folder at the root for papers: `papers/CHANGES.md`. */
export const PAPERS_NAME = 'papers';
/** Index files that this project can write into a subdir. */
export const INDEX_NAMES = ['repodata.json', 'repodata.json.zst', 'repodata.json.bz2'] as const;

/** `repodata.json` and its packed forms, of whichever subdir. */
export function isIndexPath(path: string): boolean {
  return (INDEX_NAMES as readonly string[]).includes(path.slice(path.lastIndexOf('/') + 1));
}

/** Files at the root of a label folder that are ours by name. */
export function isOwnRootFile(name: string): boolean {
  return name === MANIFEST_NAME || name === SUMS_NAME || name === SIGNATURE_NAME;
}

/** Folders at the root that hold side files or papers only, as the manifest lists them. */
export function sideFoldersOf(manifest: Pick<Manifest, 'files' | 'subdirs'>): string[] {
  const folders = manifest.files
    .filter(({ kind }) => kind === 'side' || kind === 'paper')
    .map(({ path }) => splitPath(path)[0]);
  return [...new Set(folders)].filter((folder) => !manifest.subdirs.includes(folder)).sort();
}
