import { parseRange } from './byte-range.js';
import type { ByteRange } from './byte-range.js';

/** A file as its reader may ask about it. */
export interface Representation {
  /** Strong, with its quotes. */
  etag: string;
  /** Absent where the file's time is none that may be sent. */
  lastModified: string | undefined;
  size: number;
}

/** What a request gets of a representation. `range`: 206; `unsatisfiable`: 416. */
export type Outcome = 'whole' | 'not-modified' | 'failed' | 'unsatisfiable' | ByteRange;

/** Preconditions in the order of RFC 9110, 13.2.2, then the range (14.2; of GET only). Header names in lower case. */
export function outcomeOf(
  { method, headers }: { method: string; headers: Readonly<Record<string, string>> },
  file: Representation,
): Outcome {
  const modified = file.lastModified === undefined ? undefined : Date.parse(file.lastModified);
  const ifMatch = headers['if-match'];
  const unmodifiedSince = dateOf(headers['if-unmodified-since']);
  if (ifMatch !== undefined) {
    if (!lists(ifMatch, file.etag, 'strong')) return 'failed';
  } else if (unmodifiedSince !== undefined && modified !== undefined && modified > unmodifiedSince) return 'failed';

  const ifNoneMatch = headers['if-none-match'];
  const modifiedSince = dateOf(headers['if-modified-since']);
  if (ifNoneMatch !== undefined) {
    if (lists(ifNoneMatch, file.etag, 'weak')) return 'not-modified';
  } else if (modifiedSince !== undefined && modified !== undefined && modified <= modifiedSince) return 'not-modified';

  const range = headers['range'];
  if (method !== 'GET' || range === undefined || !meansThis(headers['if-range'], file)) return 'whole';
  return parseRange(range, file.size);
}

/** A list of entity tags, or `*`. Weak ones count as equal only where a body is not put together from parts. */
function lists(header: string, etag: string, comparison: 'weak' | 'strong'): boolean {
  if (header.trim() === '*') return true;
  const tags = header.match(/(?:W\/)?"[^"]*"/g) ?? [];
  return tags.some((tag) => tag === etag || (comparison === 'weak' && tag === `W/${etag}`));
}

/** If-Range: the same bytes, or else the whole is sent. A date only counts as it was sent (RFC 9110, 13.1.5). */
function meansThis(ifRange: string | undefined, { etag, lastModified }: Representation): boolean {
  if (ifRange === undefined) return true;
  return ifRange.trim() === etag || (lastModified !== undefined && ifRange.trim() === lastModified);
}

/** The three forms of RFC 9110, 5.6.7; anything else is as if it were not there. */
function dateOf(text: string | undefined): number | undefined {
  if (text === undefined || !/^[A-Z][a-z]{2,8},? /.test(text)) return undefined;
  const time = Date.parse(text.endsWith('GMT') ? text : `${text} GMT`);
  return Number.isNaN(time) ? undefined : time;
}
