import { reveal, type Secret } from './secret.js';

/** Start and end (exclusive) of a place in a text. */
export type Place = readonly [start: number, end: number];

/** Shorter values are not looked for: they would be met everywhere by chance. */
const MIN_LENGTH = 4;
/** Percent-encodings one over another that are undone, and base64 or hex one in another. */
const PERCENT_LEVELS = 12;
const PACKED_LEVELS = 2;
/** Bytes are looked through in pieces; what lies across a border is found up to the length of the overlap. */
const PIECE = 1 << 22;
const OVERLAP = 1 << 16;

/**
 * Where the secret stands in a text, in whatever form servers and programs write it: as it is (in upper or lower case, as hosts are),
 * percent-encoded once or more, wholly or in part, also beside escapes that are none (`100%zz`), in base64 of both alphabets anywhere
 * within a longer one, in hex, and one of these in another. In order, perhaps overlapping. Linear in the length of the text.
 */
export function secretPlaces(text: string, secret: Secret): Place[] {
  const forms = formsOf(secret);
  return forms === undefined ? [] : placesIn(text, forms, PACKED_LEVELS).sort((a, b) => a[0] - b[0]);
}

/** Whether the secret stands in a text or in bytes, in any form: see {@link secretPlaces}. */
export function holdsSecret(content: string | Uint8Array, secret: Secret | undefined): boolean {
  if (secret === undefined) return false;
  if (typeof content === 'string') return secretPlaces(content, secret).length > 0;
  for (const piece of piecesOf(content)) if (holdsSecret(piece, secret)) return true;
  return false;
}

/** Whether one of the secrets stands in the bytes, as {@link holdsSecret}; after each piece of large ones others are let at work. */
export async function holdsAnySecret(content: Uint8Array, secrets: readonly Secret[]): Promise<boolean> {
  for (const piece of piecesOf(content)) {
    if (secrets.some((each) => holdsSecret(piece, each))) return true;
    if (content.length > PIECE) await new Promise((resolve) => setImmediate(resolve));
  }
  return false;
}

function* piecesOf(content: Uint8Array): Iterable<string> {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  for (let at = 0; at < bytes.length; at += PIECE) yield bytes.toString('latin1', at, at + PIECE + OVERLAP);
}

interface Forms {
  /** The value, each character as it is or behind any number of percent-encodings. */
  value: RegExp;
  /** Bytes of UTF-8. */
  length: number;
  /** Of printable characters of ASCII only: then each of its forms is, too. */
  isPlain: boolean;
  /** Its base64 may be of hex digits only: then digests are looked into too. No base64 of a `%` is. */
  base64LikeHex: boolean;
}

const known = new WeakMap<Secret, Forms | undefined>();

function formsOf(secret: Secret): Forms | undefined {
  if (!known.has(secret)) known.set(secret, makeForms(reveal(secret)));
  return known.get(secret);
}

function makeForms(value: string): Forms | undefined {
  if (value.length < MIN_LENGTH) return undefined;
  const length = Buffer.byteLength(value);
  const cores = [0, 1, 2].map((lead) =>
    Buffer.from('\0'.repeat(lead) + value)
      .toString('base64')
      .slice(lead + 1, -4),
  );
  return {
    value: new RegExp([...value].map(characterPattern).join(''), 'gi'),
    length,
    isPlain: /^[ -~]*$/.test(value),
    base64LikeHex: cores.some((core) => HEX_ONLY.test(core)),
  };
}

const HEX_ONLY = /^[0-9a-f]*$/i;
const IN_HEX = tableOf('0123456789abcdefABCDEF');
const IN_BASE64 = tableOf('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_');
const ESCAPE = /%([0-9a-f]{2})/gi;

