import { isSubdir } from '../../conda/channel/names.js';
import type { PrefixRecord } from '../../conda/record/records.js';
import { publishedAt } from '../../conda/channel/token-free-url.js';
import type { PublishedAt } from '../../conda/channel/token-free-url.js';

/**
 * The channel place that an installed artifact names by its `url` (`channel` may be a name, or `<unknown>`). Undefined for one that
 * was installed from a local file: a file in a folder that is no channel's subdir, or whose channel is `<unknown>`.
 */
export function channelPlaceOf(record: PrefixRecord): PublishedAt | undefined {
  if (record.channel === '<unknown>') return undefined;
  const place = publishedAt(record.url);
  return place === undefined || place.fn !== record.fn || !isSubdir(place.subdir) ? undefined : place;
}
