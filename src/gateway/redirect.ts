import { RepackError } from '../base/errors.js';
import { holdsSecret } from '../base/secret-forms.js';
import { displayUrl, plainHttpAllowed, withoutToken, type WireRules } from './wire-url.js';

const REDIRECTS = new Set([301, 302, 303, 307, 308]);

export function isRedirect(status: number): boolean {
  return REDIRECTS.has(status);
}

export interface Hop {
  from: URL;
  location: string | undefined;
  /** The only origin that may see the token: the channel's, where the token opens it. */
  tokenOrigin: string | undefined;
  /** Every URL asked so far for this answer, as sent. */
  seen: ReadonlySet<string>;
  maxRedirects: number;
  rules: WireRules;
}

/**
 * Where a redirect leads, when it may be followed (bad-inputs N7): http and https only, never from https to http, no loop, no
 * more than `maxRedirects`; on another host, port or scheme the token is taken out. Throws E_REDIRECT, whose text holds neither
 * a token nor a query.
 */
export function nextHop({ from, location, tokenOrigin, seen, maxRedirects, rules }: Hop): URL {
  const refuse = (why: string): RepackError => refused(from, why);
  if (location === undefined || !URL.canParse(location, from.href)) throw refuse('it names no readable URL');
  let to = new URL(location, from);
  to.username = '';
  to.password = '';
  to.hash = '';
  if (to.protocol !== 'https:' && to.protocol !== 'http:') throw refuse(`it leads to the scheme "${to.protocol}"`);
  if (to.origin !== tokenOrigin) {
    const clean = withoutToken(to, rules.token);
    if (clean === undefined) throw carriesToken(from, to, rules);
    to = clean;
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

/** What goes to an origin that may not see the token: the URL as sent, and every header. Throws E_REDIRECT. */
export function refuseToken(url: URL, headers: Readonly<Record<string, string>>, { token }: WireRules): void {
  if (!holdsSecret([url.href, ...Object.values(headers)].join('\n'), token)) return;
  throw new RepackError('E_REDIRECT', {
    what: `A file of this channel would be asked by a URL with the token in it, on a host that must not see it`,
    where: holdsSecret(url.host, token) ? undefined : url.origin,
    hint: 'Its index or its answers repeat the token: tell whoever runs the channel, and have the token replaced.',
  });
}

function carriesToken(from: URL, to: URL, { token }: WireRules): RepackError {
  return refused(from, `it would carry the token to ${holdsSecret(to.host, token) ? 'another host' : to.host}`);
}

function refused(from: URL, why: string): RepackError {
  return new RepackError('E_REDIRECT', {
    what: `The upstream sends a redirect that is not followed: ${why}`,
    where: displayUrl(from),
    hint: 'Declare the channel by the address it is really served at, or tell whoever runs it.',
  });
}
