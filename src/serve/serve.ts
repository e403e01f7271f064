import type { PublicHandler, PublicRequest, PublicResponse } from '../runtime/http-door.js';
import type { FileChecker, ServeRuntime } from './checked-file.js';
import { plainAnswer } from './plain-answer.js';
import { fileAnswer } from './file-answer.js';
import { makeFileFinder } from './find-file.js';
import type { Guard } from './guard.js';
import { notFound } from './page-answer.js';
import type { Pages } from './page-answer.js';
import { parseRequestPath } from './request-path.js';
import { withShards } from './shards.js';
import type { Site } from './site.js';

/**
 * Answers GET and HEAD for what the manifests and indexes of the site name, and for its pages; everything else is 404, whatever lies in
 * the folder. A reader who may not read is told so (401) before anything is looked up: conda 4.3 takes 403 and 404 for "no such subdir".
 */
export function makeHandler(
  rt: ServeRuntime,
  {
    site,
    guard,
    checker,
    pages,
    shards,
  }: { site: Site; guard: Guard; checker: FileChecker; pages: Pages; shards: boolean },
): PublicHandler {
  const plain = makeFileFinder(rt, checker);
  const finder = shards ? withShards(plain) : plain;

  const answer = async (request: PublicRequest): Promise<PublicResponse> => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return plainAnswer(405, { allow: 'GET, HEAD' });
    const path = parseRequestPath(request.target);
    if (path.kind === 'bad') return plainAnswer(400);
    const reader = guard.admit({ segments: path.segments, authorization: request.headers['authorization'] });
    if (reader === undefined)
      return plainAnswer(401, { 'www-authenticate': 'Basic realm="conda channel", charset="UTF-8"' });
    const { segments, credentials } = reader;
    const home = '../'.repeat(Math.max(0, segments.length - (path.folder ? 0 : 1))) || './';
    if (segments.some((segment) => segment === '' || segment.startsWith('.'))) return notFound(request, site, home);
    const route = await site.route(segments);
    if (route.kind === 'none') return notFound(request, site, home);
    const page = await pages.answer(request, { path, credentials, route });
    if (page !== undefined) return page;
    if (path.folder || route.kind === 'list') return notFound(request, site, home);
    const file = route.rest.join('/');
    const found = await finder.find(route.folder, file);
    if (found.kind === 'absent') return notFound(request, site, home);
    return fileAnswer(request, { path: file, found, nowMs: rt.clock.now() });
  };

  return async (request) => {
    const { headers, ...reply } = await answer(request);
    return { ...reply, headers: guard.closed ? keptPrivate(headers) : headers };
  };
}

/** No shared cache hands on what was given to one reader. */
function keptPrivate(headers: Readonly<Record<string, string>>): Record<string, string> {
  const { 'cache-control': cache, vary, ...others } = headers;
  return {
    ...others,
    'cache-control': cache === undefined ? 'no-store' : `private, ${cache}`,
    vary: vary === undefined ? 'Authorization' : `${vary}, Authorization`,
  };
}
