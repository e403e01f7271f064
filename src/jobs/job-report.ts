import type { RunsAtInstall } from '../answers/schema.js';
import type { Finding } from '../base/findings.js';
import type { SourceCounts } from '../base/events.js';
import type { EngineIdentity } from '../conda/plan/plan.js';
import type { PolicyVerdict } from '../conda/policy/verdict.js';
import type { TargetClient } from '../conda/plan/profile.js';
import type { Reason } from '../channel/manifest/why-moved.js';
import type { OldestConda } from '../channel/manifest/oldest-conda.js';
import type { ChannelChanges, Proof } from '../channel/staged.js';
import type { Hold } from '../delivery/generations/hold.js';

/** One delivered artifact as a person reads it. Size in bytes. */
export interface ReportedArtifact {
  subdir: string;
  fn: string;
  name: string;
  version: string;
  build: string;
  size: number | undefined;
  /** Identity URL of its channel; null for an unpublished one. */
  channel: string | null;
}

/** The end of `update`, `capture` and `plan`: what `--json` prints as `{"type":"report", …}`. */
export interface JobReport {
  job: 'update' | 'capture' | 'plan' | 'rollback';
  label: string;
  /** Absolute path of ROOT/LABEL. */
  labelDir: string;
  specs: string[];
  subdirs: string[];
  channels: string[];
  engines: EngineIdentity[];
  /** What installs at the site, where it was said. */
  client?: TargetClient | undefined;
  priority: string;
  artifacts: ReportedArtifact[];
  bytesTotal: number;
  /** Where the artifacts came from; absent for a plan. */
  fetched?: SourceCounts | undefined;
  changes: ChannelChanges;
  /** Files that left (or would leave) the label folder. */
  leaving: string[];
  /** Files in the label folder that are not ours; left alone. */
  strangers: string[];
  findings: Finding[];
  /** From the generation that was live to the content of an earlier one, which is published under a new number. */
  rollback?: { from: number; to: number } | undefined;
  /** The label is held: nothing was looked for or changed, and the rest is as it was last published. */
  held?: Hold | undefined;
  /** What the policy says; absent of a plan, and where there is none. */
  policy?: PolicyVerdict | undefined;
  /** Of `manifest.json`, as it is or would be. */
  signature: 'signed' | 'none';
  /** Names of what lies in `papers/`, and of those, what this run made; absent for a plan, and where none are wanted. */
  papers?: { names: string[]; made: string[] } | undefined;
  /** Packages that run something when they are installed; of a plan, whose bytes may not be on this machine: `unread` counts those. */
  runs?: { packages: RunsAtInstall[]; unread: number } | undefined;
  /** Absent for a plan. */
  published?:
    | {
        generation: number;
        /** Why it moved; empty where it stayed. */
        because: Reason[];
        manifestSha256: string;
        unchanged: boolean;
        bytesWritten: number;
        /** What left the folder and went to the pool for earlier generations. */
        pooled: { files: number; bytes: number };
        /** By what the folder holds. */
        oldestConda: OldestConda;
        proof: Proof;
      }
    | undefined;
}
