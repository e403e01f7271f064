import type { MirrorSettings } from '../../config/mirror-file/read.js';
import type { Channel } from '../../conda/channel/channel.js';
import type { TargetProfile } from '../../conda/plan/profile.js';
import type { Policy } from '../../conda/policy/policy.js';
import type { WorkSettings } from '../../config/work-settings.js';
import type { Secret } from '../../base/secret.js';

/** One mirror to be brought up to date: parsed, validated, secrets wrapped. */
export interface MirrorRequest extends WorkSettings {
  settings: MirrorSettings;
  /** Absolute; the mirror is `root/label`. */
  root: string;
  label: string;
  /** Highest priority first. */
  channels: readonly Channel[];
  token: Secret | undefined;
  /** One a platform: what `with_dependencies: solve` solves for. */
  profiles: readonly TargetProfile[];
  /** Absolute; undefined: no deltas are written. */
  deltaDir: string | undefined;
  /** Every byte in the mirror is hashed and every index fetched anew. */
  reset: boolean;
  allowShrink: boolean;
  /** What can't be mirrored is left out and reported, instead of failing everything. */
  keepGoing: boolean;
  /** Its rules leave records out as the filter's do; the gate looks at what lies in the mirror too. */
  policy?: Policy | undefined;
}
