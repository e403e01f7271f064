const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** What is wrong with a JSON text and at which byte; turned into a typed error by who knows the file's name. */
export class JsonBytesError extends Error {
  readonly at: number;

  constructor(problem: string, at: number) {
    super(problem);
    this.at = at;
  }
}

/** The first byte that is neither a byte order mark nor blank. */
export function skipMark(bytes: Uint8Array): number {
  const marked = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  return skipBlanks(bytes, marked ? 3 : 0);
}

/** The next byte that is no blank. */
export function skipBlanks(bytes: Uint8Array, from: number): number {
  let at = from;
  for (;;) {
    const byte = bytes[at];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return at;
    at++;
  }
}

/** Whether there is nothing else. */
export function isBlank(bytes: Uint8Array): boolean {
  return skipBlanks(bytes, 0) === bytes.length;
}

/** Blanks, one given character, blanks. Returns where the next thing begins. */
export function expectChar(bytes: Uint8Array, from: number, char: string): number {
  const at = skipBlanks(bytes, from);
  if (bytes[at] === char.charCodeAt(0)) return skipBlanks(bytes, at + 1);
  throw unexpected(bytes, at, `"${char}"`);
}

/** `at` is an opening quote; returns the index after the closing one. */
export function skipString(bytes: Uint8Array, at: number): number {
  if (bytes[at] !== QUOTE) throw unexpected(bytes, at, 'a string');
  const end = bytes.length;
  let i = at + 1;
  while (i < end) {
    const byte = bytes[i]!;
    if (byte === QUOTE) return i + 1;
    i += byte === BACKSLASH ? 2 : 1;
  }
  throw new JsonBytesError('it ends within a string', end);
}

/**
 * `at` is where a value begins; returns the index after it. Brackets are counted, not paired, and what stands between strings is
 * not judged: that is left to the parser of the value, if it is ever parsed.
 */
export function skipValue(bytes: Uint8Array, at: number, maxDepth: number): number {
  const first = bytes[at];
  if (first === QUOTE) return skipString(bytes, at);
  if (first !== 0x7b && first !== 0x5b) return skipScalar(bytes, at);
  const end = bytes.length;
  let depth = 0;
  let i = at;
  while (i < end) {
    const byte = bytes[i++]!;
    // In the order of how often each is met; each byte is looked at once.
    if (byte === QUOTE) {
      while (i < end) {
        const inside = bytes[i++]!;
        if (inside === QUOTE) break;
        if (inside === BACKSLASH) i++;
      }
      continue;
    }
    if (byte === 0x7d || byte === 0x5d) {
      if (--depth === 0) return i;
    } else if (byte === 0x7b || byte === 0x5b) {
      if (++depth > maxDepth) throw new JsonBytesError(`it is nested deeper than ${maxDepth} levels`, i);
    }
  }
  throw new JsonBytesError('it ends within a value', end);
}

/** Calls `member` for each key of the object at `at` with the key's quotes and the value's first byte; `member` returns the value's end. */
export function eachMember(
  bytes: Uint8Array,
  at: number,
  member: (keyStart: number, keyEnd: number, valueStart: number) => number,
): number {
  let i = expectChar(bytes, at, '{');
  if (bytes[i] === 0x7d) return i + 1;
  for (;;) {
    const keyEnd = skipString(bytes, i);
    const valueStart = expectChar(bytes, keyEnd, ':');
    i = skipBlanks(bytes, member(i, keyEnd, valueStart));
    if (bytes[i] === 0x7d) return i + 1;
    i = expectChar(bytes, i, ',');
  }
}

export function joinedBytes(pieces: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    out.set(piece, at);
    at += piece.length;
  }
  return out;
}

function skipScalar(bytes: Uint8Array, at: number): number {
  let i = at;
  // Letters, digits, sign, point: what numbers and the three words are made of.
  while (i < bytes.length && /[-+.0-9A-Za-z]/.test(String.fromCharCode(bytes[i]!))) i++;
  if (i === at) throw unexpected(bytes, at, 'a value');
  return i;
}

function unexpected(bytes: Uint8Array, at: number, wanted: string): JsonBytesError {
  if (at >= bytes.length) return new JsonBytesError(`it ends where ${wanted} was expected`, bytes.length);
  return new JsonBytesError(`${wanted} was expected, not ${JSON.stringify(String.fromCharCode(bytes[at]!))}`, at);
}
