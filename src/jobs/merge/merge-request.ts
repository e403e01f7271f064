import type { PolicyOf } from '../policy/load-policy.js';

export interface MergeRequest {
  /** An unpacked delta folder, or a channel folder. */
  from: string;
  /** The channel folder that it is folded into: ROOT/LABEL. */
  channel: string;
  dryRun: boolean;
  adopt: boolean;
  replace: readonly string[];
  siteFiles: boolean;
  /** Signs the new manifest; a delta brings its own signature. */
  signKey?: string | undefined;
  policyOf?: PolicyOf | undefined;
  waitLockMs: number;
  takeOverLock: boolean;
}

/** Where from and where to, made absolute. */
export interface MergePlaces {
  from: string;
  root: string;
  label: string;
}
