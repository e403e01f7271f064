import { formatOf } from '../conda/channel/names.js';
import { strangersPagePolicy } from '../site/page/html.js';
import type { PublicRequest, PublicResponse } from '../runtime/http-door.js';
import { plainAnswer } from './plain-answer.js';
import type { ByteRange } from './byte-range.js';
import { outcomeOf } from './conditions.js';
import { fileBody } from './file-body.js';
import type { Found } from './find-file.js';
import { mediaTypeOf } from './media-types.js';

/** conda counts no `max-age` as 0, and asks again with the ETag. */
const ALWAYS_ASK = 'no-cache';
/** A name keeps its bytes, but for `--replace`. */
const ARTIFACT_MAX_AGE_S = 3600;
/** For what will be right again in a moment. */
const RETRY_AFTER_S = 2;

/** What a request gets of the file that was found under its path. Closes the file where it is not sent. */
export async function fileAnswer(
  request: PublicRequest,
  { path, found, nowMs }: { path: string; found: Found; nowMs: number },
): Promise<PublicResponse> {
  if (found.kind === 'absent') return plainAnswer(404);
  if (found.kind === 'unsteady') return plainAnswer(503, { 'retry-after': String(RETRY_AFTER_S) });
  const { file } = found;
  const { size, sha256 } = file.digests;
  const { status, headers, range } = headOf(request, { path, size, sha256, mtimeMs: file.mtimeMs, nowMs });
  if (file.kind === 'open') {
    if (status < 300 && request.method === 'GET') return { status, headers, body: fileBody(file, range) };
    await file.handle.close();
  } else if (status < 300) return { status, headers, body: file.bytes.subarray(range.first, range.last + 1) };
  return status >= 400 ? plainAnswer(status, headers) : { status, headers };
}

interface FileFacts {
  path: string;
  size: number;
  sha256: string;
  mtimeMs: number;
  nowMs: number;
}

function headOf(
  request: PublicRequest,
  { path, size, sha256, mtimeMs, nowMs }: FileFacts,
): { status: number; headers: Record<string, string>; range: ByteRange } {
  const etag = `"${sha256}"`;
  const lastModified = lastModifiedOf(mtimeMs, nowMs);
  const outcome = outcomeOf(request, { etag, lastModified, size });
  const whole = { first: 0, last: size - 1 };
  const range = typeof outcome === 'object' ? outcome : whole;
  const validators = {
    etag,
    'cache-control': formatOf(path) === undefined ? ALWAYS_ASK : `max-age=${ARTIFACT_MAX_AGE_S}`,
    ...(lastModified === undefined ? {} : { 'last-modified': lastModified }),
  };
  if (outcome === 'not-modified') return { status: 304, headers: validators, range };
  if (outcome === 'failed') return { status: 412, headers: {}, range };
  if (outcome === 'unsatisfiable') {
    return { status: 416, headers: { 'content-range': `bytes */${size}`, 'accept-ranges': 'bytes' }, range };
  }
  const part: Record<string, string> =
    outcome === 'whole' ? {} : { 'content-range': `bytes ${range.first}-${range.last}/${size}` };
  return {
    status: outcome === 'whole' ? 200 : 206,
    headers: {
      ...validators,
      'accept-ranges': 'bytes',
      'content-type': mediaTypeOf(path),
      'content-length': String(range.last - range.first + 1),
      'x-content-type-options': 'nosniff',
      ...(path.endsWith('.html') ? { 'content-security-policy': strangersPagePolicy() } : {}),
      ...part,
    },
    range,
  };
}

/** None for a time ahead of our clock (RFC 9110, 8.8.2.1), nor for one that has no such form. */
function lastModifiedOf(mtimeMs: number, nowMs: number): string | undefined {
  if (mtimeMs > nowMs || !(mtimeMs >= 0)) return undefined;
  return new Date(mtimeMs).toUTCString();
}
