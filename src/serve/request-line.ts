import type { Answered } from '../runtime/http-door.js';

/** A request as it is logged; sizes in bytes, times in milliseconds. */
export interface RequestLine {
  client: string;
  method: string;
  /** Without query and token, cut, every odd character escaped: a log line stays one line. */
  path: string;
  status: number;
  bytes: number;
  ms: number;
  agent: string;
  /** Only where the answer did not get to its end. */
  incomplete?: true;
}

const LONGEST_PATH = 300;
const LONGEST_AGENT = 80;

export function requestLine({ client, method, target, agent, status, bytes, ms, complete }: Answered): RequestLine {
  return {
    client,
    method: plain(method, 20),
    path: plain(withoutToken(target.replace(/[?#].*$/s, '')), LONGEST_PATH),
    status,
    bytes,
    ms: Math.round(ms),
    agent: plain(agent, LONGEST_AGENT),
    ...(complete ? {} : { incomplete: true as const }),
  };
}

/**
 * A wrong one too: it may be right elsewhere, and who mistyped the address sent the right one. Also where it is written with escapes, too
 * many slashes or dots between them, or in an absolute URI. What follows an escaped `%` (escaped twice) may be one in any form.
 */
function withoutToken(target: string): string {
  if (!MAY_HOLD_TOKEN.test(target)) return target;
  return target
    .replace(TOKEN_IN_PATH, '$<lead><TOKEN>')
    .replace(LOGIN, '$<lead><USER>@')
    .replace(/%25.*$/s, '<TOKEN>');
}

const SLASH = String.raw`(?:/|\\|%2f|%5c)`;
const TOKEN_IN_PATH = new RegExp(
  `(?<lead>(?:^|${SLASH})(?:t|%[57]4)${SLASH}(?:${SLASH}|\\.|%2e)*)(?:(?!${SLASH}).)+`,
  'gis',
);
/** All that the others begin with. */
const MAY_HOLD_TOKEN = /[%\\@]|(?:^|\/)t\//i;
const LOGIN = /^(?<lead>(?:[a-z][a-z0-9+.-]*:)?\/\/|)[^/]*@/i;

function plain(text: string, most: number): string {
  const cut = text.length > most ? `${text.slice(0, most)}...` : text;
  return cut.replace(/[^\u0020-\u007e]|["\\]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
