import type { Secret } from './secret.js';
import { reveal } from './secret.js';

/** What stands in a text where a secret stood. */
export const MASK = '<TOKEN>';

/**
 * Takes secrets out of everything that is printed or logged (design D10): by value (raw, percent-encoded, base64 in its three
 * alignments) and by the shape of URLs (`/t/…/`, user information). Values are registered before the first print. It is given whole texts
 * only: what comes in pieces (an engine's output) is put together first, so that no secret is split over two.
 */
export interface Redactor {
  register(secret: Secret): void;
  redact(text: string): string;
  /** True where the bytes hold a registered value in any of its spellings: the scan at the end of a run. */
  foundIn(bytes: Uint8Array): boolean;
}

/** `/t/<anything up to / ? # quote, bracket, blank or end>`: wider than conda's own mask (facts.md, "conda's masks"). */
const TOKEN_PATH = /(\/t\/)([^/?#"'`<>\s]+)/g;
/** The whole user information of a URL. */
const USER_INFO = /([a-z][a-z0-9+.-]*:\/\/)([^/?#"'\s@]+)@/gi;

export function createRedactor(): Redactor {
  const spellings = new Set<string>();
  let longestFirst: string[] = [];

  const redact = (text: string): string => {
    let clean = text;
    for (const spelling of longestFirst) {
      if (clean.includes(spelling)) clean = clean.replaceAll(spelling, MASK);
    }
    return clean.replace(TOKEN_PATH, `$1${MASK}`).replace(USER_INFO, '$1<USER>@');
  };

  return {
    register(secret) {
      for (const spelling of spellingsOf(reveal(secret))) spellings.add(spelling);
      longestFirst = [...spellings].sort((a, b) => b.length - a.length);
    },
    redact,
    foundIn(bytes) {
      const haystack = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      return longestFirst.some((spelling) => haystack.includes(spelling));
    },
  };
}

function spellingsOf(value: string): string[] {
  if (value === '') return [];
  const percent = encodeURIComponent(value);
  const everyByte = [...new TextEncoder().encode(value)]
    .map((byte) => `%${byte.toString(16).padStart(2, '0')}`)
    .join('');
  return [value, percent, percent.toLowerCase(), everyByte, everyByte.toUpperCase(), ...base64Cores(value)].filter(
    (spelling) => spelling.length >= 4,
  );
}

/** The parts of a base64 text that are the same wherever in it the value begins (it may follow `user:`). */
function base64Cores(value: string): string[] {
  const cores: string[] = [];
  for (const lead of [0, 1, 2]) {
    const text = Buffer.from('\0'.repeat(lead) + value, 'utf8');
    const encoded = text.toString('base64').replace(/=+$/, '');
    const first = lead === 0 ? 0 : lead + 1;
    const spare = text.length % 3 === 0 ? 0 : 1;
    const core = encoded.slice(first, encoded.length - spare);
    // A short core would hit by chance.
    if (core.length >= 8) cores.push(core, core.replaceAll('+', '-').replaceAll('/', '_'));
  }
  return cores;
}
