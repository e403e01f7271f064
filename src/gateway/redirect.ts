import { RepackError } from '../base/errors.js';
import type { ChannelLogin } from '../base/channel-login.js';
import { holdsSecret } from '../base/secret-forms.js';
import { reveal, type Secret } from '../base/secret.js';
import { displayUrl, plainHttpAllowed, secretsOf, withoutToken, type WireRules } from './wire-url.js';
import { parseUrl } from '../base/parse-url.js';

const REDIRECTS = new Set([301, 302, 303, 307, 308]);

export function isRedirect(status: number): boolean {
  return REDIRECTS.has(status);
}

/** Who may see what, while one file is asked for. */
export interface Openings {
  /** The only origin that may see the token: the channel's, where the token opens it. */
  tokenOrigin: string | undefined;
  /** The login for the channel's host, and that host with its port: the only one that may see it. */
  login: ChannelLogin | undefined;
  loginHost: string | undefined;
}

export interface Hop extends Openings {
  from: URL;
  location: string | undefined;
  /** Every URL asked so far for this answer, as sent. */
  seen: ReadonlySet<string>;
  maxRedirects: number;
  rules: WireRules;
}

/**
 * Where a redirect leads, when it may be followed (bad-inputs N7): http and https only, never from https to http, no loop, no
 * more than `maxRedirects`; on another host, port or scheme the token is taken out. Throws E_REDIRECT, whose text holds neither
 * a token nor a login nor a query.
 */
export function nextHop({ from, location, seen, maxRedirects, rules, ...openings }: Hop): URL {
  const refuse = (why: string): RepackError => refused(from, why);
  let to = location === undefined ? undefined : parseUrl(location, from.href);
  if (to === undefined) throw refuse('it names no readable URL');
  to.username = '';
  to.password = '';
  to.hash = '';
  if (to.protocol !== 'https:' && to.protocol !== 'http:') throw refuse(`it leads to the scheme "${to.protocol}"`);
  if (to.origin !== openings.tokenOrigin) to = withoutToken(to, rules.token) ?? to;
  const carried = heldSecret(to.href, hiddenFrom(to, openings, rules));
  if (carried !== undefined) {
    const host = holdsSecret(to.host, carried) ? 'another host' : to.host;
    throw refuse(`it would carry ${nameOf(carried, rules)} to ${host}`);
  }
  if (to.protocol === 'http:') {
    if (from.protocol === 'https:') throw refuse(`it leads from https to plain http (${displayUrl(to)})`);
    if (!plainHttpAllowed(to, rules.allowHttp))
      throw refuse(`it leads to plain http on another host (${displayUrl(to)})`);
  }
  if (seen.has(to.href)) throw refuse(`it goes round in a circle (${displayUrl(to)})`);
  if (seen.size > maxRedirects) throw refuse(`it is the ${maxRedirects + 1}th in a row`);
  return to;
}

/** Throws E_REDIRECT where the URL as sent, or a header, holds what its host must not see. */
export function refuseSecrets(
  url: URL,
  headers: Readonly<Record<string, string>>,
  openings: Openings,
  rules: WireRules,
): void {
  const held = heldSecret([url.href, ...Object.values(headers)].join('\n'), hiddenFrom(url, openings, rules));
  if (held === undefined) return;
  const name = nameOf(held, rules);
  throw new RepackError('E_REDIRECT', {
    what: `A file of this channel would be asked by a URL with ${name} in it, on a host that must not see it`,
    where: holdsSecret(url.host, held) ? undefined : url.origin,
    hint: `Its index or its answers repeat ${name}: tell whoever runs the channel, and have ${name} replaced.`,
  });
}

/** A value that the host may see anyway, as the same password given for two, is not hidden from it. */
function hiddenFrom(url: URL, { tokenOrigin, login, loginHost }: Openings, rules: WireRules): Secret[] {
  const token = url.origin === tokenOrigin ? rules.token : undefined;
  const seen = secretsOf({ token, logins: login !== undefined && url.host === loginHost ? [login] : [] });
  return secretsOf(rules).filter((each) => !seen.some((one) => reveal(one) === reveal(each)));
}

function heldSecret(text: string, hidden: readonly Secret[]): Secret | undefined {
  return hidden.find((secret) => holdsSecret(text, secret));
}

function nameOf(secret: Secret, { token }: WireRules): string {
  return secret === token ? 'the token' : 'a login';
}

function refused(from: URL, why: string): RepackError {
  return new RepackError('E_REDIRECT', {
    what: `The upstream sends a redirect that is not followed: ${why}`,
    where: displayUrl(from),
    hint: 'Declare the channel by the address it is really served at, or tell whoever runs it.',
  });
}
