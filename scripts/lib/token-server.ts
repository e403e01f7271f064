import { createHash } from 'node:crypto';
import { createReadStream, readFileSync, statSync, type Stats } from 'node:fs';
import {
  createServer,
  STATUS_CODES,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { readLayout, type UpstreamLayout } from './upstream-layout.js';

export type TokenServerOptions = {
  /** A folder with `upstream.json`. */
  dir: string;
  /** The one token that is right; every other one is answered like a path that does not exist. */
  token: string;
  /** Others that are right too. */
  alsoTokens?: readonly string[];
  /** What a token opens is shown without one too: to a client that drops it on the way. */
  open?: boolean;
  /** Owners whose channels only a token of their own opens. */
  ownerTokens?: Readonly<Record<string, string>>;
  /** Names of labels that have the same channel as the layout's own. */
  alsoLabels?: readonly string[];
  /** Default: a free one. */
  port?: number;
  /** Default 1. */
  generation?: number;
};

type RecordedRequest = {
  method: string;
  /** As asked, with the token in it. */
  path: string;
  headers: IncomingHttpHeaders;
  readonly status: number;
};

export type TokenServer = {
  /** `http://127.0.0.1:PORT`, without trailing slash. */
  url: string;
  port: number;
  layout: UpstreamLayout;
  /** Every request answered so far, in order of arrival. */
  requests: RecordedRequest[];
  /** From the next request on. Throws a RangeError for a generation that is not on disk. */
  setGeneration(generation: number): void;
  close(): Promise<void>;
};

/**
 * Serves an upstream on loopback like a channel host: `/prometeia/linux-64/…`, `/t/TOKEN/prometeia/label/halkbank/…` and the older
 * `/t/TOKEN/prometeia/channel/halkbank/…`; 404 for a wrong token; HEAD, ETag, Range.
 */
export async function startTokenServer(options: TokenServerOptions): Promise<TokenServer> {
  const kept = withLabels(readLayout(options.dir), options.alsoLabels ?? []);
  const layout = options.open === true ? opened(kept) : kept;
  const tokens = [options.token, ...(options.alsoTokens ?? [])];
  const requests: RecordedRequest[] = [];
  let generation = checkGeneration(layout, options.generation ?? 1);
  const server = createServer((request, response) => {
    const url = request.url ?? '';
    requests.push({
      method: request.method ?? '',
      path: url,
      headers: request.headers,
      // Read when asked: the answer is not there yet.
      get status() {
        return response.statusCode;
      },
    });
    const ownerTokens = options.ownerTokens ?? {};
    const path = locate({ layout, tokens, ownerTokens, root: join(options.dir, `gen${generation}`), url });
    answer(request, response, path).catch(() => response.destroy());
  });
  const port = await listen(server, options.port ?? 0);
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    layout,
    requests,
    setGeneration: (wanted) => {
      generation = checkGeneration(layout, wanted);
    },
    close: () => close(server),
  };
}

function withLabels(layout: UpstreamLayout, labels: readonly string[]): UpstreamLayout {
  const own = `${layout.owner}/label/${layout.label}`;
  const added = labels.flatMap((label) =>
    layout.channels.flatMap((each) => (each.path === own ? [{ ...each, path: `${layout.owner}/label/${label}` }] : [])),
  );
  return { ...layout, channels: [...layout.channels, ...added] };
}

function opened(layout: UpstreamLayout): UpstreamLayout {
  const channels = layout.channels.map((each) => ({ ...each, publicFolder: each.tokenFolder ?? each.publicFolder }));
  return { ...layout, channels };
}

function checkGeneration(layout: UpstreamLayout, generation: number): number {
  if (layout.generations.includes(generation)) return generation;
  throw new RangeError(`no generation ${generation}; there are ${layout.generations.join(', ')}`);
}

