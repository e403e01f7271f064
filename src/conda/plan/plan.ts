import type { Channel, ChannelPriority, Subdir } from '../channel/channel.js';
import type { ArtifactSource } from '../../base/events.js';
import type { Finding } from '../../base/findings.js';
import type { MatchSpec } from '../spec/match-spec.js';
import type { TargetProfile } from './profile.js';
import type { RecordOrigin, RepoDataRecord } from '../record/records.js';
import type { ExpectedDigest } from './artifact-store.js';

/** What one solve, on one subdir, is asked for. Channels highest priority first. */
export interface SolveRequest {
  specs: readonly MatchSpec[];
  channels: readonly Channel[];
  channelPriority: ChannelPriority;
  profile: TargetProfile;
}

export interface PlannedArtifact extends RepoDataRecord {
  origin: RecordOrigin;
  /** Unpublished artifacts only: the digests that the environment's PrefixRecord states, where it states any. */
  expected?: ExpectedDigest | undefined;
}

export interface EngineIdentity {
  kind: 'conda' | 'mamba' | 'micromamba' | 'embedded' | 'capture' | 'lock';
  version: string;
  /** Executable, for real engines. */
  path?: string | undefined;
  /** Of a conda that has several: `rattler (conda-rattler-solver 0.2.0, py-rattler 0.26.0)`. */
  solver?: string | undefined;
}

/** The answer of one solve for one subdir: that subdir's and noarch's artifacts. */
export interface SolvedSubdir {
  subdir: Subdir;
  engine: EngineIdentity;
  priority: 'strict' | 'relaxed' | 'flexible' | 'disabled';
  artifacts: readonly PlannedArtifact[];
}

/** Exact artifacts to deliver for one label: pure data, made without touching ROOT. Sorted by subdir, then fn. */
export interface RepackPlan {
  label: string;
  specs: readonly MatchSpec[];
  channels: readonly Channel[];
  channelPriority: ChannelPriority;
  profiles: readonly TargetProfile[];
  solved: readonly SolvedSubdir[];
  /** Union over the subdirs, one entry a (subdir, fn). */
  artifacts: readonly PlannedArtifact[];
  findings: readonly Finding[];
}

/** An artifact whose bytes lie in the store and were hashed as they were written. */
export interface AcquiredArtifact extends PlannedArtifact {
  record: NonNullable<PlannedArtifact['record']>;
  /** Absolute path of the immutable file in the store. */
  storePath: string;
  size: number;
  sha256: string;
  md5: string;
  source: ArtifactSource;
}
