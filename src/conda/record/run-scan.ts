import { JsonBytesError, expectChar, skipBlanks, skipMark, skipString, skipValue } from '../../base/json-bytes.js';
import { isRecordMap, MAX_DEPTH, MAX_RECORDS, RECORD_MAPS, type RecordMap } from './index-limits.js';
import { packageNameEnd } from './record-table.js';

/** An index that is not sorted by name has as many runs as records: then they are not worth keeping. */
const MAX_RUNS = 200_000;
/** What is carried as it is. A `v3` (CEP 48) would have to be held against every file name, and is in no index of today. */
const CARRIED: ReadonlySet<string> = new Set(['info', 'repodata_version']);
const LEFT_OUT: ReadonlySet<string> = new Set(['removed', 'signatures']);
const decoder = new TextDecoder('utf-8', { fatal: true });

/** More bytes would change nothing. */
class Unfit extends JsonBytesError {}

/** Neighbouring records of one package name, from the quote of the first key to the end of the last value. */
export interface Run {
  name: string;
  /** The name is that of one file, which has no package name in it. */
  odd: boolean;
  map: RecordMap;
  start: number;
  end: number;
  /** Of these bytes. */
  sum: number;
}

/** Where the records of every package name lie in a `repodata.json`, and all of it that is no record, as JSON text. */
export interface RunScan {
  info: string | undefined;
  repodata_version: string | undefined;
  /** In document order. */
  runs: Run[];
  records: number;
  size: number;
}

export interface RunScanner {
  /**
   * Takes what it can of `bytes`, which begin `base` bytes into the document; `last`: nothing follows. Gives how many it has taken: the rest is to
   * come again, with more behind it. Throws JsonBytesError where `scanRepodata` must be asked: the document is none, or is one of those that are
   * too rare for this.
   */
  push(bytes: Uint8Array, base: number, last: boolean): number;
  /** After the last bytes. Throws as `push`. */
  done(): RunScan;
}

/**
 * Scans a `repodata.json` piece by piece, so that it is never in memory as a whole; what it accepts, `scanRepodata` accepts too. `sum`: a
 * checksum that can be gone on with (crc32).
 */
export function runScanner(sum: (bytes: Uint8Array, before: number) => number): RunScanner {
  const carried: { info?: string; repodata_version?: string } = {};
  const seen = new Set<string>();
  const runs: Run[] = [];
  const names = nameSet();
  let state: 'begin' | 'member' | 'record' | 'end' = 'begin';
  let map: RecordMap = 'packages';
  /** A comma must come first. */
  let follows = false;
  let size = 0;
  /** Of the last run: its name's bytes, and how far it is summed. */
  let name = new Uint8Array(0);
  let summed = 0;

  /** One member of the whole, or the begin of a map of records. Gives where to go on. */
  function member(bytes: Uint8Array, begin: number): number {
    const from = skipBlanks(bytes, begin);
    if (bytes[from] === 0x7d) {
      state = 'end';
      return from + 1;
    }
    const at = follows ? expectChar(bytes, from, ',') : from;
    const keyEnd = skipString(bytes, at);
    const valueStart = expectChar(bytes, keyEnd, ':');
    const key = parsed(bytes, at, keyEnd).value as string;
    if (seen.has(key)) throw new Unfit('a key twice', at);
    if (isRecordMap(key)) {
      const first = expectChar(bytes, valueStart, '{');
      seen.add(key);
      [state, map, follows] = ['record', key, false];
      return first;
    }
    const valueEnd = skipValue(bytes, valueStart, MAX_DEPTH);
    // A number at the end may have more digits.
    requireMore(bytes, valueEnd);
    if (CARRIED.has(key)) Object.assign(carried, { [key]: parsed(bytes, valueStart, valueEnd).text });
    else if (!LEFT_OUT.has(key) && !key.startsWith('_')) throw new Unfit('an unknown key', at);
    seen.add(key);
    follows = true;
    return valueEnd;
  }

  function record(bytes: Uint8Array, begin: number, base: number): number {
    const from = skipBlanks(bytes, begin);
    if (bytes[from] === 0x7d) {
      [state, follows] = ['member', true];
      return from + 1;
    }
    const at = follows ? expectChar(bytes, from, ',') : from;
    const keyEnd = skipString(bytes, at);
    const valueStart = expectChar(bytes, keyEnd, ':');
    requireMore(bytes, valueStart);
    if (bytes[valueStart] !== 0x7b) throw new Unfit('a record that is none', valueStart);
    const valueEnd = skipValue(bytes, valueStart, MAX_DEPTH);
    names.add(bytes, at + 1, keyEnd - 1);
    extend(bytes, at, keyEnd, base);
    runs.at(-1)!.end = base + valueEnd;
    follows = true;
    return valueEnd;
  }

  /** The record belongs to the last run, or begins another. */
  function extend(bytes: Uint8Array, at: number, keyEnd: number, base: number): void {
    const end = packageNameEnd(bytes, at + 1, keyEnd - 1);
    const last = runs.at(-1);
    if (last?.map === map && !last.odd && spells(bytes, at + 1, end, name)) return;
    close(bytes, base);
    if (runs.length === MAX_RUNS) throw new Unfit('too many runs', at);
    name = bytes.slice(at + 1, end < 0 ? keyEnd - 1 : end);
    runs.push({ name: decoder.decode(name), odd: end < 0, map, start: base + at, end: base + at, sum: 0 });
    summed = base + at;
  }

  /** Sums the last run as far as it has been seen. */
  function close(bytes: Uint8Array, base: number): void {
    const run = runs.at(-1);
    if (run === undefined) return;
    run.sum = sum(bytes.subarray(summed - base, run.end - base), run.sum);
    summed = run.end;
  }

  return {
    push(bytes, base, last) {
      let at = 0;
      try {
        if (state === 'begin') {
          [at, state] = [expectChar(bytes, skipMark(bytes), '{'), 'member'];
        }
        while (state !== 'end') at = state === 'member' ? member(bytes, at) : record(bytes, at, base);
        at = skipBlanks(bytes, at);
        if (at < bytes.length) throw new Unfit('something follows its end', base + at);
      } catch (error) {
        if (last || !(error instanceof JsonBytesError) || error instanceof Unfit) throw error;
      }
      close(bytes, base);
      size = base + at;
      return at;
    },
    done() {
      if (state !== 'end') throw new JsonBytesError('it ends too soon', size);
      if (!RECORD_MAPS.some((key) => seen.has(key))) throw new JsonBytesError('it has no records', 0);
      const { info, repodata_version } = carried;
      return { info, repodata_version, runs, records: names.size, size };
    },
  };
}

