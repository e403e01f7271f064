import { Pool, ProxyAgent } from 'undici';
import type { HttpClientOptions } from './http-door.js';

/** `proxy` may hold credentials. Here undici is loaded whole: tunnels need more of it. */
export function throughProxy(proxy: string, options: HttpClientOptions, connect: object): ProxyAgent {
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
