import type { ContentPlan } from '../channel/manifest/make-manifest.js';
import type { Manifest } from '../channel/manifest/manifest.js';
import type { LiveFolder, SideFile, StagedChannel } from '../channel/staged.js';
import type { AcquiredArtifact, RepackPlan } from '../conda/plan/plan.js';
import type { Policy } from '../conda/policy/policy.js';
import type { WorkSettings } from '../config/work-settings.js';
import type { ProofTools } from './proof/prove-installable.js';

/** New indexes for a folder that others made and that stays theirs, and what leaves it. Carried out by `deliverIndexes`. */
export interface IndexProposal {
  job: 'clean' | 'doctor';
  indexes: readonly IndexFile[];
  /** Paths that no index names any more. */
  leaving: readonly string[];
}

export interface IndexFile {
  /** Relative to the folder, with `/`. */
  path: string;
  /** `sums`: its owner's list of digests. */
  kind: 'index' | 'sums';
  bytes: Uint8Array;
  mtimeMs: number;
}

/** What a job wants a channel folder to become (design D14): data, carried out by `deliver`. */
export interface Proposal {
  job: keyof typeof STEP_PREFIXES;
  content: ChannelContent | GivenContent;
  proof: ProofWish;
  /** For the receipt, who chose the packages or brought them: `conda 26.7.1`, `medium acme-g3`, `none`. */
  from: string;
  /** What must let every package through (design D19); of a rollback, a cleaning and a repair, which are somebody's will, it is only told. Undefined: there is none. */
  policy: Policy | undefined;
  /** Own a folder that was made by something else. Default: refuse it. */
  adopt?: boolean;
  /** How many generations stay complete (design D15); absent: as many as last time, else what is usual for the job. */
  keep?: number | undefined;
  /** What of the live folder may go unasked (the guard's); absent: the job has no such question. */
  drop?: readonly string[];
  /** Of the files that the new channel does not name, those that leave; default all. */
  mayLeave?: (path: string) => boolean;
  /** What a site without this tool needs beside the folder: made, made anew where it lies there, or left as it is. */
  siteFiles: 'make' | 'renew' | 'leave';
  /** Back to the content of this generation: the receipt says so, and the label is held with the same switch (design D15). */
  rollback?: { to: number; why: string } | undefined;
  /** A run that finds everything right leaves no receipt. */
  quietIfSame?: boolean;
  /** Files and folders of this run that must not hold a secret either; absolute paths, also of what is not there. */
  alsoScanned?: readonly string[];
}

/** Of each job, what its kill points begin with. */
export const STEP_PREFIXES = {
  update: 'update',
  capture: 'update',
  mirror: 'mirror',
  import: 'import',
  merge: 'import',
  clean: 'clean',
  doctor: 'doctor',
  rollback: 'update',
} as const;

/** Generations that stay complete where nobody said how many. The history of a mirror or an imported folder is its receipts. */
export const USUAL_KEEP: Readonly<Partial<Record<Proposal['job'], number>>> = {
  update: 3,
  capture: 3,
  rollback: 3,
};

/** Artifacts at hand with their records: indexes and manifest are made of them. */
export interface ChannelContent {
  kind: 'channel';
  plan: ContentPlan;
  artifacts: readonly AcquiredArtifact[];
  /** What travels along outside the indexes. */
  side: readonly SideFile[];
  indexBz2: boolean;
  /** Every index file as it is to be, of exactly these records; default: made of them. */
  indexes?: readonly Pick<IndexFile, 'path' | 'bytes'>[];
  /** File or package names whose changed bytes are accepted; `all`: every one. */
  replace: readonly string[];
  /** Makes its papers; absent: a new generation has none. */
  papers?: PaperMaker | undefined;
  /** SSH key that signs the manifest. */
  signKey?: string | undefined;
  /** Stage only what changes, by links where the disk has them: for folders too large to be written twice. */
  changesOnly?: boolean;
}

/** A file of `papers/`. */
export interface Paper {
  name: string;
  bytes: Uint8Array;
}

/** What papers tell of: the channel as it will be, its manifest without them. */
export interface PapersInput {
  manifest: Manifest;
  artifacts: readonly AcquiredArtifact[];
  live: LiveFolder;
}

/** Makes papers: of the same input the same, byte for byte. */
export interface PaperMaker {
  /** Those that were asked for. Undefined: all of a new generation; one that stays keeps those that it has. */
  names: readonly string[] | undefined;
  /** `all`: those that the folder will have; undefined: all that there are. */
  make(
    input: PapersInput,
    which: { all: readonly string[] | undefined; wanted: (name: string) => boolean },
  ): Promise<Paper[]>;
}

/** A channel as somebody else made it, taken over byte for byte. */
export interface GivenContent {
  kind: 'given';
  /** All of it but where it is staged. */
  channel: Omit<StagedChannel, 'dir'>;
  /** Writes the files that change below `staged.dir`, each hashed as it is written. */
  write(staged: StagedChannel): Promise<void>;
}

/**
 * - `installable`: complete and solvable from itself alone (design D9);
 * - `consistent`: index = files = manifest, and every new byte read back; of artifacts only those that were not hashed as they were written.
 *   `announced`: it may take a while, so that it is said.
 */
export type ProofWish =
  | { kind: 'installable'; plan: RepackPlan; request: WorkSettings; tools: ProofTools }
  | { kind: 'consistent'; artifactsHashed?: boolean; announced?: boolean };
