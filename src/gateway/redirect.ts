import { RepackError } from '../base/errors.js';
import { displayUrl, plainHttpAllowed, withoutToken, type WireRules } from './wire-url.js';

const REDIRECTS = new Set([301, 302, 303, 307, 308]);

export function isRedirect(status: number): boolean {
  return REDIRECTS.has(status);
}

export interface Hop {
  from: URL;
  location: string | undefined;
  /** Origin of the channel: the only one that may see the token. */
  origin: string;
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
export function nextHop({ from, location, origin, seen, maxRedirects, rules }: Hop): URL {
  const refuse = (why: string): RepackError => refused(from, why);
  if (location === undefined || !URL.canParse(location, from.href)) throw refuse('it names no readable URL');
  let to = new URL(location, from);
  to.username = '';
  to.password = '';
  to.hash = '';
  if (to.protocol !== 'https:' && to.protocol !== 'http:') throw refuse(`it leads to the scheme "${to.protocol}"`);
  if (to.protocol === 'http:') {
    if (from.protocol === 'https:') throw refuse(`it leads from https to plain http (${displayUrl(to)})`);
    if (!plainHttpAllowed(to, rules.allowHttp))
      throw refuse(`it leads to plain http on another host (${displayUrl(to)})`);
  }
  if (to.origin !== origin) {
    const clean = withoutToken(to, rules.token);
    if (clean === undefined) throw refuse(`it would carry the token to ${to.host}`);
    to = clean;
  }
  if (seen.has(to.href)) throw refuse(`it goes round in a circle (${displayUrl(to)})`);
  if (seen.size > maxRedirects) throw refuse(`it is the ${maxRedirects + 1}th in a row`);
  return to;
}

function refused(from: URL, why: string): RepackError {
  return new RepackError('E_REDIRECT', {
    what: `The upstream sends a redirect that is not followed: ${why}`,
    where: displayUrl(from),
    hint: 'Declare the channel by the address it is really served at, or tell whoever runs it.',
  });
}
