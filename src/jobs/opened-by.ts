import type { Secret } from '../base/secret.js';
import { liesBelow, type Channel } from '../conda/channel/channel.js';

/** A channel of which only the URL was known, as the token of this request opens it, if it does. */
export function openedBy(
  { token, tokenBaseUrl }: { token: Secret | undefined; tokenBaseUrl: string },
  channel: Channel,
): Channel {
  return { ...channel, authenticated: token !== undefined && liesBelow(channel.url, tokenBaseUrl) };
}
