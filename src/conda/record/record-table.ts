import { JsonBytesError } from '../../base/json-bytes.js';

const BACKSLASH = 0x5c;
const DASH = 0x2d;
const NONE = 0xffffffff;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * Where the records of a repodata document lie, found by distribution file name. Offsets are kept in typed arrays and names stay
 * bytes: an object and two strings a record would take more memory than the document itself.
 */
export interface RecordTable {
  readonly count: number;
  /** Index of a record by its file name; -1 when there is none. */
  find(fn: string): number;
  filename(index: number): string;
  /** First byte of the key (its quote), first byte of the value, end of the value. */
  keyStart(index: number): number;
  valueStart(index: number): number;
  valueEnd(index: number): number;
  /** Records whose file name begins with this package name, in document order. */
  ofName(name: string): number[];
}

export interface RecordTableBuilder {
  readonly count: number;
  /** Throws JsonBytesError on a file name that is there already. */
  add(keyStart: number, keyEnd: number, valueStart: number, valueEnd: number): void;
  build(): RecordTable;
}

/** Bytes `[start, end)` of an array: a name without a view object of its own. */
interface Span {
  bytes: Uint8Array;
  start: number;
  end: number;
}

export function recordTableBuilder(bytes: Uint8Array): RecordTableBuilder {
  let count = 0;
  /** Four numbers a record: key start, key end, value start, value end. */
  let offsets = new Uint32Array(4 * 1024);
  let hashes = new Uint32Array(1024);
  /** Twice as many as there is room for: half of them stay free. */
  let slots = new Uint32Array(2048).fill(NONE);
  /** File names with an escape in them: no real channel has one, but the same name can be spelled in two ways with it. */
  const escaped = new Map<number, Span>();

  const nameOf = (index: number): Span =>
    escaped.get(index) ?? { bytes, start: offsets[4 * index]! + 1, end: offsets[4 * index + 1]! - 1 };

  function slotOf(name: Span, hash: number): number {
    const mask = slots.length - 1;
    let slot = hash & mask;
    for (let index = slots[slot]!; index !== NONE; index = slots[slot]!) {
      if (hashes[index] === hash && equal(nameOf(index), name)) break;
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  /** As `slotOf`, of a text of ASCII alone: it is compared where it is. */
  function findText(fn: string, hash: number): number {
    const mask = slots.length - 1;
    for (let slot = hash & mask; slots[slot] !== NONE; slot = (slot + 1) & mask) {
      const index = slots[slot]!;
      if (hashes[index] === hash && spells(nameOf(index), fn)) return index;
    }
    return -1;
  }

  function grow(): void {
    if (count < hashes.length) return;
    hashes = larger(hashes);
    offsets = larger(offsets);
    slots = new Uint32Array(slots.length * 2).fill(NONE);
    const mask = slots.length - 1;
    for (let index = 0; index < count; index++) {
      let slot = hashes[index]! & mask;
      while (slots[slot] !== NONE) slot = (slot + 1) & mask;
      slots[slot] = index;
    }
  }

  return {
    get count() {
      return count;
    },
    add(keyStart, keyEnd, valueStart, valueEnd) {
      grow();
      const at = 4 * count;
      offsets[at] = keyStart;
      offsets[at + 1] = keyEnd;
      offsets[at + 2] = valueStart;
      offsets[at + 3] = valueEnd;
      const raw: Span = { bytes, start: keyStart + 1, end: keyEnd - 1 };
      const name = hasEscape(raw) ? unescaped(bytes.subarray(keyStart, keyEnd), keyStart) : raw;
      if (name !== raw) escaped.set(count, name);
      const hash = hashOf(name);
      const slot = slotOf(name, hash);
      if (slots[slot] !== NONE) throw new JsonBytesError(`the record ${text(raw)} is there twice`, keyStart);
      hashes[count] = hash;
      slots[slot] = count++;
    },
    build: () => {
      let group: ((name: string) => number[]) | undefined;
      return {
        count,
        find: (fn) => {
          const plain = hashOfText(fn);
          if (plain !== undefined) return findText(fn, plain);
          const name = spanOf(fn);
          const found = slots[slotOf(name, hashOf(name))]!;
          return found === NONE ? -1 : found;
        },
        filename: (index) => text(nameOf(index)),
        keyStart: (index) => offsets[4 * index]!,
        valueStart: (index) => offsets[4 * index + 2]!,
        valueEnd: (index) => offsets[4 * index + 3]!,
        ofName: (name) => (group ??= groupByName(count, nameOf))(name),
      };
    },
  };
}

/** Chains records of one package name in document order; made once, when a name is first asked for. */
function groupByName(count: number, nameOf: (index: number) => Span): (name: string) => number[] {
  let size = 2048;
  while (size < count * 2) size *= 2;
  const mask = size - 1;
  const first = new Uint32Array(size).fill(NONE);
  const last = new Uint32Array(size).fill(NONE);
  const next = new Uint32Array(count).fill(NONE);

  function slotOf(name: Span): number {
    let slot = hashOf(name) & mask;
    while (first[slot] !== NONE && !equal(packageName(nameOf(first[slot]!)), name)) slot = (slot + 1) & mask;
    return slot;
  }

  for (let index = 0; index < count; index++) {
    const slot = slotOf(packageName(nameOf(index)));
    if (first[slot] === NONE) first[slot] = index;
    else next[last[slot]!] = index;
    last[slot] = index;
  }

  return (name) => {
    const indexes: number[] = [];
    for (let index = first[slotOf(spanOf(name))]!; index !== NONE; index = next[index]!) indexes.push(index);
    return indexes;
  };
}

function packageName({ bytes, start, end }: Span): Span {
  const at = packageNameEnd(bytes, start, end);
  return { bytes, start, end: at < 0 ? end : at };
}

/** Where the package name of a file name ends, at its last but one dash: `r-base` of `r-base-4.1-0.conda`. -1: it has fewer dashes, and is its own name. */
export function packageNameEnd(bytes: Uint8Array, start: number, end: number): number {
  let dashes = 0;
  for (let at = end - 1; at > start; at--) if (bytes[at] === DASH && ++dashes === 2) return at;
  return -1;
}

/** FNV-1a; its low bits alone are poorly mixed, hence the last step. */
function hashOf({ bytes, start, end }: Span): number {
  let value = 0x811c9dc5;
  for (let at = start; at < end; at++) value = Math.imul(value ^ bytes[at]!, 0x01000193);
  return (value ^ (value >>> 15)) >>> 0;
}

/** The same of the bytes of a text; undefined where it is not ASCII alone. */
function hashOfText(text: string): number | undefined {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code > 0x7f) return undefined;
    value = Math.imul(value ^ code, 0x01000193);
  }
  return (value ^ (value >>> 15)) >>> 0;
}

