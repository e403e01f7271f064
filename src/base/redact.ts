import type { Secret } from './secret.js';
import { holdsAnySecret, secretPlaces, type Place } from './secret-forms.js';

/** What stands in a text where a secret stood. */
export const MASK = '<TOKEN>';

/**
 * Takes secrets out of everything that is printed or logged (design D10): by value, in every form
 * that {@link secretPlaces} knows, and by the shape of URLs (`/t/…/`, user information). Values are registered before the first print. It is given whole texts
 * only: what comes in pieces (an engine's output) is put together first, so that no secret is split over two.
 */
export interface Redactor {
  register(secret: Secret): void;
  redact(text: string): string;
  /** True where the bytes hold a registered value in any of its spellings: the scan at the end of a run. */
  foundIn(bytes: Uint8Array): Promise<boolean>;
}

/** `/t/<anything up to / ? # quote, bracket, blank or end>`: wider than conda's own mask. */
const TOKEN_PATH = /(\/t\/)([^/?#"'`<>\s]+)/g;
/** The whole user information of a URL. Begins at `://`, so that a long text is not read again from each of its letters. */
const USER_INFO = /(?<=[a-z0-9+.-])(:\/\/)[^/?#"'\s]+@/gi;

export function createRedactor(): Redactor {
  const secrets: Secret[] = [];
  return {
    register(secret) {
      secrets.push(secret);
    },
    redact: (text) =>
      secrets
        .reduce((clean, secret) => masked(clean, secretPlaces(clean, secret)), text)
        .replace(TOKEN_PATH, `$1${MASK}`)
        .replace(USER_INFO, '$1<USER>@'),
    foundIn: (bytes) => holdsAnySecret(bytes, secrets),
  };
}

function masked(text: string, places: readonly Place[]): string {
  const parts: string[] = [];
  let from = 0;
  for (const [start, end] of places) {
    if (start >= from) parts.push(text.slice(from, start), MASK);
    from = Math.max(from, end);
  }
  return [...parts, text.slice(from)].join('');
}
