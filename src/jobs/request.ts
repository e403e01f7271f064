import type { Secret } from '../base/secret.js';
import type { Channel, Subdir } from '../conda/channel/channel.js';
import type { TargetClient, TargetProfile, VirtualPackage } from '../conda/plan/profile.js';
import type { Policy } from '../conda/policy/policy.js';
import type { MatchSpec } from '../conda/spec/match-spec.js';
import type { Asked } from '../delivery/guard.js';
import type { Installer } from '../config/installers.js';
import type { PipSection } from '../config/pip-section.js';
import type { LockFile } from '../config/lock-file/lock-file.js';
import type { PolicyOf } from './policy/load-policy.js';
import type { WorkSettings } from '../config/work-settings.js';

/** One label to be made: parsed, validated, secrets wrapped. What the pipeline starts from. */
export interface RepackRequest extends WorkSettings {
  label: string;
  /** As given; checked and resolved by publish/root. */
  root: string;
  token: Secret | undefined;
  specs: readonly MatchSpec[];
  /** Highest priority first (design D2a). */
  channels: readonly Channel[];
  subdirs: readonly Subdir[];
  profiles: readonly TargetProfile[];
  /** What of the live folder may go though it is not asked for: names, subdirs, `signature`, `attestations`, `all`. */
  drop: readonly string[];
  /** It stands in ROOT/repackenv.yml. */
  declared?: boolean | undefined;
  /** What must allow every package. */
  policy?: Policy | undefined;
  /** All of it is done, whatever was proven before. */
  recheck?: boolean | undefined;
  /** Undefined: those that lie there. */
  installers?: readonly Installer[] | undefined;
  /** What its environment.yml leaves to pip; `left`: it is delivered without. */
  pip?: (PipSection & { left: boolean }) | undefined;
  /** Its artifacts instead of a solve's; `specs` are then its packages, exactly. */
  lock?: LockFile | undefined;
}

/** What the guard holds against the live folder. */
export function askedBy({ specs, subdirs, attestations, drop, declared, lock }: RepackRequest): Asked {
  const asked = { subdirs, attestations, drop, declared };
  // A lock names each dependency: that one of them is gone is the lock's intent.
  return lock === undefined ? { ...asked, specs } : asked;
}

/** `repackenv capture`: an environment that exists instead of specs. */
export interface CaptureRequest extends WorkSettings {
  /** The environment's folder name when undefined. */
  label: string | undefined;
  root: string;
  token: Secret | undefined;
  /** Base URL whose `/t/TOKEN/` paths the token opens. */
  tokenBaseUrl: string;
  prefix: string | undefined;
  virtualPackages: readonly VirtualPackage[];
  client: TargetClient | undefined;
  /** Where `envinfo.json` is read from and `tgfolder.txt` is written to. */
  workDir: string;
  /** Undefined: no `tgfolder.txt`. */
  writeTargetFolder: boolean;
  policyOf?: PolicyOf | undefined;
  /** As `RepackRequest` has it; the packages are the environment's. */
  drop: readonly string[];
}
