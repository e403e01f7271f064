import { fileURLToPath } from 'node:url';
import type { Channel } from '../conda/channel/channel.js';
import { loginFor, type ChannelLogin } from '../base/channel-login.js';
import { RepackError } from '../base/errors.js';
import { holdsSecret } from '../base/secret-forms.js';
import { reveal, type Secret } from '../base/secret.js';
import { parseUrl } from '../base/parse-url.js';

/** What decides where the token goes and where plain http may be spoken. */
export interface WireRules {
  token: Secret | undefined;
  logins?: readonly ChannelLogin[] | undefined;
  /** See {@link tokenBaseOf}. */
  tokenBase: string;
  /** Hosts (`host` or `host:port`) that may be asked over http, without a token. */
  allowHttp: readonly string[];
}

/**
 * Refuses channels that the gateway must not ask: other schemes than https, http and file; URLs that hold user information, a
 * query or a fragment; http beyond loopback, unless allowed by host and without a token. Throws E_CHANNEL, E_CHANNEL_HTTP.
 */
export function checkChannels(channels: readonly Channel[], rules: WireRules): void {
  for (const channel of channels) {
    const url = parseUrl(channel.url);
    if (url === undefined) throw badChannel(channel.name, 'its URL can not be read');
    if (!['https:', 'http:', 'file:'].includes(url.protocol))
      throw badChannel(channel.name, `it has the scheme "${url.protocol}"`);
    if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
      throw badChannel(displayUrl(channel.url), 'its URL holds user information, a query or a fragment');
    }
    if (/\/t\/[^/]/.test(url.pathname)) throw badChannel(displayUrl(channel.url), 'its URL holds a token');
    if (url.protocol === 'http:') checkPlainHttp(channel, url, rules);
    if (url.protocol === 'file:') checkFolder(channel.url);
  }
}

/** A folder must be one of this machine: three slashes; on Windows a share has two. */
function checkFolder(url: string): void {
  try {
    fileURLToPath(url);
  } catch (cause) {
    throw new RepackError('E_CHANNEL', {
      what: 'This URL names a host, not a folder of this machine',
      where: url,
      hint: `Write three slashes: ${url.replace('file://', 'file:///')}`,
      cause,
    });
  }
}

function checkPlainHttp(channel: Channel, url: URL, rules: WireRules): void {
  if (isLoopback(url.hostname)) return;
  if (opensWithToken(channel, rules.token)) {
    throw new RepackError('E_CHANNEL_HTTP', {
      what: 'A token is never sent over plain http',
      where: channel.url,
      hint: 'Declare the channel with https.',
    });
  }
  if (plainHttpAllowed(url, rules.allowHttp)) return;
  throw new RepackError('E_CHANNEL_HTTP', {
    what: 'This channel is declared with plain http, where anyone on the line can change what arrives',
    where: channel.url,
    hint: `Declare it with https, or allow this host with --allow-http ${url.host}.`,
  });
}

/** All that must reach nobody but its own host. */
export function secretsOf({ token, logins = [] }: Pick<WireRules, 'token' | 'logins'>): Secret[] {
  return [...(token === undefined ? [] : [token]), ...logins.flatMap(({ secrets }) => secrets)];
}

/** A warning for each login that others on the line can read. */
export function openLogins(channels: readonly Channel[], { logins }: WireRules): string[] {
  const urls = channels.map(({ url }) => new URL(url)).filter((url) => url.protocol === 'http:');
  const open = urls.filter((url) => !isLoopback(url.hostname) && loginFor(url, logins) !== undefined);
  return [...new Set(open.map(({ host }) => host))].map(
    (host) =>
      `the login for ${host} goes over plain http, where others on the line can read it: declare its channels with https`,
  );
}

/** Loopback, or a host that was allowed by name. */
export function plainHttpAllowed(url: URL, allowHttp: readonly string[]): boolean {
  return (
    isLoopback(url.hostname) || allowHttp.some((host) => [url.hostname, url.host].includes(host.trim().toLowerCase()))
  );
}

/** As `URL` writes host names: lower case, IPv4 in four parts, IPv6 in brackets. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

export function opensWithToken(channel: Channel, token: Secret | undefined): boolean {
  return channel.authenticated && token !== undefined;
}

/**
 * Where below a host the channels with a token lie, as a path without slash at its end: '' at anaconda.org, `/conda` for
 * `https://srv/conda/prometeia`. The token stands behind it.
 */
export function tokenBaseOf(channels: readonly Channel[]): string {
  for (const { url, name, authenticated } of channels) {
    if (authenticated && url.endsWith(`/${name}`))
      return new URL(url).pathname.slice(0, -name.length - 1).replace(/\/+$/, '');
  }
  return '';
}

/**
 * The URL that goes over the line for `path` (`linux-64/repodata.json`) of a channel: below its identity URL and, where the token
 * opens it, with `/t/TOKEN` before the owner (`https://conda.anaconda.org/t/TOKEN/prometeia/label/halkbank/linux-64/…`).
 */
export function wireUrl(
  channel: Channel,
  path: string,
  { token, tokenBase }: Pick<WireRules, 'token' | 'tokenBase'>,
): URL {
  const url = new URL(channel.url);
  const folder = url.pathname.replace(/\/+$/, '');
  const front = folder.startsWith(`${tokenBase}/`) ? tokenBase : '';
  const ticket = channel.authenticated && token !== undefined ? `/t/${encodeURIComponent(reveal(token))}` : '';
  url.pathname = `${front}${ticket}${folder.slice(front.length)}/${path.split('/').map(encodeSegment).join('/')}`;
  return url;
}

/** `+` and `!` stay as they are, as conda sends them: some object stores read `+` and `%2B` differently. */
function encodeSegment(segment: string): string {
  return encodeURIComponent(segment).replaceAll('%2B', '+');
}

/** The same URL without `/t/TOKEN`; undefined where the token is in it elsewhere too. */
export function withoutToken(url: URL, token: Secret | undefined): URL | undefined {
  if (!holdsSecret(url.href, token)) return url;
  const clean = new URL(url.href);
  clean.pathname = clean.pathname.replace(/\/t\/([^/]+)(?=\/)/g, (whole, segment: string) =>
    holdsSecret(segment, token) ? '' : whole,
  );
  return holdsSecret(clean.href, token) ? undefined : clean;
}

/** For messages: without user information, query and fragment (they may hold signatures), and with any `/t/…` masked. */
export function displayUrl(url: URL | string): string {
  const text = String(url);
  // `host:443` would be read as a URL of the scheme "host:".
  const parsed = text.includes('://') ? parseUrl(text) : undefined;
  if (parsed === undefined) return masked((text.split(/[?#]/)[0] ?? '').slice(0, 200));
  return `${parsed.protocol}//${parsed.host}${masked(parsed.pathname)}`;
}

function masked(path: string): string {
  return path.replace(/\/t\/[^/]+/g, '/t/<TOKEN>');
}

/** Percent-decoded; as it is where that can not be done. */
export function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function badChannel(where: string, why: string): RepackError {
  return new RepackError('E_CHANNEL', {
    what: `This channel can not be used: ${why}`,
    where,
    hint: 'Declare it as https://HOST/NAME or file:///FOLDER; the token is given apart from it.',
  });
}
