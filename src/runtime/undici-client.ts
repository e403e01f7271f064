import { BlockList, isIP } from 'node:net';
import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls';
import type { Dispatcher } from 'undici';
import Agent from 'undici/lib/dispatcher/agent.js';
import type { HttpClient, HttpClientOptions, HttpRequest, HttpResponse } from './http-door.js';
import { dispatchRequest } from './undici-response.js';

/** The one client: direct or through the outer proxy, as `noProxy` says. */
export function undiciClient(options: HttpClientOptions): HttpClient {
  const made = new Map<string, Promise<Dispatcher>>();
  const dispatcherFor = (url: URL): Promise<Dispatcher> => {
    const direct = options.proxy === undefined || bypassesProxy(url, options.noProxy);
    const secure = url.protocol === 'https:' || (!direct && /^https:/i.test(options.proxy ?? ''));
    const key = `${direct} ${secure}`;
    const dispatcher = made.get(key) ?? makeDispatcher(options, { direct, secure });
    made.set(key, dispatcher);
    return dispatcher;
  };
  return {
    async request(request) {
      const url = new URL(request.url);
      try {
        return await send(await dispatcherFor(url), url, request, options);
      } catch (error) {
        throw namedProxyError(error);
      }
    },
    async close() {
      await Promise.all([...made.values()].map(async (dispatcher) => (await dispatcher).destroy()));
    },
  };
}

async function makeDispatcher(
  options: HttpClientOptions,
  { direct, secure }: { direct: boolean; secure: boolean },
): Promise<Dispatcher> {
  const { ca, connectTimeoutMs: timeout, maxConnectionsPerOrigin: connections } = options;
  const connect = secure && ca.length > 0 ? { secureContext: trusting(ca), timeout } : { timeout };
  if (direct || options.proxy === undefined) return new Agent({ connect, connections });
  const { throughProxy } = await import('./undici-proxy.js');
  return throughProxy(options.proxy, options, connect);
}

function send(
  dispatcher: Dispatcher,
  url: URL,
  request: HttpRequest,
  options: HttpClientOptions,
): Promise<HttpResponse> {
  return dispatchRequest(dispatcher, {
    origin: url.origin,
    path: url.pathname + url.search,
    method: request.method,
    headers: { ...request.headers },
    ...(request.body === undefined ? {} : { body: request.body as Dispatcher.DispatchOptions['body'] }),
    signal: request.signal,
    headersTimeout: options.idleTimeoutMs,
    bodyTimeout: options.idleTimeoutMs,
    answerTimeoutMs: options.answerTimeoutMs,
    finishTimeoutMs: options.finishTimeoutMs,
  });
}

const contexts = new Map<string, SecureContext>();

/**
 * Own CAs replace the built-in list, so that one is given along. Reading its 150 certificates takes 0.1 s: done once, and only for whom TLS
 * is spoken with.
 */
function trusting(ca: readonly string[]): SecureContext {
  const key = ca.join('\n');
  const context = contexts.get(key) ?? createSecureContext({ ca: [...rootCertificates, ...ca] });
  contexts.set(key, context);
  return context;
}

/** undici tells a refusing proxy only in words. */
function namedProxyError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const status = /^Proxy (?:response|Authentication Required) \((\d{3})\)/.exec(error.message)?.[1];
  if (status === undefined) return error;
  return Object.assign(new Error(`the proxy answered ${status}`), { code: `PROXY_${status}` });
}

/**
 * Whether a URL goes past the proxy. Entries as in `NO_PROXY`: `*`, `host`, `.domain` or `*.domain` (the domain too), each with
 * an optional `:port`; an address; and, unlike undici's own reading, a CIDR block.
 */
export function bypassesProxy(url: URL, noProxy: readonly string[]): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  return noProxy.some((entry) => entryCovers(entry.trim().toLowerCase(), host, port));
}

function entryCovers(entry: string, host: string, port: string): boolean {
  if (entry === '') return false;
  if (entry === '*') return true;
  if (entry.includes('/')) return blockCovers(entry, host);
  const bracketed = /^\[(.+)\](?::(\d+))?$/.exec(entry);
  const [, name = entry, entryPort] = bracketed ?? (isIP(entry) === 6 ? [] : (/^(.+?)(?::(\d+))?$/.exec(entry) ?? []));
  if (entryPort !== undefined && entryPort !== port) return false;
  const domain = name.replace(/^\*?\./, '');
  return host === domain || (isIP(domain) === 0 && host.endsWith(`.${domain}`));
}

function blockCovers(entry: string, host: string): boolean {
  const [network = '', bits = ''] = entry.split('/');
  const family = isIP(network);
  if (family === 0 || isIP(host) !== family || !/^\d{1,3}$/.test(bits) || Number(bits) > (family === 4 ? 32 : 128))
    return false;
  const type = family === 4 ? 'ipv4' : 'ipv6';
  const block = new BlockList();
  block.addSubnet(network, Number(bits), type);
  return block.check(host, type);
}
