import { join } from 'node:path';
import type { Channel, Subdir } from '../conda/channel/channel.js';
import type { EngineAccess } from '../conda/channel/engine-access.js';
import { loginFor, type ChannelLogin } from '../base/channel-login.js';
import { RepackError } from '../base/errors.js';
import type { Finding } from '../base/findings.js';
import type { RepodataIndex, RepodataSource } from '../conda/record/repodata-index.js';
import { reveal, type Secret } from '../base/secret.js';
import type { ArtifactStore, FetchArtifact, StoredFile } from '../conda/plan/artifact-store.js';
import type { Runtime } from '../runtime/runtime.js';
import { fetchToStore, publishedBytes, type ArtifactContext } from './artifact-fetch.js';
import { fetchSingleFile, type FileRequest } from './file-fetch.js';
import { fileUpstream } from './file-upstream.js';
import { DEFAULT_LIMITS, type GatewayLimits } from './limits.js';
import type { EngineView } from './engine/repodata.js';
import type { LoopbackProxy } from './engine/loopback-proxy.js';
import { fetchSideFile } from './side-files.js';
import { openRepodataCache } from './repodata/cache.js';
import { repodataFetcher, type RepodataFetcher } from './repodata/fetch.js';
import type { SharedIndexes } from './repodata/shared-indexes.js';
import { repodataBook, type IndexRead, type Reach } from './repodata/source.js';
import { httpUpstream, type Upstream } from './upstream.js';
import { checkChannels, openLogins, secretsOf, tokenBaseOf, wireUrl, type WireRules } from './wire-url.js';
import { parseUrl } from '../base/parse-url.js';

export interface GatewayOptions {
  /** The declared channels, highest priority first. Nothing else is ever asked. */
  channels: readonly Channel[];
  /** Goes to the `authenticated` channels only. */
  token?: Secret | undefined;
  /** Each goes to its host only, whatever channel lies there. */
  logins?: readonly ChannelLogin[] | undefined;
  /** The repodata cache is `<cacheDir>/repodata`. */
  cacheDir: string;
  /** What of an index the label's clients may see (design D1b). */
  view: (index: RepodataIndex) => RepodataIndex;
  /** What of a viewed index a real engine may choose from; all by default. */
  showsEngine?: EngineView | undefined;
  /** Outer proxy, `http://USER:PASSWORD@HOST:PORT`, and the hosts that are reached without it. */
  proxy?: string | undefined;
  noProxy?: readonly string[];
  /** PEM texts of own CAs. */
  ca?: readonly string[];
  /** Hosts that may be asked over plain http, without a token. */
  allowHttp?: readonly string[];
  /** At most so many to one host, of all gateways of this process together; of all workers, where it works for a queue. */
  requestsPerSecond?: number | undefined;
  /** Keeps every artifact that passes. */
  store: ArtifactStore;
  limits?: Partial<GatewayLimits>;
  /** 0 up to, not including, 1: the jitter of waits. */
  random?: () => number;
  /** Every index is fetched whole, past the repodata cache and any cache on the way. */
  fresh?: boolean;
  /** All that will be asked of the indexes; left open: anything. */
  reach?: Reach | undefined;
  /** What gateways of other labels in this process fetched in the same way is not fetched again. */
  indexes?: SharedIndexes | undefined;
}

/** Where the indexes are kept, and what comes of them alone. */
export function repodataDir(cacheDir: string): string {
  return join(cacheDir, 'repodata');
}

export type GatewayRuntime = Pick<Runtime, 'fs' | 'http' | 'clock' | 'pace' | 'events' | 'machine' | 'signal'>;

/** The one way to the channels (design D1). As a RepodataSource it gives the indexes as published. */
export interface Gateway extends RepodataSource {
  /** The indexes through the label's view. */
  readonly viewed: RepodataSource;
  readonly fetchArtifact: FetchArtifact;
  /** A single file by its URL (an installer), into a store. Throws as `fetchArtifact`, and E_CHANNEL, E_CHANNEL_HTTP for the URL. */
  fetchFile(file: FileRequest): Promise<StoredFile>;
  /** A small file beside the artifacts (an attestation); undefined where the channel has none. */
  fetchSideFile(
    channel: Channel,
    subdir: Subdir,
    name: string,
    options: { maxBytes: number },
  ): Promise<Uint8Array | undefined>;
  /** Starts the proxy that an engine is given; the same one when called again. */
  listen(): Promise<EngineAccess>;
  /** sha256 of what an engine asked for and the store did not have. */
  readonly fetchedForEngine: ReadonlySet<string>;
  findings(): Finding[];
  /** The indexes that were read so far, in the order in which they were asked for. */
  indexesRead(): Promise<IndexRead[]>;
  /** What engines' requests failed with, each once, in order: the true cause behind an engine's own words. */
  failures(): RepackError[];
  /** Breaks off what is under way. */
  close(): Promise<void>;
}

/**
 * Opens the gateway; asks nothing yet. Alone knows token, outer proxy, CAs, retries, caches and digests.
 *
 * Throws E_CHANNEL, E_CHANNEL_HTTP (bad-inputs A20), E_CONFIG for a proxy URL that can't be used. Its methods throw E_UPSTREAM,
 * E_UPSTREAM_NOT_FOUND, E_TOKEN_REFUSED, E_LOGIN_REFUSED, E_TLS, E_REDIRECT, E_REPODATA, E_ARTIFACT_MISSING, E_ARTIFACT_DIGEST.
 */
