import type { Subdir } from '../../conda/channel/channel.js';

/** A channel of the mirror file, token-free. */
export interface MirrorChannel {
  /** As written, without the token: `defaults`, `conda-forge`, a name below --base-url, or a URL. */
  readonly text: string;
  /** The token goes there: written as `{url: …, token: true}`, or the URL held one. */
  readonly token: boolean;
  readonly line: number | undefined;
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
