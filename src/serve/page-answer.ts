import { sha256Of } from '../codec/digests.js';
import { MANIFEST_NAME, SIGNATURE_NAME, SUMS_NAME } from '../channel/manifest/manifest.js';
import type { PublicRequest, PublicResponse } from '../runtime/http-door.js';
import { renderNotFound, renderRootPage } from '../site/page/root.js';
import type { Asking } from '../site/page/html.js';
import { channelUrl } from '../site/page/install-lines.js';
import type { Credentials } from '../site/page/install-lines.js';
import type { FolderPage, PageRemark } from '../site/page/render.js';
import { plainAnswer } from './plain-answer.js';
import type { FolderContents, ChannelFolder } from './channel-folder.js';
import { MOST_AT_ONCE, summarise } from './channel-summary.js';
import type { ChannelSummary } from './channel-summary.js';
import { outcomeOf } from './conditions.js';
import { channelPage, foundPart, pageHeaders } from './page.js';
import type { RequestPath } from './request-path.js';
import type { Route, Site } from './site.js';

/** Pages of so many channels and subdirs are remembered. */
const REMEMBERED = 256;
/** Longer texts are no search. */
const LONGEST_QUERY = 200;

/** What others know of label folders; asked once for each generation of one, and for each look at all of them. */
export interface Informants {
  /** What the page of a label folder shows beside names and sizes; undefined: it can't be read now. Never throws. */
  tell(folder: { dir: string }): Promise<FolderPage | undefined>;
  /** Of these labels. Never throws. */
  states(
    labels: readonly string[],
  ): Promise<ReadonlyMap<string, { published: string | null; remarks: readonly PageRemark[] }>>;
}

const BESIDE = [MANIFEST_NAME, SIGNATURE_NAME, SUMS_NAME];
const PAPERS = 'papers/';
const INSTALLERS = 'installers/';

interface Asked {
  path: Extract<RequestPath, { kind: 'path' }>;
  credentials: Credentials;
  route: Exclude<Route, { kind: 'none' }>;
}

export interface Pages {
  /** Undefined where the path is no page: a file, or nothing. */
  answer(request: PublicRequest, asked: Asked): Promise<PublicResponse | undefined>;
  /** Makes ready what the first reader would wait for. */
  prepare(): Promise<void>;
}

