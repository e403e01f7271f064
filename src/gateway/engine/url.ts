import { createHash } from 'node:crypto';
import { isSubdir } from '../../conda/channel/names.js';
import type { Channel, Subdir } from '../../conda/channel/channel.js';
import { isLoopback } from '../wire-url.js';
import { parseUrl } from '../../base/parse-url.js';

/** Hosts that do not exist (RFC 6761): what an engine asks of them can only mean the gateway. */
const INVENTED = 'repackenv.invalid';

/**
 * The URL under which an engine knows a channel: plain http, so that it asks the proxy and not for a tunnel, and the same from run
 * to run, so that its package cache keeps its hits (design D1). Loopback and folders get an invented host, since engines go past
 * their proxy for 127.0.0.1.
 */
export function engineUrl(channel: Channel): string {
  const url = new URL(channel.url);
  if (url.protocol === 'file:') {
    const key = createHash('sha256').update(channel.url).digest('hex').slice(0, 12);
    const name = (url.pathname.split('/').at(-1) ?? '').replace(/[^A-Za-z0-9_.-]+/g, '-');
    return `http://file.${INVENTED}/${key}/${name === '' ? 'channel' : name}`;
  }
  const path = url.pathname.replace(/\/+$/, '');
  if (!isLoopback(url.hostname)) return `http://${url.host}${path}`;
  return `http://${url.host.replace(/[^a-z0-9]+/gi, '-').replace(/^-+|-+$/g, '')}.${INVENTED}${path}`;
}

export interface EngineTarget {
  channel: Channel;
  subdir: Subdir;
  file: string;
}

/** Reads an engine's request target (absolute form); undefined for anything but `<channel>/<subdir>/<file>` of a declared channel. */
export function readEngineTarget(
  target: string,
  channels: readonly { channel: Channel; url: string }[],
): EngineTarget | undefined {
  const url = /^http:\/\//i.test(target) ? parseUrl(target) : undefined;
  if (url === undefined) return undefined;
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') return undefined;
  const asked = `${url.origin}${url.pathname}`;
  for (const { channel, url: known } of channels) {
    if (!asked.startsWith(`${known}/`)) continue;
    const [subdir = '', file = '', ...more] = asked
      .slice(known.length + 1)
      .split('/')
      .map(decodedSegment);
    if (more.length === 0 && isSubdir(subdir) && /^[A-Za-z0-9_][A-Za-z0-9_.+!-]*$/.test(file))
      return { channel, subdir, file };
  }
  return undefined;
}

/** A segment that can not be decoded, or turns out to hold a slash, matches no name afterwards. */
function decodedSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return '';
  }
}
