import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { reveal } from '../base/secret.js';
import type { Secret } from '../base/secret.js';
import type { Credentials } from '../site/page/install-lines.js';

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

export interface Reader {
  /** The path without its token, which is only taken out where there is one to compare it with. */
  segments: readonly string[];
  /** By which the reader was let in. */
  credentials: Credentials;
}

export interface Guard {
  /** Undefined where the request may not read. */
  admit(request: { segments: readonly string[]; authorization: string | undefined }): Reader | undefined;
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

  const byHeader = (header: string | undefined): Credentials | undefined => {
    const [, scheme = '', value = ''] = /^([A-Za-z]+) +([^\s]+) *$/.exec(header ?? '') ?? [];
    if (scheme.toLowerCase() === 'bearer') return isToken(value) ? 'token' : undefined;
    if (scheme.toLowerCase() !== 'basic') return undefined;
    const bytes = Buffer.from(value, 'base64');
    const login = bytes.toString('utf8');
    const colon = login.indexOf(':');
    if (colon === -1) return undefined;
    const asToken = isToken(login.slice(colon + 1));
    // UTF-8 is what we ask for and what curl and browsers send; conda's requests sends Latin-1 whatever it is asked.
    const asLatin1 = isLogin(bytes.toString('latin1'));
    if (isLogin(login) || asLatin1) return 'login';
    return asToken ? 'token' : undefined;
  };

  return {
    closed,
    admit({ segments, authorization }) {
      if (!closed) return { segments, credentials: 'none' };
      const inPath = tokenHash !== undefined && segments[0] === 't' && segments.length > 1;
      const credentials = inPath && isToken(segments[1]!) ? 'token' : byHeader(authorization);
      return credentials && { segments: inPath ? segments.slice(2) : segments, credentials };
    },
  };
}
