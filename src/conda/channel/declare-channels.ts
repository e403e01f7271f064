import { liesBelow, type Channel } from './channel.js';
import { RepackError } from '../../base/errors.js';

export interface ChannelDeclaration {
  baseUrl: string;
  owner: string;
  label: string;
  labelPath: 'label' | 'channel';
  /** Base channels as the user wrote them, highest priority first. */
  baseChannels: readonly string[];
  /** The label's token is at hand. */
  hasToken: boolean;
  /** Target subdirs: `defaults` has one channel more on Windows. */
  subdirs: readonly string[];
}

const ANACONDA_ORG = 'https://conda.anaconda.org';
const ANACONDA_DEFAULTS = 'https://repo.anaconda.com/pkgs';

/**
 * The label's channels, highest priority first (design D2a): the label's, the owner's, then the base channels as declared.
 * @throws RepackError E_CHANNEL
 */
export function declareChannels(declaration: ChannelDeclaration): Channel[] {
  const base = trimSlash(declaration.baseUrl);
  const ownerUrl = `${base}/${declaration.owner}`;
  const labelName = `${declaration.owner}/${declaration.labelPath}/${declaration.label}`;
  const channels: Channel[] = [
    { url: `${base}/${labelName}`, name: labelName, authenticated: declaration.hasToken, role: 'label' },
    { url: ownerUrl, name: declaration.owner, authenticated: declaration.hasToken, role: 'owner' },
    ...declaration.baseChannels.flatMap((text) => baseChannel(text, declaration)),
  ];
  const seen = new Set<string>();
  return channels.filter((channel) => !seen.has(channel.url) && seen.add(channel.url));
}

/**
 * One base channel as the user wrote it: a name below the base URL, `conda-forge`, `defaults` (which is several), or a URL. The token
 * opens it where it lies below the owner's URL.
 * @throws RepackError E_CHANNEL
 */
export function baseChannel(
  written: string,
  declaration: Pick<ChannelDeclaration, 'baseUrl' | 'hasToken' | 'subdirs'> & { owner: string | undefined },
): Channel[] {
  const text = written.includes('://') ? written : trimSlash(written);
  if (text === 'defaults') {
    const parts = ['main', 'r', ...(declaration.subdirs.some((subdir) => subdir.startsWith('win-')) ? ['msys2'] : [])];
    return parts.map((part) => ({
      url: `${ANACONDA_DEFAULTS}/${part}`,
      name: `defaults/${part}`,
      authenticated: false,
      role: 'base',
    }));
  }
  const url = parseChannelUrl(text === 'conda-forge' ? `${ANACONDA_ORG}/conda-forge` : text, declaration.baseUrl);
  const ownerUrl =
    declaration.owner === undefined ? undefined : `${trimSlash(declaration.baseUrl)}/${declaration.owner}`;
  // The token goes to the owner's host and paths, whatever role a channel plays there.
  const authenticated = declaration.hasToken && ownerUrl !== undefined && liesBelow(url, ownerUrl);
  return [{ url, name: text.includes('://') ? url : text, authenticated, role: 'base' }];
}

/**
 * The identity URL of a channel given as a URL or as a name below `baseUrl`: without token, user information or query.
 * @throws RepackError E_CHANNEL
 */
export function parseChannelUrl(text: string, baseUrl: string): string {
  if (!text.includes('://')) {
    if (/^[A-Za-z0-9_][A-Za-z0-9._-]*(\/[A-Za-z0-9_][A-Za-z0-9._-]*)*$/.test(text))
      return `${trimSlash(baseUrl)}/${text}`;
    throw new RepackError('E_CHANNEL', {
      what: `"${text}" is neither the name of a channel nor a URL`,
      where: '--channel',
      hint: 'Give a name (conda-forge, defaults), https://…, or file:///… for a folder.',
    });
  }
  const variable = /^file:.*?(\$\{?\w+\}?|%(?![0-9a-f]{2})[a-z_]\w*%)/i.exec(text)?.[1];
  if (variable !== undefined) {
    throw new RepackError('E_CHANNEL', {
      what: `This channel URL holds ${variable}, and nothing is filled in here`,
      where: `--channel ${text}`,
      hint: 'Write the path itself: file:///srv/mirror.',
    });
  }
  let url: URL;
  try {
    url = new URL(text);
  } catch (cause) {
    throw new RepackError('E_CHANNEL', {
      what: 'This channel URL can’t be read',
      where: '--channel',
      hint: 'Give it as https://host/path or file:///folder.',
      cause,
    });
  }
  if (!['https:', 'http:', 'file:'].includes(url.protocol)) {
    throw new RepackError('E_CHANNEL', {
      what: `Channels can’t be read over ${url.protocol}//`,
      where: `--channel ${url.protocol}//…`,
      hint: 'Use https://, file://, or http:// on loopback.',
    });
  }
  if (url.username !== '' || url.password !== '' || /\/t\/[^/]+/.test(url.pathname)) {
    throw new RepackError('E_CHANNEL', {
      what: 'A channel URL must not hold a token or a password',
      where: '--channel',
      hint: 'Give the token as TOKEN (env:NAME, file:PATH or -), which is sent to the owner’s channels by itself; user and password with --channel-login HOST=env:NAME.',
    });
  }
  if (url.search !== '' || url.hash !== '') {
    throw new RepackError('E_CHANNEL', {
      what: 'A channel URL has no query and no fragment',
      where: `--channel ${url.origin}${url.pathname}`,
      hint: 'Leave out what follows ? or #.',
    });
  }
  return trimSlash(url.href);
}

function trimSlash(url: string): string {
  return url.replace(/\/+$/, '');
}
