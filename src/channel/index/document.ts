import { objectIn } from '../../base/json.js';
import { eachMember, JsonBytesError, skipMark, skipValue } from '../../base/json-bytes.js';
import { MAX_DEPTH } from '../../conda/record/index-limits.js';

/** A `repodata.json` by its top-level keys: the text of each value as it stands. Keys twice: the last counts, as for every reader. */
export type DocumentParts = ReadonlyMap<string, Uint8Array>;

/** Undefined for what is no JSON object. Client's own notes (keys that begin with `_`, one may hold a token) are left out. */
export function documentParts(bytes: Uint8Array): DocumentParts | undefined {
  const parts = new Map<string, Uint8Array>();
  try {
    eachMember(bytes, skipMark(bytes), (keyStart, keyEnd, valueStart) => {
      const valueEnd = skipValue(bytes, valueStart, MAX_DEPTH);
      const key = JSON.parse(textOf(bytes.subarray(keyStart, keyEnd))) as string;
      if (!key.startsWith('_')) parts.set(key, bytes.subarray(valueStart, valueEnd));
      return valueEnd;
    });
    return parts;
  } catch (error) {
    if (error instanceof JsonBytesError || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** `.conda` files that stand among "packages", where clients before conda 4.7 look. */
export function misfiled(parts: DocumentParts): string[] {
  const packages = parts.get('packages');
  if (packages === undefined || packages[0] !== 0x7b) return [];
  const found: string[] = [];
  eachMember(packages, 0, (keyStart, keyEnd, valueStart) => {
    const fn = textOf(packages.subarray(keyStart + 1, keyEnd - 1));
    if (fn.endsWith('.conda')) found.push(fn);
    return skipValue(packages, valueStart, MAX_DEPTH);
  });
  return found;
}

/** File names that the channel has withdrawn (`removed`): their files may still lie there, and no client is to get them. */
export function withdrawnIn(parts: DocumentParts | undefined): ReadonlySet<string> {
  const text = parts?.get('removed');
  try {
    const names: unknown = text === undefined ? [] : JSON.parse(textOf(text));
    return new Set(Array.isArray(names) ? names.filter((each) => typeof each === 'string') : []);
  } catch {
    return new Set();
  }
}

/** The object that a value of the document is; an empty one where it is none. */
export function jsonOf(value: Uint8Array | undefined): Record<string, unknown> {
  return (value && objectIn(textOf(value))) ?? {};
}

export function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}
