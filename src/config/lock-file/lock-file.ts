import type { Secret } from '../../base/secret.js';
import type { Subdir } from '../../conda/channel/channel.js';

/** An artifact that a lock names. Nothing secret is in it. */
export interface LockedPackage {
  /** Token-free identity URL of its channel, as the lock has it. */
  channelUrl: string;
  subdir: Subdir;
  fn: string;
  /** Hex, lower case; absent where the lock states none. */
  sha256?: string | undefined;
  md5?: string | undefined;
  /** `FILE, line 3, column 5` */
  where: string;
}

/** What a lock names that no conda channel can hold: a wheel, a source package, a file of the machine that made it. */
export interface NotConda {
  name: string;
  /** `a package of PyPI` */
  kind: string;
}

/** A lock, as far as it is a request (design D20). */
export interface LockFile {
  file: string;
  /** `pixi.lock`, `conda-lock.yml`, `conda.lock`, `explicit lock`, and the version of its form. */
  form: string;
  version: string;
  /** By platform, with what it has of noarch, in the order of the file. */
  packages: ReadonlyMap<Subdir, readonly LockedPackage[]>;
  notConda: readonly NotConda[];
  /** Parts that were left out, in words for a note. */
  leftOut?: string | undefined;
  /** Tokens and passwords that stood in its URLs: never used, and to be kept out of every output. */
  secrets: readonly Secret[];
}

/** What the readers of the forms work with. */
export interface LockSource {
  file: string;
  text: string;
  /** `--lock-environment`; undefined: `default`. */
  environment: string | undefined;
  secrets: Secret[];
}
