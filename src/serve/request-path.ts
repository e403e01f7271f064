/**
 * A request target taken apart: decoded segments, without the empty one of a slash at the end (`folder`). `bad`: nothing that a client
 * of a channel sends.
 */
export type RequestPath = { kind: 'path'; segments: readonly string[]; folder: boolean } | { kind: 'bad' };

const BAD: RequestPath = { kind: 'bad' };

/**
 * Only the origin form (`/a/b?query`; the query means nothing here): this is no proxy, so an absolute URI is refused, whatever RFC 9112
 * (3.2.2) asks of others. Segments are split before they are decoded, once; one that decodes to a way out (`..`, `/`, `\`), a control
 * character or a broken escape makes the whole target bad. What is left is only ever looked up, never joined to a path.
 */
export function parseRequestPath(target: string): RequestPath {
  if (!target.startsWith('/')) return BAD;
  const end = target.search(/[?#]/);
  const raw = (end === -1 ? target : target.slice(0, end)).slice(1).split('/');
  const folder = raw.at(-1) === '';
  if (folder) raw.pop();
  const segments: string[] = [];
  for (const text of raw) {
    const segment = decoded(text);
    if (segment === undefined || segment === '.' || segment === '..' || UNSAFE.test(segment)) return BAD;
    segments.push(segment);
  }
  return { kind: 'path', segments, folder };
}

// eslint-disable-next-line no-control-regex
const UNSAFE = /[\u0000-\u001f\u007f/\\]/;

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