function spells({ bytes, start, end }: Span, text: string): boolean {
  if (end - start !== text.length) return false;
  for (let i = 0; i < text.length; i++) if (bytes[start + i] !== text.charCodeAt(i)) return false;
  return true;
}

function equal(a: Span, b: Span): boolean {
  const length = a.end - a.start;
  if (length !== b.end - b.start) return false;
  for (let i = 0; i < length; i++) if (a.bytes[a.start + i] !== b.bytes[b.start + i]) return false;
  return true;
}

function hasEscape({ bytes, start, end }: Span): boolean {
  for (let at = start; at < end; at++) if (bytes[at] === BACKSLASH) return true;
  return false;
}

function unescaped(quoted: Uint8Array, at: number): Span {
  try {
    return spanOf(JSON.parse(decoder.decode(quoted)) as string);
  } catch {
    throw new JsonBytesError('a file name with a malformed escape', at);
  }
}

function spanOf(name: string): Span {
  const bytes = encoder.encode(name);
  return { bytes, start: 0, end: bytes.length };
}

function text({ bytes, start, end }: Span): string {
  return decoder.decode(bytes.subarray(start, end));
}

/** The same, with as much room again. */
export function larger(array: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const result = new Uint32Array(array.length * 2);
  result.set(array);
  return result;
}