export async function openGateway(rt: GatewayRuntime, options: GatewayOptions): Promise<Gateway> {
  const { channels, token, logins, store, requestsPerSecond: most } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const rules: WireRules = { token, logins, tokenBase: tokenBaseOf(channels), allowHttp: options.allowHttp ?? [] };
  checkChannels(channels, rules);
  for (const message of openLogins(channels, rules)) rt.events.emit({ type: 'warning', message });
  const client = rt.http.client({
    proxy: options.proxy === undefined ? undefined : checkedProxy(options.proxy),
    noProxy: options.noProxy ?? [],
    ca: options.ca ?? [],
    ...limits,
  });
  const closing = new AbortController();
  const signal = AbortSignal.any([rt.signal, closing.signal]);
  const upstream = eitherUpstream(
    fileUpstream(rt.fs),
    httpUpstream(client, {
      rules,
      maxRedirects: limits.maxRedirects,
      pace: most === undefined ? undefined : (host, wanted) => rt.pace.wait(host, most, wanted),
    }),
  );
  const random = options.random ?? Math.random;
  const transfers = { rt, limits, since: rt.clock.monotonic(), upstream, random, down: new Set<string>() };
  const cache = await openRepodataCache(rt, repodataDir(options.cacheDir), secretsOf(rules));
  const alone = repodataFetcher({
    ...transfers,
    fs: rt.fs,
    cache,
    channels,
    rules,
    signal,
    fresh: options.fresh ?? false,
  });
  const { indexes } = options;
  const fetcher = indexes === undefined ? alone : sharing(alone, { indexes, rules, signal, options, limits });
  const book = repodataBook({ channels, fetcher, rules, view: options.view, reach: options.reach });
  const artifacts: ArtifactContext = { ...transfers, book, rules };
  const failures = new Map<string, RepackError>();
  const fetchedForEngine = new Set<string>();
  let proxy: Promise<LoopbackProxy> | undefined;

  return {
    repodata: (channel, subdir) => book.published(channel, subdir),
    viewed: { repodata: (channel, subdir) => book.viewed(channel, subdir) },
    async fetchArtifact(artifact, { store: target, signal: wanted, onBytes }) {
      const { channel, expected } = publishedBytes(artifact);
      const { subdir, fn } = artifact;
      const tap = onBytes && {
        write: (chunk: Uint8Array) => onBytes(chunk.length),
        restart: (dropped: number) => onBytes(-dropped),
      };
      const both = AbortSignal.any([signal, wanted]);
      return fetchToStore(artifacts, {
        channel,
        subdir,
        fn,
        expected,
        store: target,
        signal: both,
        tap,
      });
    },
    fetchFile: (file) => fetchSingleFile({ ...transfers, rules }, { ...file, signal }),
    fetchSideFile: (channel, subdir, name, { maxBytes }) =>
      fetchSideFile(artifacts, { channel, subdir, name, maxBytes, signal }),
    async listen() {
      const onFailure = (error: RepackError): void => {
        const key = `${error.code} ${error.where ?? ''}`;
        if (!failures.has(key)) failures.set(key, error);
      };
      proxy ??= import('./engine/loopback-proxy.js').then(({ startLoopbackProxy }) =>
        startLoopbackProxy(rt, {
          channels,
          book,
          shows: options.showsEngine,
          artifacts,
          store,
          signal,
          onFailure,
          onFetched: ({ sha256 }) => void fetchedForEngine.add(sha256),
        }),
      );
      return (await proxy).access;
    },
    fetchedForEngine,
    findings: () => book.findings(),
    indexesRead: () => book.read(),
    failures: () => [...failures.values()],
    async close() {
      closing.abort(new Error('the gateway is closed'));
      await proxy?.then(
        (started) => started.close(),
        () => {},
      );
      await client.close();
    },
  };
}

/** Only a gateway that would send the same request, with the same token or login, the same way, shares what another was answered. */
function sharing(
  alone: RepodataFetcher,
  how: {
    indexes: SharedIndexes;
    rules: WireRules;
    signal: AbortSignal;
    options: GatewayOptions;
    limits: GatewayLimits;
  },
): RepodataFetcher {
  const { indexes, rules, signal, options, limits } = how;
  const { proxy, noProxy, ca, allowHttp, fresh } = options;
  return {
    ...alone,
    whole(channel, subdir) {
      const url = wireUrl(channel, subdir, rules);
      const login = loginFor(url, rules.logins);
      const opening = login && [login.header, reveal(login.value)];
      const way = [channel.url, url.href, opening, channel.authenticated, proxy, noProxy, ca, allowHttp, fresh, limits];
      return indexes.fetch(way, signal, () => alone.whole(channel, subdir));
    },
  };
}

function eitherUpstream(file: Upstream, http: Upstream): Upstream {
  return { open: (request) => (request.channel.url.startsWith('file:') ? file : http).open(request) };
}

/** Throws E_CONFIG without showing the URL: it may hold a password. */
function checkedProxy(proxy: string): string {
  const withScheme = proxy.includes('://') ? proxy : `http://${proxy}`;
  if (/^https?:$/.test(parseUrl(withScheme)?.protocol ?? '')) return withScheme;
  throw new RepackError('E_CONFIG', {
    what: 'The URL of the outer proxy can not be read, or is of a kind that is not supported',
    where: 'proxy',
    hint: 'Give it as http://HOST:PORT or http://USER:PASSWORD@HOST:PORT, with %40 for an @ in the password.',
  });
}
