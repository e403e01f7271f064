import type { Digests } from '../codec/digests.js';
import type { PolicyVerdict } from '../conda/policy/verdict.js';
import type { Manifest, ManifestFile } from './manifest/manifest.js';

/** What lies in a label folder now, every byte hashed. Made by `delivery/place/inspect.ts`, read by later stages. */
export interface LiveFolder {
  /** Absolute path of ROOT/LABEL. */
  dir: string;
  state: 'absent' | 'empty' | 'ours' | 'foreign-channel' | 'foreign';
  /** Parsed manifest and the sha256 of its bytes, when ours. */
  manifest: Manifest | undefined;
  manifestSha256: string | undefined;
  /** Regular files under its `<subdir>/` folders, and manifest.json, its signature and SHA256SUMS, keyed by relative path with `/`. */
  files: ReadonlyMap<string, LiveFile>;
  /** Relative paths at the folder's root that are not ours: reported and left (design D6a). */
  strangers: readonly string[];
}

export interface LiveFile extends Digests {
  mtimeMs: number;
}

export interface StagedFile extends Omit<ManifestFile, 'kind'> {
  kind: ManifestFile['kind'] | 'manifest' | 'signature' | 'sums';
  /** The mtime it must have once published, ms, a whole even second (design D7). */
  mtimeMs: number;
  /** Against the live folder. `unchanged` = equal bytes: publish must not touch the live file. */
  change: 'added' | 'changed' | 'unchanged';
  /** Staged as a hard link to a file of the store, which gives it up after the switch. */
  linked?: boolean;
}

/** A file that travels with the channel and is in no index; its bytes lie in the store or anywhere else they stay. */
export interface SideFile extends Digests {
  /** Relative to the channel, with `/`: `linux-64/numpy-1.26.4-py39_0.conda.v0.sigs`, `installers/Miniforge3.sh`. */
  path: string;
  /** Absolute path of the bytes. */
  storePath: string;
}

/** A complete channel in a staging folder on ROOT's volume, beside the label folder. */
export interface StagedChannel {
  dir: string;
  label: string;
  files: readonly StagedFile[];
  manifest: Manifest;
  /** Live files (relative paths, under `<subdir>/` only) that the new manifest does not name: they leave. */
  leaving: readonly string[];
  /** Against the live manifest. */
  changes: ChannelChanges;
}

export interface ChannelChanges {
  added: PackageChange[];
  removed: PackageChange[];
  /** Same name and subdir, another version or build. */
  upgraded: { name: string; subdir: string; from: string; to: string }[];
  downgraded: { name: string; subdir: string; from: string; to: string }[];
  /** Same file, record changed (a hotfix upstream). */
  rerecorded: PackageChange[];
  kept: number;
  /**
   * What a synchronisation (rsync, robocopy) sends: bytes of all files that are new or have other bytes, indexes, manifest, signature and
   * SHA256SUMS among them. Where only the packages are known (a plan, a comparison with an upstream channel), those of packages.
   */
  bytesToTravel: number;
  /** Of these, the bytes of packages. */
  bytesOfPackages: number;
}

export interface PackageChange {
  name: string;
  version: string;
  build: string;
  subdir: string;
  fn: string;
}

/** Outcome of the proof (design D9): every check by name. */
export interface Proof {
  checks: { name: string; detail: string }[];
  /** The checks were made by an earlier run, and stand for the same bytes. */
  asOf?: ProofDate;
}

export interface ProofDate {
  generation: number;
  /** ISO 8601, UTC. */
  at: string;
}

export interface PublishReceipt {
  schema: 1;
  label: string;
  generation: number;
  manifestSha256: string;
  previous: string | null;
  /** ISO 8601, UTC. */
  startedAt: string;
  finishedAt: string;
  host: string;
  tool: string;
  engine: string;
  written: string[];
  removed: string[];
  bytesWritten: number;
  bytesToTravel: number;
  unchanged: boolean;
  /** Of a run that proved nothing anew: since when the proof stands. */
  proof?: ProofDate;
  /** The generation whose content this one has: of a rollback. */
  rolledBackTo?: number;
  /** What the policy said of it, and when (design D19). */
  policy?: PolicyVerdict;
}
