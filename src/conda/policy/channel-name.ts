import { channelAt, liesBelow } from '../channel/channel.js';
import { channelsOfSpec } from '../spec/match-spec.js';

/** Does a channel's identity URL stand under this name: the URL, its path (`conda-forge`, `acme/label/x`), or `defaults`? */
export function isChannel(name: string, url: string | null | undefined): boolean {
  if (url === null || url === undefined) return false;
  if (name === 'defaults' || name.startsWith('defaults/'))
    return liesBelow(url, `https://repo.anaconda.com/pkgs${name.slice('defaults'.length)}`);
  return channelsOfSpec({ channel: name.replace(/\/+$/, '') }, [channelAt(url)]).length > 0;
}
