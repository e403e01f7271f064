import type { JsonValue } from '../../base/json.js';
import type { Channel, Subdir } from '../channel/channel.js';

/**
 * One record of a `repodata.json`, exactly as a channel published it (keys and values untouched, wire `snake_case`). Unknown
 * keys are kept: a record is written back with every one of them (design D4).
 */
export interface PackageRecord {
  name: string;
  version: string;
  build: string;
  build_number: number;
  depends: string[];
  constrains?: string[];
  subdir?: string;
  noarch?: string | boolean | null;
  md5?: string;
  sha256?: string;
  size?: number;
  /** Milliseconds since 1970 (older records: seconds). */
  timestamp?: number;
  license?: string;
  [key: string]: JsonValue | undefined;
}

export type ArtifactFormat = 'conda' | 'tar.bz2';

/** A PackageRecord with the place it was published at: what a solver picks and what an artifact is fetched by. */
export interface RepoDataRecord {
  /** Distribution file name, `numpy-1.26.4-py39h1234_0.conda`; checked by `parseDistFilename`. */
  fn: string;
  subdir: Subdir;
  /** The declared channel it comes from; undefined for what no declared channel has (`unpublished`, capture only). */
  channel: Channel | undefined;
  /** Identity URL, token-free: `<channel.url>/<subdir>/<fn>` (or the channel's `base_url`). Undefined when unpublished. */
  url: string | undefined;
  /** As published; for `unpublished` artifacts undefined until acquire has read it out of the artifact. */
  record: PackageRecord | undefined;
}

/** How a record of the plan was obtained (design D4: first is best). */
export type RecordOrigin = 'repodata' | 'cache-record' | 'artifact';

/** `conda-meta/*.json`, the keys this project reads. Never data for an index: conda edits them (`pip` injected, masks). */
export interface PrefixRecord {
  name: string;
  version: string;
  build: string;
  build_number: number;
  fn: string;
  subdir?: string | undefined;
  /** As written by the engine; may hold a mask `<TOKEN>`, never used as an address. */
  url?: string | undefined;
  channel?: string | undefined;
  md5?: string | undefined;
  sha256?: string | undefined;
  size?: number | undefined;
  noarch?: string | boolean | null | undefined;
}

/** To which conda adds `pip` in memory (`add_pip_as_python_dependency`). */
export function isPython({ name, version }: Pick<PackageRecord, 'name' | 'version'>): boolean {
  return name === 'python' && /^[23]\./.test(version);
}
