import { sha256Of } from '../codec/digests.js';
import { MANIFEST_NAME, SIGNATURE_NAME, SUMS_NAME } from '../channel/manifest/manifest.js';
import type { PublicRequest, PublicResponse } from '../runtime/http-door.js';
import { plainAnswer } from './plain-answer.js';
import type { FolderContents, ChannelFolder } from './channel-folder.js';
import { summarise } from './channel-summary.js';
import type { ChannelSummary } from './channel-summary.js';
import { outcomeOf } from './conditions.js';
import { channelUrl } from '../site/page/install-lines.js';
import type { Credentials } from '../site/page/install-lines.js';
import { PAGE_HEADERS, channelPage, listPage } from './page.js';
import type { RequestPath } from './request-path.js';
import type { Route, Site } from './site.js';

/** Pages of so many channels and subdirs are remembered. */
const REMEMBERED = 256;

const BESIDE = [MANIFEST_NAME, SIGNATURE_NAME, SUMS_NAME];

interface Asked {
  path: Extract<RequestPath, { kind: 'path' }>;
  credentials: Credentials;
  route: Exclude<Route, { kind: 'none' }>;
}

export interface Pages {
  /** Undefined where the path is no page: a file, or nothing. */
  answer(request: PublicRequest, asked: Asked): Promise<PublicResponse | undefined>;
}

/** `/`, `/LABEL/` and `/LABEL/<subdir>/` as HTML, or as JSON where that is asked for. */
export function makePages(site: Site): Pages {
  const remembered = new Map<string, ChannelSummary>();

  const summary = async (folder: ChannelFolder, contents: FolderContents, subdir?: string): Promise<ChannelSummary> => {
    const indexes =
      contents.manifest === undefined ? await Promise.all(contents.subdirs.map((each) => folder.index(each))) : [];
    const state = [contents.manifestFile?.digests.sha256, ...indexes.map((index) => index?.sha256)];
    const key = [folder.dir, subdir, ...state].join('\0');
    const before = remembered.get(key);
    if (before !== undefined) return before;
    const fresh = await summarise(folder, contents, subdir);
    if (remembered.size >= REMEMBERED) remembered.delete(remembered.keys().next().value!);
    remembered.set(key, fresh);
    return fresh;
  };

  return {
    async answer(request, { path, credentials, route }) {
      const json = wantsJson(request);
      if (route.kind === 'list') {
        if (!path.folder) return redirect(path.segments);
        const all = await Promise.all(route.folders.map(async (folder) => summary(folder, await folder.contents())));
        return page(request, json ? asJson({ channels: all.map(brieflyOf) }) : listPage(all), json);
      }
      const { folder, rest } = route;
      if (rest.length > 1) return undefined;
      const contents = await folder.contents();
      const subdir = rest[0];
      if (subdir !== undefined && !contents.subdirs.includes(subdir)) return undefined;
      if (!path.folder) return redirect(path.segments);
      const found = await summary(folder, contents, subdir);
      if (json) return page(request, asJson(brieflyOf(found)), json);
      const url = channelUrl(baseOf(request), folder.name, credentials);
      const files = contents.manifest === undefined ? [] : await folder.present(BESIDE);
      return page(request, channelPage(found, { url, credentials, subdir, listed: site.kind === 'root', files }), json);
    },
  };

  function brieflyOf({
    name,
    label,
    generation,
    subdirs,
    specs,
    count,
    bytes,
  }: ChannelSummary): Record<string, unknown> {
    const place = site.kind === 'root' ? { path: `${name}/` } : {};
    return { name, label, generation, subdirs, specs, packages: count, bytes, ...place };
  }
}

function page(request: PublicRequest, text: string, json: boolean): PublicResponse {
  const body = new TextEncoder().encode(text);
  const etag = `"${sha256Of(body)}"`;
  const headers = {
    ...(json ? { 'content-type': 'application/json' } : PAGE_HEADERS),
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-cache',
    vary: 'Accept, Host, X-Forwarded-Proto, X-Forwarded-Prefix',
    etag,
  };
  const { range: _, ...others } = request.headers;
  const asked = { method: request.method, headers: others };
  const outcome = outcomeOf(asked, { etag, lastModified: undefined, size: body.length });
  if (outcome === 'failed') return plainAnswer(412);
  return outcome === 'not-modified' ? { status: 304, headers } : { status: 200, headers, body };
}

/** Relative, so that it holds behind a proxy that puts a folder in front, and leads to no other host. */
function redirect(segments: readonly string[]): PublicResponse {
  const location = `./${encodeURIComponent(segments.at(-1) ?? '')}/`;
  return { status: 301, headers: { location, 'cache-control': 'no-cache' }, body: new Uint8Array(0) };
}

function wantsJson({ headers }: PublicRequest): boolean {
  const accept = headers['accept'] ?? '';
  return accept.includes('application/json') && !accept.includes('text/html');
}

function asJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/**
 * As the reader sees us, behind a proxy with TLS or below a folder too, without a slash at the end. The headers are theirs, so only what
 * is a host, and what is a path, gets into the page.
 */
function baseOf({ headers }: PublicRequest): string {
  const host = headers['host'] ?? '';
  const sound = /^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?$/.test(host);
  const scheme = headers['x-forwarded-proto'] === 'https' ? 'https' : 'http';
  const folder = /^((?:\/[\w.-]+)+)\/?$/.exec(headers['x-forwarded-prefix'] ?? '')?.[1] ?? '';
  return `${scheme}://${sound ? host : 'THIS-HOST'}${folder}`;
}
