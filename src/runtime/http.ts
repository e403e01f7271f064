import type { HttpDoor } from './http-door.js';
import { listenOnLoopback } from './loopback-server.js';
import { undiciClient } from './undici-client.js';

export type * from './http-door.js';

/** The real network. */
export function undiciHttp(): HttpDoor {
  return { client: undiciClient, listenLoopback: listenOnLoopback };
}
