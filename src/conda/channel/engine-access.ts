import type { Channel } from './channel.js';

/** How an engine reaches its channels: only through the gateway's loopback proxy (design D1). Holds no token. */
export interface EngineAccess {
  /** `http://run:PASSWORD@127.0.0.1:PORT`, good for this run only. */
  proxyUrl: string;
  /** Highest priority first. `url` is what the engine is told: plain http, the same from run to run. */
  channels: readonly { channel: Channel; url: string }[];
}
