import type { HttpClient, HttpClientOptions, HttpDoor } from './http-door.js';
import { listenOnLoopback } from './loopback-server.js';

export type * from './http-door.js';

/** The real network. */
export function undiciHttp(): HttpDoor {
  return {
    client: clientWhenAsked,
    listenLoopback: listenOnLoopback,
    listenPublic: async (options) => (await import('./public-server.js')).listenPublic(options),
  };
}

/** undici is loaded with the first request: that takes 0.1 s, in which the solver's thread starts beside it. */
function clientWhenAsked(options: HttpClientOptions): HttpClient {
  let client: Promise<HttpClient> | undefined;
  return {
    async request(request) {
      client ??= import('./undici-client.js').then(({ undiciClient }) => undiciClient(options));
      return (await client).request(request);
    },
    async close() {
      await (await client)?.close();
    },
  };
}
