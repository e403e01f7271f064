/**
 * A conda channel as the user declared it. `url` is its identity: absolute, without token, userinfo, query or trailing slash,
 * in the scheme of the upstream (`https://conda.anaconda.org/prometeia/label/halkbank`, `file:///srv/channel`).
 * Nothing secret is in it, so it may be printed, stored and compared.
 */
export interface Channel {
  readonly url: string;
  /** What people call it: `prometeia/label/halkbank`, `conda-forge`, `defaults/main`. */
  readonly name: string;
  /** True where the label's token opens it (`…/t/TOKEN/…` on the wire). Only the gateway's client acts on it. */
  readonly authenticated: boolean;
  readonly role: 'label' | 'owner' | 'base';
}

/** `linux-64`, `noarch`, … checked by `parseSubdir` (CEP 26: `^[a-z0-9]+-[a-z0-9]+$` or `noarch`). */
export type Subdir = string;

export const NOARCH: Subdir = 'noarch';

/** A channel of which only the URL is known, e.g. from a manifest; no token opens it. */
export function channelAt(url: string): Channel {
  return { url, name: url, authenticated: false, role: 'base' };
}

/** Whether a channel's identity URL is `base`, or lies below it: then a token of that place opens it, whatever role it plays. */
export function liesBelow(url: string, base: string): boolean {
  const folder = base.replace(/\/+$/, '');
  return url === folder || url.startsWith(`${folder}/`);
}

/** The identity URL of a file in a channel. */
export function channelFileUrl(channel: Channel, subdir: Subdir, file: string): string {
  return `${channel.url}/${subdir}/${file}`;
}

export type ChannelPriority = 'strict' | 'flexible' | 'disabled';
