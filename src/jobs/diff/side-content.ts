import { recordDigest } from '../../channel/index/repodata.js';
import type { Subdir } from '../../conda/channel/channel.js';
import type { Manifest } from '../../channel/manifest/manifest.js';
import type { ChannelLogin } from '../../base/channel-login.js';
import type { Secret } from '../../base/secret.js';

export interface DiffRequest {
  /** As typed: a folder, a file, the URL or the name of a channel. */
  a: string;
  b: string;
  /** Only packages that both sides have, of a channel the newest version of each. */
  newest: boolean;
  /** Platforms of an upstream channel; empty: those of the other side. noarch always comes along. */
  subdirs: readonly Subdir[];
  token: Secret | undefined;
  logins?: readonly ChannelLogin[] | undefined;
  baseUrl: string;
  owner: string | undefined;
  cacheDir: string;
  allowHttp: readonly string[];
  maxIndexMb: number;
  requestsPerSecond: number | undefined;
  proxy: string | undefined;
  noProxy: readonly string[];
  caFiles: readonly string[];
}

/** What a side is made of. A file of an index may have an md5 only. */
export interface SideContent {
  files: readonly SideFileEntry[];
  /** Of a label folder: manifest, signature and SHA256SUMS, which are compared by the manifest but travel too. */
  root: readonly SideFileEntry[];
  manifest: Manifest | undefined;
}

export interface SideFileEntry {
  path: string;
  size: number;
  sha256: string | undefined;
  md5: string | undefined;
  /** Digest of its record, made when it is asked for. */
  record: (() => string | undefined) | undefined;
}

/** Lazily, since two channels may have a hundred thousand records that are not on the other side. */
export function lazyRecordDigest(entry: Parameters<typeof recordDigest>[0]): () => string {
  return () => recordDigest(entry);
}
