import { parseUrl } from '../../base/parse-url.js';

/** Where an installed artifact says it was published. */
export interface PublishedAt {
  /** Token-free identity URL of the channel. */
  channelUrl: string;
  subdir: string;
  fn: string;
  /** The URL held a token, its mask, or user information. */
  hadSecret: boolean;
}

/** `/t/<token or mask>` as conda writes it into URLs (conda `common/url.py`), with any characters a token may have. */
const TOKEN = /\/t\/[^/?#]*(?=\/|$)/;

/**
 * Takes `https://host/t/<TOKEN>/owner/linux-64/name-1-0.conda` apart. The token, or what masks it, is dropped and never used
 * (conda-incubator/conda-lock#70). Undefined for `<unknown>`, a name, or a URL of another shape.
 */
export function publishedAt(url: string | undefined): PublishedAt | undefined {
  const clean = url === undefined ? undefined : tokenFreeUrl(url);
  if (clean === undefined) return undefined;
  const segments = clean.url.split('/');
  const fn = decoded(segments.pop()!);
  const subdir = segments.pop();
  // scheme, empty, host (empty for a file): a channel has at least a host or a folder.
  if (subdir === undefined || fn === '' || subdir === '' || segments.length < 3) return undefined;
  return { channelUrl: segments.join('/'), subdir, fn, hadSecret: clean.hadSecret };
}

/** A file name out of a URL: mamba 2 writes `x264-1%21164.3095-0.conda` (mamba-org/mamba#3737). As it is where that is no encoding. */
export function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** A URL without token, mask, user information, query, fragment and trailing slash; undefined where it is none. */
export function tokenFreeUrl(text: string): { url: string; hadSecret: boolean } | undefined {
  // `<TOKEN>` is no legal part of a URL: cut before parsing, which would encode it.
  const bare = text.replace(TOKEN, '');
  const url = parseUrl(bare);
  if (url === undefined || !['http:', 'https:', 'file:'].includes(url.protocol)) return undefined;
  const hadSecret = bare !== text || url.username !== '' || url.password !== '' || url.search !== '';
  url.username = '';
  url.password = '';
  url.search = '';
  url.hash = '';
  return { url: url.href.replace(/\/+$/, ''), hadSecret };
}
