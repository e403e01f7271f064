import type { PublicHandler, PublicRequest, PublicResponse } from '../runtime/http-door.js';
import type { ChannelFolder } from './channel-folder.js';
import type { FileChecker, ServeRuntime, SmallFile } from './checked-file.js';
import { plainAnswer } from './plain-answer.js';
import { fileAnswer } from './file-answer.js';
import { makeFileFinder } from './find-file.js';
import type { Found } from './find-file.js';
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
    const reply = await fileAnswer(request, { path: file, found, nowMs: rt.clock.now() });
    if (isPlain(request)) kept.keep(request.target, { folder: route.folder, found, reply });
    return reply;
  };

  const kept = keptAnswers(site);
  const guarded = async (request: PublicRequest): Promise<PublicResponse> => {
    const { headers, ...reply } = await answer(request);
    return { ...reply, headers: keptPrivate(headers) };
  };
  // Who a reader is must be asked each time.
  if (guard.closed) return guarded;
  return (request) => (isPlain(request) ? kept.find(request.target) : undefined) ?? answer(request);
}

/** Nothing in it makes the answer another one than the last was. */
function isPlain({ method, headers }: PublicRequest): boolean {
  return method === 'GET' && !ASKING.some((name) => headers[name] !== undefined);
}

const ASKING = ['range', 'if-range', 'if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since'];

/** So many answers are remembered, without their bytes: these are held, and let go, by whoever read them. */
const MOST_KEPT = 20_000;

interface KeptAnswer extends Pick<PublicResponse, 'status' | 'headers'> {
  folder: ChannelFolder;
  file: WeakRef<SmallFile>;
  isStill: (file: SmallFile) => boolean;
}

/** What went out whole for a target, as long as a look at folder, index and file says that it would go out again. */
function keptAnswers(site: Site) {
  const answers = new Map<string, KeptAnswer>();
  return {
    find(target: string): PublicResponse | undefined {
      const answer = answers.get(target);
      const file = answer?.file.deref();
      if (answer === undefined || file === undefined) return undefined;
      if (!site.isServed(answer.folder) || !answer.isStill(file)) return undefined;
      return { status: answer.status, headers: answer.headers, body: file.bytes };
    },
    keep(
      target: string,
      { folder, found, reply }: { folder: ChannelFolder; found: Found; reply: PublicResponse },
    ): void {
      const { status, headers } = reply;
      if (found.kind !== 'file' || found.file.kind !== 'small' || found.isStill === undefined) return;
      // A file of the future gets a time as soon as that has come.
      if (status !== 200 || headers['last-modified'] === undefined) return;
      if (answers.size >= MOST_KEPT) answers.delete(answers.keys().next().value!);
      answers.set(target, { folder, file: new WeakRef(found.file), isStill: found.isStill, status, headers });
    },
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