/** As it is, as bytes of UTF-8 read one by one, or percent-encoded: `+`, `%2B`, `%252b`. */
function characterPattern(character: string): string {
  const bytes = Buffer.from(character);
  const escapes = [...bytes].map((byte) => `%(?:25)*${byte.toString(16).padStart(2, '0')}`).join('');
  const plain = new Set([character, bytes.toString('latin1')]);
  const literal = [...plain].map((each) => each.replace(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`));
  return `(?:${[...literal, escapes].join('|')})`;
}

function placesIn(whole: string, forms: Forms, packedLevels: number): Place[] {
  const found: Place[] = [];
  let layer: Layer = { text: whole, at: undefined };
  for (let level = 0; ; level += 1) {
    const { text, at } = layer;
    const add = (start: number, end: number): void => void found.push([at?.[start] ?? start, at?.[end] ?? end]);
    for (const { index, 0: match } of text.matchAll(forms.value)) add(index, index + match.length);
    if (packedLevels > 0) {
      for (const [start, end] of runs(text, 0, text.length, IN_BASE64, Math.ceil((forms.length * 4) / 3))) {
        for (const [from, to] of runs(text, start, end, IN_HEX, forms.length * 2)) unpack(from, to, HEX);
        if (forms.base64LikeHex || !HEX_ONLY.test(text.slice(start, end))) unpack(start, end, BASE64);
      }
    }
    const next = level < PERCENT_LEVELS ? percentDecoded(layer) : undefined;
    if (next === undefined) return found;
    layer = next;

    function unpack(from: number, to: number, { name, characters, bytes }: Packing): void {
      // Where in the run the packed text begins is not known, so it is read from each of the first few characters.
      for (let first = from; first < from + characters; first += 1) {
        if (name === 'hex' && forms.isPlain && !mayBeText(text, first, to, forms.length)) continue;
        const inner = Buffer.from(text.slice(first, to), name).toString('latin1');
        for (const [start, end] of placesIn(inner, forms, packedLevels - 1)) {
          add(
            first + Math.floor((start * characters) / bytes),
            Math.min(to, first + Math.ceil((end * characters) / bytes)),
          );
        }
      }
    }
  }
}

function tableOf(characters: string): Uint8Array {
  const table = new Uint8Array(128);
  for (const character of characters) table[character.charCodeAt(0)] = 1;
  return table;
}

/** Runs of the characters, of at least so many. Looked for from the end of the least one: most characters are never looked at. */
function runs(text: string, from: number, to: number, table: Uint8Array, least: number): Place[] {
  const found: Place[] = [];
  for (let start = from; start + least <= to;) {
    let other = start + least - 1;
    while (other >= start && table[text.charCodeAt(other)] === 1) other -= 1;
    if (other >= start) {
      start = other + 1;
      continue;
    }
    let end = start + least;
    while (end < to && table[text.charCodeAt(end)] === 1) end += 1;
    found.push([start, end]);
    start = end;
  }
  return found;
}

/** Whether so many bytes in a row, of those that stand in hex, are printable ones of ASCII: of digests nearly none. */
function mayBeText(text: string, from: number, to: number, least: number): boolean {
  for (let start = from; start + 2 * least <= to;) {
    let other = start + 2 * (least - 1);
    while (other >= start && text[other]! >= '2' && text[other]! <= '7') other -= 2;
    if (other < start) return true;
    start = other + 2;
  }
  return false;
}

interface Packing {
  name: 'base64' | 'hex';
  /** So many characters hold so many bytes. */
  characters: number;
  bytes: number;
}

const BASE64: Packing = { name: 'base64', characters: 4, bytes: 3 };
const HEX: Packing = { name: 'hex', characters: 2, bytes: 1 };

interface Layer {
  text: string;
  /** Where each character, and the end, stands in the whole; undefined: in the same place. */
  at: Uint32Array | undefined;
}

/** One percent-encoding undone, what is no escape left as it is; undefined where there is none. */
function percentDecoded({ text, at }: Layer): Layer | undefined {
  if (text.search(ESCAPE) < 0) return undefined;
  const places = new Uint32Array(text.length + 1);
  let length = 0;
  let from = 0;
  const keep = (until: number): void => {
    for (; from < until; from += 1) places[length++] = at?.[from] ?? from;
  };
  const decoded = text.replace(ESCAPE, (escape, code: string, index: number) => {
    keep(index);
    places[length++] = at?.[index] ?? index;
    from = index + escape.length;
    return String.fromCharCode(Number.parseInt(code, 16));
  });
  keep(text.length + 1);
  return { text: decoded, at: places.subarray(0, length) };
}
