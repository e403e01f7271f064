import type { Subdir } from '../../conda/channel/channel.js';
import type { Finding } from '../../base/findings.js';
import type { Secret } from '../../base/secret.js';
import type { MirrorFilter } from './filter.js';

/** A channel of the mirror file, token-free. */
export interface MirrorChannel {
  /** As written, without the token: `defaults`, `conda-forge`, a name below --base-url, or a URL. */
  readonly text: string;
  /** The token goes there: written as `{url: …, token: true}`, or the URL held one. */
  readonly token: boolean;
  readonly line: number | undefined;
}

export interface MirrorInstaller {
  readonly url: string;
  readonly sha256: string;
  /** File name in `installers/`. */
  readonly name: string;
  readonly line: number | undefined;
}

/** Where a value comes from: a line of the file, an option, or nothing but the default. */
export interface MirrorOrigin {
  readonly line?: number | undefined;
  /** `default`, `file`, or the option's name (`--account`). */
  readonly from: string;
}

/** Keys of a mirror file, in the order in which they are shown. */
export const MIRROR_KEYS = [
  'channels',
  'platforms',
  'mirror_dir',
  'remote_url',
  'fetch_installers',
  'installers',
  'license_blacklist',
  'blacklist',
  'whitelist',
  'include',
  'exclude',
  'python',
  'since',
  'until',
  'latest',
  'with_dependencies',
  'delta',
  'delta_dir',
  'shrink_limit',
] as const;

export type MirrorKey = (typeof MIRROR_KEYS)[number];

/** A mirror file, read and checked. */
export interface MirrorSettings {
  /** Where it was read from. */
  readonly file: string | undefined;
  /** Highest priority first; absent in the file: `defaults`. */
  readonly channels: readonly MirrorChannel[];
  /** Without noarch, which always comes along; absent: all platforms that the old tools know. */
  readonly platforms: readonly Subdir[];
  /** As written; see `resolveMirrorDir`. */
  readonly mirrorDir: string;
  /** Set by --account: the mirror is the folder of that name in `mirrorDir`. */
  readonly account: string | undefined;
  /** Where installers named by `file` are below; '' = none. Ends with `/` otherwise. */
  readonly remoteUrl: string;
  readonly fetchInstallers: boolean;
  readonly installers: readonly MirrorInstaller[];
  readonly filter: MirrorFilter;
  /** After a run that changed something an unpacked delta is left in `deltaDir`. */
  readonly delta: boolean;
  readonly deltaDir: string | undefined;
  /** Share (0 to 1) of the mirror's artifacts that may vanish upstream in one run without --allow-shrink. */
  readonly shrinkLimit: number;
  /** A token that stood in a channel's URL. Register it with the redactor before anything is printed. */
  readonly token: Secret | undefined;
  /** What deserves a warning: a token in the file, old spellings. Token-free. */
  readonly warnings: readonly Finding[];
  readonly origins: Readonly<Record<MirrorKey, MirrorOrigin>>;
}

/** Of the mirror's artifacts, that share may vanish upstream in one run without --allow-shrink. */
export const DEFAULT_SHRINK_LIMIT = 0.1;

/** cas-mirror's default for `mirror_dir`. */
export const DEFAULT_MIRROR_DIR = '/opt/cas-mirror';

/** cas-mirror's default for `remote_url`. */
export const DEFAULT_REMOTE_URL = 'https://repo.anaconda.com/';

/** cas-mirror's default for `platforms`, less what no channel has any more, and with the platforms that came since. */
export const DEFAULT_PLATFORMS: readonly Subdir[] = [
  'linux-32',
  'linux-64',
  'linux-aarch64',
  'linux-armv6l',
  'linux-armv7l',
  'linux-ppc64le',
  'linux-s390x',
  'osx-64',
  'osx-arm64',
  'win-32',
  'win-64',
];
