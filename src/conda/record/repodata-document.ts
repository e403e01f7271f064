import { isObject } from '../../base/json.js';
import { nameInFilename } from '../channel/names.js';
import { joinedBytes } from '../../base/json-bytes.js';
import { parseRecord } from './repodata-record.js';
import type { RecordTable } from './record-table.js';
import type { RepodataIndex } from './repodata-index.js';

type Range = readonly [start: number, end: number];

/** A scanned document: the bytes and where things lie in them. Shared by all indexes made of it. */
export interface RepodataDocument {
  bytes: Uint8Array;
  /** URL or path, token-free. */
  where: string;
  table: RecordTable;
  /** Top-level keys in document order, and where their values are. */
  members: ReadonlyMap<string, Range>;
  subdir: string | undefined;
  baseUrl: string | undefined;
  repodataVersion: number;
  /** Of the whole index, where this is a part of it. */
  names?: readonly string[];
  published?: number | undefined;
}

/** `kept`: one byte a record, 1 where the index has it; undefined: all of them. */
export function indexOf(document: RepodataDocument, kept?: Uint8Array): RepodataIndex {
  const { bytes, table, where } = document;
  const isKept = (at: number): boolean => kept === undefined || kept[at] === 1;
  // Much is asked of one file, one thing after the other.
  let last: { fn: string; at: number } | undefined;
  const find = (fn: string): number => {
    if (last?.fn !== fn) last = { fn, at: table.find(fn) };
    return isKept(last.at) ? last.at : -1;
  };
  const raw = (at: number): Uint8Array => bytes.subarray(table.valueStart(at), table.valueEnd(at));
  return {
    subdir: document.subdir,
    baseUrl: document.baseUrl,
    repodataVersion: document.repodataVersion,
    document: bytes,
    published: document.published ?? table.count,
    size: kept === undefined ? table.count : kept.reduce((sum, one) => sum + one, 0),
    filenames: (name) =>
      table
        .ofName(name)
        .filter(isKept)
        .map((at) => table.filename(at)),
    *allFilenames() {
      for (let at = 0; at < table.count; at++) if (isKept(at)) yield table.filename(at);
    },
    *packageNames() {
      if (document.names !== undefined) return yield* document.names;
      for (let at = 0; at < table.count; at++) {
        const name = isKept(at) ? nameInFilename(table.filename(at)) : undefined;
        if (name !== undefined) yield name;
      }
    },
    v3Filenames: () => {
      const range = document.members.get('v3');
      return range === undefined ? [] : namesInV3(bytes.subarray(...range)).filter((fn) => table.find(fn) < 0);
    },
    has: (fn) => find(fn) >= 0,
    position: find,
    positions: table.count,
    record: (fn) => {
      const at = find(fn);
      return at < 0 ? undefined : parseRecord(raw(at), fn, where);
    },
    rawRecord: (fn) => {
      const at = find(fn);
      return at < 0 ? undefined : raw(at);
    },
    filter: (keep) => {
      const chosen = new Uint8Array(table.count);
      for (let at = 0; at < table.count; at++) {
        if (!isKept(at)) continue;
        const fn = table.filename(at);
        if (keep(fn, () => parseRecord(raw(at), fn, where))) chosen[at] = 1;
      }
      return indexOf(document, chosen);
    },
    toBytes: () => documentBytes(document, kept),
  };
}

/** File names of the records in the form of CEP 48, given the value of `v3`: extension -> stem. None where it is absent or something else. */
export function namesInV3(value: Uint8Array | undefined): string[] {
  try {
    const v3: unknown = JSON.parse(new TextDecoder().decode(value ?? new Uint8Array()));
    if (!isObject(v3)) return [];
    return Object.entries(v3).flatMap(([extension, records]) =>
      isObject(records) ? Object.keys(records).map((stem) => `${stem}.${extension}`) : [],
    );
  } catch {
    return [];
  }
}

/**
 * The document again. Keys that begin with `_` are a client's own notes in its cache (conda writes `_url`, which may hold a token) and
 * are left out. A filtered document also loses what would bring the dropped records back: `v3` (CEP 48) and any unknown key.
 */
function documentBytes(document: RepodataDocument, kept: Uint8Array | undefined): Uint8Array {
  const { bytes, members } = document;
  if (kept === undefined) return joined(bytes, wholeMembers(members));
  const parts: Part[] = [];
  const member = (key: string, ...value: Part[]): void =>
    void parts.push(`${parts.length === 0 ? '{' : ','}${JSON.stringify(key)}:`, ...value);
  const carried = (key: string): void => {
    const range = members.get(key);
    if (range !== undefined) member(key, range);
  };
  carried('info');
  member('packages', ...recordParts(document, kept, 'packages'));
  member('packages.conda', ...recordParts(document, kept, 'packages.conda'));
  carried('removed');
  carried('repodata_version');
  return joined(bytes, [...parts, '}']);
}

/** Text to be written as it is, or a range of the document to be copied. */
type Part = string | Range;

function wholeMembers(members: ReadonlyMap<string, Range>): Part[] {
  const carried = [...members].filter(([key]) => !key.startsWith('_'));
  const parts = carried.flatMap(([key, range], at): Part[] => [`${at === 0 ? '' : ','}${JSON.stringify(key)}:`, range]);
  return ['{', ...parts, '}'];
}

function recordParts(document: RepodataDocument, kept: Uint8Array, key: string): Part[] {
  const { table } = document;
  const range = document.members.get(key);
  if (range === undefined) return ['{}'];
  const runs: [number, number][] = [];
  let previous = -2;
  for (let at = 0; at < table.count; at++) {
    const start = table.keyStart(at);
    if (kept[at] !== 1 || start < range[0] || start >= range[1]) continue;
    // Neighbours are copied with the comma that is between them: one piece instead of thousands.
    if (previous === at - 1) runs[runs.length - 1]![1] = table.valueEnd(at);
    else runs.push([start, table.valueEnd(at)]);
    previous = at;
  }
  return ['{', ...runs.flatMap((run, i) => (i === 0 ? [run] : [',', run])), '}'];
}

function joined(bytes: Uint8Array, parts: readonly Part[]): Uint8Array {
  const encoder = new TextEncoder();
  return joinedBytes(
    parts.map((part) => (typeof part === 'string' ? encoder.encode(part) : bytes.subarray(part[0], part[1]))),
  );
}
