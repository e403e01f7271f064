import type { LoopbackRequest, LoopbackResponse } from '../runtime/http.js';

/** A whole file that can be answered in parts. */
export interface Servable {
  size: number;
  /** Without quotes; changes with the content. */
  tag: string;
  contentType: string;
  /** Bytes `start` up to, not including, `end`. */
  read(start: number, end: number): Uint8Array | AsyncIterable<Uint8Array>;
}

/** GET and HEAD of a file that is at hand: ETag, If-None-Match, one Range, If-Range (RFC 9110). */
export function answerFile({ method, headers }: LoopbackRequest, file: Servable): LoopbackResponse {
  const etag = `"${file.tag}"`;
  // `no-cache`: keep it, but ask each time whether it is still so.
  const common = { etag, 'cache-control': 'no-cache', 'accept-ranges': 'bytes', 'content-type': file.contentType };
  if (listsTag(headers['if-none-match'], etag)) return { status: 304, headers: common };
  const range =
    headers['if-range'] === undefined || headers['if-range'] === etag
      ? parseRange(headers['range'], file.size)
      : undefined;
  if (range === 'unsatisfiable')
    return { status: 416, headers: { ...common, 'content-range': `bytes */${file.size}` } };
  const [start, end] = range ?? [0, file.size];
  const partial: Record<string, string> =
    range === undefined ? {} : { 'content-range': `bytes ${start}-${end - 1}/${file.size}` };
  const head = {
    status: range === undefined ? 200 : 206,
    headers: { ...common, ...partial, 'content-length': String(end - start) },
  };
  return method === 'HEAD' ? head : { ...head, body: file.read(start, end) };
}

/** Start and end (exclusive). Undefined: no range, or one that is not understood, which means the whole file. */
export function parseRange(
  header: string | undefined,
  size: number,
): [start: number, end: number] | 'unsatisfiable' | undefined {
  const match = /^bytes=(\d*)-(\d*)$/i.exec(header?.trim() ?? '');
  if (match === null) return undefined;
  const [, first = '', last = ''] = match;
  if (first === '' && last === '') return undefined;
  if (first === '')
    return Number(last) === 0 || size === 0 ? 'unsatisfiable' : [Math.max(0, size - Number(last)), size];
  const [start, end] = [Number(first), last === '' ? size : Math.min(Number(last) + 1, size)];
  if (last !== '' && Number(last) < start) return undefined;
  return start >= size ? 'unsatisfiable' : [start, end];
}

function listsTag(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.split(',').some((each) => each.trim() === '*' || each.trim().replace(/^W\//, '') === etag);
}
