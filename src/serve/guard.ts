import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { reveal } from '../model/secret.js';
import type { Secret } from '../model/secret.js';

/** Who may read. Nothing in it: everybody. */
export interface Access {
  /** As `/t/TOKEN/…`, as `Bearer`, or as the password of any user. */
  token?: Secret | undefined;
  users?: readonly Login[] | undefined;
}

export interface Login {
  user: string;
  password: Secret;
}

export interface Guard {
  /**
   * The path without its token; undefined where the request may not read. A token in the path is only taken out where there is one to
   * compare it with.
   */
  admit(request: { segments: readonly string[]; authorization: string | undefined }): readonly string[] | undefined;
  /** Whether anything is asked of a reader at all. */
  readonly closed: boolean;
}

/** Comparisons take the same time whatever is given: both sides are hashed with a key of this run, and every login is looked at. */
export function makeGuard({ token, users = [] }: Access): Guard {
  const key = randomBytes(32);
  const hashed = (text: string): Buffer => createHmac('sha256', key).update(text).digest();
  const tokenHash = token === undefined ? undefined : hashed(reveal(token));
  const logins = users.map(({ user, password }) => hashed(`${user}:${reveal(password)}`));
  const closed = tokenHash !== undefined || logins.length > 0;

  const isToken = (text: string): boolean => tokenHash !== undefined && timingSafeEqual(hashed(text), tokenHash);
  const isLogin = (text: string): boolean => {
    const given = hashed(text);
    return logins.reduce((found, login) => timingSafeEqual(given, login) || found, false);
  };

  const byHeader = (header: string | undefined): boolean => {
    const [, scheme = '', value = ''] = /^([A-Za-z]+) +([^\s]+) *$/.exec(header ?? '') ?? [];
    if (scheme.toLowerCase() === 'bearer') return isToken(value);
    if (scheme.toLowerCase() !== 'basic') return false;
    const bytes = Buffer.from(value, 'base64');
    const login = bytes.toString('utf8');
    const colon = login.indexOf(':');
    if (colon === -1) return false;
    const asToken = isToken(login.slice(colon + 1));
    // UTF-8 is what we ask for and what curl and browsers send; conda's requests sends Latin-1 whatever it is asked.
    const asLatin1 = isLogin(bytes.toString('latin1'));
    return isLogin(login) || asLatin1 || asToken;
  };

  return {
    closed,
    admit({ segments, authorization }) {
      if (!closed) return segments;
      const inPath = tokenHash !== undefined && segments[0] === 't' && segments.length > 1;
      const allowed = (inPath && isToken(segments[1]!)) || byHeader(authorization);
      if (!allowed) return undefined;
      return inPath ? segments.slice(2) : segments;
    },
  };
}
