import { asText, isObject } from '../../base/json.js';
import { RepackError } from '../../base/errors.js';
import {
  JsonBytesError,
  eachMember,
  expectChar,
  isBlank,
  skipBlanks,
  skipMark,
  skipValue,
} from '../../base/json-bytes.js';
import { isRecordMap, MAX_DEPTH, MAX_RECORDS, RECORD_MAPS } from './index-limits.js';
import { recordTableBuilder } from './record-table.js';
import type { RepodataIndex } from './repodata-index.js';
import type { RepodataDocument } from './repodata-document.js';
import { indexOf } from './repodata-document.js';
import { shown } from '../channel/names.js';

const MAX_BYTES = 0xffff_fffe;
const INDEX_KEYS = new Set(['info', 'removed', 'repodata_version', 'v3', 'signatures']);
/** CEP 15 made 2; CEP 48 leaves the number alone. */
const NEWEST_REPODATA_VERSION = 2;

export interface ScanOptions {
  /** The subdir the document was asked for under: `info.subdir`, where there is one, must be the same. */
  subdir?: string | undefined;
  /** Nothing but blanks is an index without records: in a channel folder of others (CEP 36). */
  mayBeBlank?: boolean | undefined;
  /** The package names of the whole index, where the document is a part of it. */
  names?: readonly string[];
  /** How many records that has. */
  published?: number;
}

const EMPTY_INDEX = new TextEncoder().encode('{}');

/**
 * Finds the records of a whole `repodata.json` by their bytes, without parsing them; `where` (URL or path, token-free) is for messages.
 * The bytes are kept, not copied: they must not change. Throws E_REPODATA for what is no repodata: truncated, HTML, a file
 * named twice, an unknown `repodata_version`, another subdir. A malformed record is found when it is asked for.
 */
export function scanRepodata(bytes: Uint8Array, where: string, options: ScanOptions = {}): RepodataIndex {
  try {
    const document = scanned(options.mayBeBlank === true && isBlank(bytes) ? EMPTY_INDEX : bytes, where);
    if (options.subdir !== undefined && document.subdir !== undefined && document.subdir !== options.subdir) {
      throw new JsonBytesError(`its info.subdir is ${shown(document.subdir)}, not ${shown(options.subdir)}`, 0);
    }
    const { names, published } = options;
    return indexOf(names === undefined ? document : { ...document, names, published });
  } catch (error) {
    if (!(error instanceof JsonBytesError)) throw error;
    throw new RepackError('E_REPODATA', {
      what: `this is not a repodata.json that can be read: ${error.message}`,
      where: error.at > 0 ? `${where}, byte ${error.at}` : where,
      hint: 'Try again; if it stays, open the address in a browser and report it to the owner of the channel or proxy.',
      cause: error,
    });
  }
}

function scanned(bytes: Uint8Array, where: string): RepodataDocument {
  if (bytes.length > MAX_BYTES) throw new JsonBytesError('it is larger than 4 GB', 0);
  const start = begin(bytes);
  const builder = recordTableBuilder(bytes);
  const seen = new Map<string, readonly [number, number]>();
  const end = eachMember(bytes, start, (keyStart, keyEnd, valueStart) => {
    const key = parsedText(bytes, keyStart, keyEnd);
    if (seen.has(key)) throw new JsonBytesError(`the key ${shown(key)} is there twice`, keyStart);
    const valueEnd = isRecordMap(key)
      ? eachMember(bytes, valueStart, (fnStart, fnEnd, recordStart) => {
          const recordEnd = skipValue(bytes, recordStart, MAX_DEPTH);
          if (builder.count === MAX_RECORDS)
            throw new JsonBytesError(`it has more than ${MAX_RECORDS} records`, recordStart);
          builder.add(fnStart, fnEnd, recordStart, recordEnd);
          return recordEnd;
        })
      : skipValue(bytes, valueStart, MAX_DEPTH);
    seen.set(key, [valueStart, valueEnd]);
    return valueEnd;
  });
  if (skipBlanks(bytes, end) !== bytes.length) throw new JsonBytesError('something follows its end', end);
  // CEP 36: an object without records is an empty index; conda tells people to write `{}`.
  if ([...seen.keys()].some((key) => !INDEX_KEYS.has(key)) && !RECORD_MAPS.some((key) => seen.has(key)))
    throw new JsonBytesError('it has neither "packages" nor "packages.conda"', 0);
  const info = infoOf(bytes, seen.get('info'));
  return {
    bytes,
    where,
    table: builder.build(),
    members: seen,
    subdir: asText(info['subdir']),
    baseUrl: asText(info['base_url']),
    repodataVersion: versionOf(bytes, seen.get('repodata_version')),
  };
}

/** Past a byte order mark and blanks to the first brace. */
function begin(bytes: Uint8Array): number {
  const start = skipMark(bytes);
  if (start === bytes.length) throw new JsonBytesError('it is empty', 0);
  if (bytes[start] === 0x3c)
    throw new JsonBytesError('it is an HTML or XML page, such as a proxy or a login puts in its place', 0);
  expectChar(bytes, start, '{');
  return start;
}

function infoOf(bytes: Uint8Array, range: readonly [number, number] | undefined): Record<string, unknown> {
  if (range === undefined) return {};
  const info = parsedValue(bytes, range);
  if (!isObject(info)) throw new JsonBytesError('its "info" is not an object', range[0]);
  return info;
}

function versionOf(bytes: Uint8Array, range: readonly [number, number] | undefined): number {
  if (range === undefined) return 1;
  const version = parsedValue(bytes, range);
  if (!Number.isSafeInteger(version) || (version as number) < 0)
    throw new JsonBytesError('its "repodata_version" is not a whole number', range[0]);
  if ((version as number) <= NEWEST_REPODATA_VERSION) return version as number;
  throw new JsonBytesError(
    `its repodata_version is ${String(version)}; known are up to ${NEWEST_REPODATA_VERSION}`,
    range[0],
  );
}

function parsedText(bytes: Uint8Array, start: number, end: number): string {
  return parsedValue(bytes, [start, end]) as string;
}

function parsedValue(bytes: Uint8Array, [start, end]: readonly [number, number]): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(start, end)));
  } catch {
    throw new JsonBytesError('a value that is not JSON', start);
  }
}
