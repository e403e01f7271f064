import { JsonBytesError, eachMember, skipValue } from '../../base/json-bytes.js';
import { MAX_DEPTH } from './index-limits.js';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * The JSON text of some lists of a record, out of its raw bytes: a tenth of the work of parsing the record. Keys that it does not have
 * are left out; a damaged record has none (it is reported when it is parsed).
 */
export function textLists(rawRecord: Uint8Array, keys: readonly string[]): string[] {
  const wanted = keys.map((key) => encoder.encode(`"${key}"`));
  const lists: string[] = [];
  try {
    eachMember(rawRecord, 0, (keyStart, _keyEnd, valueStart) => {
      const valueEnd = skipValue(rawRecord, valueStart, MAX_DEPTH);
      // Its quote at the end is a part of each: nothing longer begins so.
      if (wanted.some((key) => startsAt(rawRecord, keyStart, key))) {
        lists.push(decoder.decode(rawRecord.subarray(valueStart, valueEnd)));
      }
      return valueEnd;
    });
  } catch (error) {
    if (!(error instanceof JsonBytesError)) throw error;
  }
  return lists;
}

/** The texts in a list as `textLists` gives it; nothing of what is no list of texts. */
export function parsedList(list: string): string[] {
  try {
    const value: unknown = JSON.parse(list);
    return Array.isArray(value) ? value.filter((entry) => typeof entry === 'string') : [];
  } catch {
    return [];
  }
}

export function bytesContain(bytes: Uint8Array, wanted: Uint8Array): boolean {
  const first = wanted[0]!;
  for (let at = bytes.indexOf(first); at >= 0; at = bytes.indexOf(first, at + 1)) {
    if (startsAt(bytes, at, wanted)) return true;
  }
  return false;
}

function startsAt(bytes: Uint8Array, at: number, wanted: Uint8Array): boolean {
  for (let i = 0; i < wanted.length; i++) if (bytes[at + i] !== wanted[i]) return false;
  return true;
}