/** `/`, `/LABEL/` and `/LABEL/<subdir>/` as HTML, or as JSON where that is asked for; `?q=` searches in a large channel, `?page=` turns. */
export function makePages(site: Site, informants: Informants): Pages {
  const summaries = remembering<ChannelSummary>();
  const tellings = remembering<FolderPage | undefined>();

  const summary = async (folder: ChannelFolder, contents: FolderContents, subdir?: string): Promise<ChannelSummary> => {
    const indexes =
      contents.manifest === undefined ? await Promise.all(contents.subdirs.map((each) => folder.index(each))) : [];
    const state = [contents.manifestFile?.digests.sha256, ...indexes.map((index) => index?.sha256)];
    return summaries([folder.dir, subdir, ...state].join('\0'), () => summarise(folder, contents, subdir));
  };

  const told = async ({ dir }: ChannelFolder, { manifest, manifestFile }: FolderContents) => {
    if (manifest === undefined || manifest.files.length > 2 * MOST_AT_ONCE) return undefined;
    const page = await tellings(`${dir}\0${manifestFile?.digests.sha256}`, () => informants.tell({ dir }));
    // It reads the folder itself: while that is published it may have seen the next one.
    return page?.generation === manifest.generation ? page : undefined;
  };

  return {
    async prepare() {
      for (const folder of await site.folders()) await summary(folder, await folder.contents());
    },
    async answer(request, { path, credentials, route }) {
      const json = wantsJson(request);
      if (route.kind === 'list') {
        if (!path.folder) return redirect(path.segments);
        const all = await Promise.all(route.folders.map(async (folder) => summary(folder, await folder.contents())));
        return json
          ? jsonPage(request, { channels: all.map(brieflyOf) })
          : page(request, await listPage(all), 'nobody');
      }
      const { folder, rest } = route;
      if (rest.length > 1) return undefined;
      const contents = await folder.contents();
      const subdir = rest[0];
      if (subdir !== undefined && !contents.subdirs.includes(subdir)) return undefined;
      if (!path.folder) return redirect(path.segments);
      const found = await summary(folder, contents, subdir);
      if (json) return jsonPage(request, brieflyOf(found));
      const { part, ...search } = searchOf(request);
      if (part === 'list') return page(request, foundPart(found, { search, subdir }), 'its server');
      const url = channelUrl(baseOf(request), folder.name, credentials);
      const listed = site.kind === 'root';
      const files = contents.manifest === undefined ? [] : await folder.present(BESIDE);
      const papers = [...contents.files.keys()].filter(
        (each) => (each.startsWith(PAPERS) && each !== `${PAPERS}index.html`) || each.startsWith(INSTALLERS),
      );
      const view = { url, credentials, subdir, listed, files: [...papers, ...files], search };
      const about = subdir === undefined ? await told(folder, contents) : undefined;
      const { html, asking } = channelPage(found, { ...view, told: about });
      return page(request, html, asking);
    },
  };

  async function listPage(all: readonly ChannelSummary[]): Promise<string> {
    // Of a mirror and of a channel of others there is no state to tell.
    const states = await informants.states(all.flatMap(({ name, specs }) => (specs.length > 0 ? [name] : [])));
    const channels = all.map(({ name, generation = null, subdirs, count, bytes }) => {
      const { published = null, remarks = [] } = states.get(name) ?? {};
      return { name, generation, published, remarks, subdirs, packages: count, bytes };
    });
    return renderRootPage({ channels });
  }

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

/** The first who asks does the work; what was asked longest ago is forgotten. */
function remembering<T>(): (key: string, work: () => Promise<T>) => Promise<T> {
  const known = new Map<string, Promise<T>>();
  return (key, work) => {
    const before = known.get(key);
    if (before !== undefined) return before;
    if (known.size >= REMEMBERED) known.delete(known.keys().next().value!);
    const fresh = work().catch((error: unknown) => {
      known.delete(key);
      throw error;
    });
    known.set(key, fresh);
    return fresh;
  };
}

function searchOf({ target }: PublicRequest): { query: string; page: number; part: string | null } {
  const search = new URL(target, 'http://here').searchParams;
  const page = Number(search.get('page') ?? 1);
  const query = (search.get('q') ?? '').slice(0, LONGEST_QUERY);
  return { query, page: Number.isSafeInteger(page) ? page : 1, part: search.get('part') };
}

/** What is not there, for who looks with a browser. `home` leads to the first page. */
export async function notFound(request: PublicRequest, site: Site, home: string): Promise<PublicResponse> {
  if (!(request.headers['accept'] ?? '').includes('text/html')) return plainAnswer(404);
  const folders = await site.folders();
  const subdirsOf = async (folder: ChannelFolder): Promise<readonly string[]> =>
    (await folder.contents().catch(() => ({ subdirs: [] }))).subdirs;
  const there =
    site.kind === 'root' ? folders.map(({ name }) => name) : (await Promise.all(folders.map(subdirsOf))).flat();
  const headers = { ...pageHeaders('nobody'), 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' };
  return { status: 404, headers, body: new TextEncoder().encode(renderNotFound({ home, there })) };
}

function jsonPage(request: PublicRequest, value: unknown): PublicResponse {
  return answered(request, `${JSON.stringify(value, null, 2)}\n`, { 'content-type': 'application/json' });
}

function page(request: PublicRequest, html: string, asking: Asking): PublicResponse {
  return answered(request, html, pageHeaders(asking));
}

function answered(request: PublicRequest, text: string, kind: Readonly<Record<string, string>>): PublicResponse {
  const body = new TextEncoder().encode(text);
  const etag = `"${sha256Of(body)}"`;
  const headers = {
    ...kind,
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
