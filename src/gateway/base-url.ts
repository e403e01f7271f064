import type { Channel, Subdir } from '../conda/channel/channel.js';
import { RepackError } from '../base/errors.js';
import { decoded, displayUrl } from './wire-url.js';
import { parseUrl } from '../base/parse-url.js';

/** Where a channel's artifacts are asked: `folder` below `channel`, without slashes at its ends, perhaps empty. */
export interface ArtifactPlace {
  channel: Channel;
  folder: string;
}

/**
 * The place an index's artifacts lie at: beside it, or where its `base_url` says (CEP 15), as long as that is within a declared
 * channel, whose own rules (token or none) then hold. Throws E_REPODATA (bad-inputs N8).
 */
export function artifactPlace(options: {
  channel: Channel;
  subdir: Subdir;
  baseUrl: string | undefined;
  declared: readonly Channel[];
}): ArtifactPlace {
  const { channel, subdir, baseUrl, declared } = options;
  if (baseUrl === undefined) return { channel, folder: subdir };
  const where = `${channel.url}/${subdir}`;
  if (/(^|[\\/])(\.|%2e){2}([\\/]|$)/i.test(baseUrl)) throw refused(where, baseUrl, 'it goes up with ".."');
  const url = parseUrl(baseUrl, `${where}/`);
  if (url === undefined) throw refused(where, baseUrl, 'it can not be read');
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw refused(where, baseUrl, 'it holds user information, a query or a fragment');
  }
  const target = url.href.replace(/\/+$/, '');
  const within = declared
    .filter((each) => target === each.url || target.startsWith(`${each.url}/`))
    .sort((a, b) => b.url.length - a.url.length)[0];
  if (within === undefined) throw refused(where, baseUrl, 'it is in none of the declared channels');
  return { channel: within, folder: decoded(target.slice(within.url.length + 1)) };
}

function refused(where: string, baseUrl: string, why: string): RepackError {
  return new RepackError('E_REPODATA', {
    what: `The index keeps its packages at a base_url that is not followed: ${why} (${displayUrl(baseUrl)})`,
    where,
    hint: 'If you trust that place, declare it as a channel too.',
  });
}
