import { BlockList, isIP } from 'node:net';
import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls';
import { Agent, Pool, ProxyAgent, type Dispatcher } from 'undici';
import type { HttpClient, HttpClientOptions, HttpRequest, HttpResponse } from './http-door.js';
import { dispatchRequest } from './undici-response.js';

/** The one client: direct or through the outer proxy, as `noProxy` says. */
export function undiciClient(options: HttpClientOptions): HttpClient {
  const connect = connection(options);
  const direct = new Agent({ connect, connections: options.maxConnectionsPerOrigin });
  const proxied = options.proxy === undefined ? undefined : throughProxy(options.proxy, options, connect);
  return {
    async request(request) {
      const url = new URL(request.url);
      const dispatcher = proxied === undefined || bypassesProxy(url, options.noProxy) ? direct : proxied;
      try {
        return await send(dispatcher, url, request, options);
      } catch (error) {
        throw namedProxyError(error);
      }
    },
    async close() {
      await Promise.all([direct.destroy(), proxied?.destroy()]);
    },
  };
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
    signal: request.signal,
    headersTimeout: options.idleTimeoutMs,
    bodyTimeout: options.idleTimeoutMs,
    answerTimeoutMs: options.answerTimeoutMs,
    finishTimeoutMs: options.finishTimeoutMs,
  });
}

function throughProxy(proxy: string, options: HttpClientOptions, connect: Connection): ProxyAgent {
  const uri = new URL(proxy);
  const credentials = [uri.username, uri.password].map(decodeURIComponent).join(':');
  uri.username = '';
  uri.password = '';
  const pool = (origin: string | URL, given: object): Pool =>
    new Pool(origin, {
      ...given,
      connections: options.maxConnectionsPerOrigin,
      headersTimeout: options.idleTimeoutMs,
      bodyTimeout: options.idleTimeoutMs,
    });
  return new ProxyAgent({
    uri: uri.href,
    // By itself undici sends a user name only together with a password.
    ...(credentials === ':' ? {} : { token: `Basic ${Buffer.from(credentials).toString('base64')}` }),
    // Without this, undici 7 asks for a tunnel for plain http too, which many proxies refuse.
    proxyTunnel: false,
    requestTls: connect,
    proxyTls: connect,
    factory: pool,
    clientFactory: pool,
  });
}

type Connection = { secureContext?: SecureContext; timeout: number };

function connection({ ca, connectTimeoutMs: timeout }: HttpClientOptions): Connection {
  return ca.length === 0 ? { timeout } : { secureContext: trusting(ca), timeout };
}

const contexts = new Map<string, SecureContext>();

/** Own CAs replace the built-in list, so that one is given along; reading its 150 certificates takes 0.1 s, and is done once. */
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
