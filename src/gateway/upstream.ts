import type { Channel } from '../conda/channel/channel.js';
import { loginFor } from '../base/channel-login.js';
import { reveal } from '../base/secret.js';
import type { HttpClient, HttpResponse } from '../runtime/http.js';
import { isRedirect, nextHop, refuseSecrets } from './redirect.js';
import { opensWithToken, wireUrl, type WireRules } from './wire-url.js';

export interface UpstreamRequest {
  channel: Channel;
  /** Below the channel: `linux-64/repodata.json.zst`. */
  path: string;
  method: 'GET' | 'HEAD';
  headers?: Readonly<Record<string, string>>;
  signal: AbortSignal;
}

/** Asks one file of a declared channel, once. The answer is never a redirect. Whoever gets it reads or discards its body. */
export interface Upstream {
  open(request: UpstreamRequest): Promise<HttpResponse>;
}

/** `identity`: what is hashed and written must be what lies there, and content codings are not decoded. */
const HEADERS = { accept: '*/*', 'accept-encoding': 'identity', 'user-agent': 'repackenv' };

interface HttpUpstreamOptions {
  rules: WireRules;
  maxRedirects: number;
  /** Waits until a request may go to the host. */
  pace?: ((host: string, signal: AbortSignal) => Promise<void>) | undefined;
}

/** A channel over https (or http where that is allowed). Rejects with socket errors as they are, and E_REDIRECT. */
export function httpUpstream(client: HttpClient, options: HttpUpstreamOptions): Upstream {
  return {
    async open({ channel, path, method, headers, signal }) {
      let url = wireUrl(channel, path, options.rules);
      const tokenOrigin = opensWithToken(channel, options.rules.token) ? url.origin : undefined;
      const login = loginFor(url, options.rules.logins);
      // With its port. http may become https there, never the reverse.
      const openings = { tokenOrigin, login, loginHost: login && url.host };
      const seen = new Set<string>();
      for (;;) {
        seen.add(url.href);
        refuseSecrets(url, { ...headers }, openings, options.rules);
        const opening = login && url.host === openings.loginHost ? { [login.header]: reveal(login.value) } : {};
        await options.pace?.(url.host, signal);
        const response = await client.request({
          method,
          url: url.href,
          headers: { ...HEADERS, ...headers, ...opening },
          signal,
        });
        if (!isRedirect(response.status)) return response;
        await response.discard();
        url = nextHop({ ...options, ...openings, from: url, location: response.headers['location'], seen });
      }
    },
  };
}