/** The file on disk for a URL path, or undefined for everything that is to be a 404. */
function locate(ask: {
  layout: UpstreamLayout;
  tokens: readonly string[];
  ownerTokens: Readonly<Record<string, string>>;
  root: string;
  url: string;
}): string | undefined {
  const tokened = /^\/t\/([^/]*)(\/.*)$/.exec(decoded(ask.url.split('?')[0] ?? ''));
  const path = tokened?.[2] ?? decoded(ask.url.split('?')[0] ?? '');
  const own = ask.ownerTokens[path.split('/')[1] ?? ''];
  if (tokened && !(own === undefined ? ask.tokens : [own]).includes(tokened[1] ?? '')) return undefined;
  const file = /^\/(.+)\/([a-z0-9]+-[a-z0-9]+|noarch)\/([^/\\]+)$/.exec(path);
  if (!file || file[3]?.startsWith('.')) return undefined;
  const identity = file[1]?.replace(/^([^/]+)\/channel\//, '$1/label/');
  const channel = ask.layout.channels.find((each) => each.path === identity);
  const folder = (tokened ? channel?.tokenFolder : null) ?? channel?.publicFolder;
  return folder ? join(ask.root, folder, file[2] ?? '', file[3] ?? '') : undefined;
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return '';
  }
}

async function answer(request: IncomingMessage, response: ServerResponse, path: string | undefined): Promise<void> {
  if (request.method !== 'GET' && request.method !== 'HEAD') return plain(response, 405);
  const stats = path === undefined ? undefined : statSync(path, { throwIfNoEntry: false });
  if (path === undefined || !stats?.isFile()) return plain(response, 404);
  const etag = etagOf(path, stats);
  response.setHeader('etag', etag);
  response.setHeader('last-modified', stats.mtime.toUTCString());
  response.setHeader('accept-ranges', 'bytes');
  if (request.headers['if-none-match'] === etag) return plain(response, 304);
  const range = rangeOf(request.headers, { etag, size: stats.size });
  if (range === 'unsatisfiable') {
    response.setHeader('content-range', `bytes */${stats.size}`);
    return plain(response, 416);
  }
  const { start, end } = range ?? { start: 0, end: stats.size - 1 };
  if (range) response.setHeader('content-range', `bytes ${start}-${end}/${stats.size}`);
  response.setHeader('content-type', path.endsWith('.json') ? 'application/json' : 'application/octet-stream');
  response.setHeader('content-length', end - start + 1);
  response.writeHead(range ? 206 : 200);
  if (request.method === 'HEAD' || stats.size === 0) response.end();
  else await pipeline(createReadStream(path, { start, end }), response);
}

function plain(response: ServerResponse, status: 304 | 404 | 405 | 416): void {
  // Not a bare number: that is JSON, and conda 26 takes JSON for an object with reasons.
  const body = status === 304 ? '' : `${status} ${STATUS_CODES[status] ?? ''}\n`;
  response.writeHead(status, status === 304 ? {} : { 'content-type': 'text/plain', 'content-length': body.length });
  response.end(response.req.method === 'HEAD' ? undefined : body);
}

type ByteRange = { start: number; end: number };

/** One range only; If-Range by ETag. Undefined: send the whole. */
function rangeOf(
  headers: IncomingHttpHeaders,
  file: { etag: string; size: number },
): ByteRange | 'unsatisfiable' | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(headers.range ?? '');
  if (!match || (!match[1] && !match[2])) return undefined;
  if (headers['if-range'] !== undefined && headers['if-range'] !== file.etag) return undefined;
  const last = file.size - 1;
  const range = match[1]
    ? { start: Number(match[1]), end: match[2] ? Math.min(Number(match[2]), last) : last }
    : { start: Math.max(file.size - Number(match[2]), 0), end: last };
  return range.start > range.end ? 'unsatisfiable' : range;
}

const etags = new Map<string, string>();

/** By content, since two generations may differ in a file of one size and time. */
function etagOf(path: string, stats: Stats): string {
  const key = `${path}\0${stats.size}\0${stats.mtimeMs}\0${stats.ino}`;
  let etag = etags.get(key);
  if (etag === undefined) {
    etag = `"${createHash('sha256').update(readFileSync(path)).digest('hex').slice(0, 32)}"`;
    etags.set(key, etag);
  }
  return etag;
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