/** A JSON text and what it says. */
function parsed(bytes: Uint8Array, start: number, end: number): { text: string; value: unknown } {
  try {
    const text = decoder.decode(bytes.subarray(start, end));
    return { text, value: JSON.parse(text) };
  } catch {
    throw new Unfit('what is no JSON', start);
  }
}

function requireMore(bytes: Uint8Array, at: number): void {
  if (at >= bytes.length) throw new JsonBytesError('more is needed', at);
}

function spells(bytes: Uint8Array, start: number, end: number, text: Uint8Array): boolean {
  if (end - start !== text.length) return false;
  for (let i = 0; i < text.length; i++) if (bytes[start + i] !== text[i]) return false;
  return true;
}

/** File names by 64 bits of each: two that are the same are always found, and two that only seem so cost a second look. */
function nameSet(): { add(bytes: Uint8Array, start: number, end: number): void; readonly size: number } {
  /** Two numbers a name, of which the second is odd: 0 is none. */
  let slots = new Uint32Array(2 * 2048);
  let size = 0;

  function put(high: number, low: number): boolean {
    const mask = slots.length / 2 - 1;
    let slot = (high ^ (high >>> 15)) & mask;
    while (slots[2 * slot + 1] !== 0) {
      if (slots[2 * slot] === high && slots[2 * slot + 1] === low) return false;
      slot = (slot + 1) & mask;
    }
    slots[2 * slot] = high;
    slots[2 * slot + 1] = low;
    return true;
  }

  return {
    get size() {
      return size;
    },
    add(bytes, start, end) {
      let high = 0x811c9dc5 | 0;
      let low = 0x9747b28c | 0;
      for (let at = start; at < end; at++) {
        const byte = bytes[at]!;
        // The same name can be spelled in two ways with an escape, and what is no UTF-8 can be read as the same.
        if (byte === 0x5c || byte > 0x7e) throw new Unfit('a file name that is not plain', at);
        high = Math.imul(high ^ byte, 0x01000193);
        low = (Math.imul(low ^ byte, 0x5bd1e995) + (low >>> 13)) | 0;
      }
      if (size === MAX_RECORDS) throw new Unfit('too many records', start);
      if (size * 4 > slots.length) {
        const before = slots;
        slots = new Uint32Array(before.length * 2);
        for (let at = 0; at < before.length; at += 2) {
          if (before[at + 1] !== 0) put(before[at]!, before[at + 1]!);
        }
      }
      if (!put(high >>> 0, (low | 1) >>> 0)) throw new Unfit('a file name twice', start);
      size += 1;
    },
  };
}
