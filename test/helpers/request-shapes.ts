import { readFileSync } from 'node:fs';
import { inParallel } from '../../src/base/parallel.js';
import { parseAnswer, rawExchange, statusesIn } from './raw-http.js';

/** One line of test/attack/request-shapes.md. `why` is empty where both answer the same. */
export interface RequestShape {
  what: string;
  request: string;
  ours: string;
  nginx: string;
  why: string;
}

/** What a server says of the file that is asked for: for conditions. */
export interface FileFacts {
  port: number;
  etag: string;
  modified: string;
}

export const SHAPED_FILE = { path: '/acme/noarch/file-1-0.conda', bytes: '0123456789abcdefghijklmnopqrstuvwxyzABCD' };
const TABLE = new URL('../attack/request-shapes.md', import.meta.url);

/** Rows of the table, in its order. */
export function requestShapes(): RequestShape[] {
  return readFileSync(TABLE, 'utf8')
    .split('\n')
    .filter((line) => /^\| .*` \|/.test(line))
    .map((line) => {
      const [what, request, ours, nginx, why] = line
        .slice(1, -1)
        .split(' |')
        .map((cell) => cell.trim()) as [string, string, string, string, string];
      return { what: what === '' ? request.slice(1, -1) : what, request: request.slice(1, -1), ours, nginx, why };
    });
}

/** The bytes of a request, one character each. The table says how they are written down there. */
export function requestBytes(request: string, { etag, modified }: FileFacts): string {
  const time = Date.parse(modified);
  const words: Record<string, string> = {
    file: SHAPED_FILE.path,
    FILE: SHAPED_FILE.path.toUpperCase(),
    next: 'GET /acme/noarch/repodata.json HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n',
    etag,
    modified,
    later: new Date(time + 60_000).toUTCString(),
    earlier: new Date(time - 60_000).toUTCString(),
    rfc850: otherDate(modified, ([day, date, month, year, clock]) => {
      return `${LONG_DAYS.find((each) => each.startsWith(day))}, ${date}-${month}-${year.slice(2)} ${clock} GMT`;
    }),
    asctime: otherDate(modified, ([day, date, month, year, clock]) => {
      return `${day} ${month} ${date.replace(/^0/, ' ')} ${clock} ${year}`;
    }),
  };
  let text = request.replaceAll(/\{(\w+)\}/g, (all, word: string) => words[word] ?? all);
  text = text.replaceAll(/\{([^{}]*)\*(\d+)\}/g, (_, part: string, count: string) => part.repeat(Number(count)));
  if (text.startsWith('RAW ')) return unescaped(text.slice('RAW '.length));
  const [line, ...headers] = text.split(' · ');
  if (!headers.some((header) => header.startsWith('Connection:'))) headers.push('Connection: close');
  return unescaped(`${line} HTTP/1.1\\r\\nHost: x\\r\\n${headers.join('\\r\\n')}\\r\\n\\r\\n`);
}

const LONG_DAYS = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'];

function otherDate(modified: string, write: (parts: [string, string, string, string, string]) => string): string {
  const [, ...parts] = /^(\w+), (\d+) (\w+) (\d+) (\S+) GMT$/.exec(modified)!;
  return write(parts as [string, string, string, string, string]);
}

const ESCAPES: Readonly<Record<string, string>> = { r: '\r', n: '\n', t: '\t', '0': '\0', '\\': '\\' };

function unescaped(text: string): string {
  return text.replaceAll(/\\(?:x([0-9a-f]{2})|(.))/g, (_, code: string | undefined, sign: string) =>
    code === undefined ? ESCAPES[sign]! : String.fromCharCode(Number.parseInt(code, 16)),
  );
}

/**
 * What came back, in a word: the status of each answer (`200 404`, `200 x 10`), a range with it (`206 0-9`, `206 parts`), `bytes` where they
 * come without a head, `nothing`. Throws where the bytes of the file are sent and are not the right ones.
 */
export function outcomeOf(answer: string): string {
  if (answer === '') return 'nothing';
  const statuses = statusesIn(answer);
  if (statuses.length === 0) return 'bytes';
  const { status, headers, body } = parseAnswer(answer);
  const [, from, to, size] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(headers['content-range'] ?? '') ?? [];
  if (status === 206 && from !== undefined) {
    const sent = body.toString('latin1').slice(0, Number(to) + 1 - Number(from));
    if (
      size === String(SHAPED_FILE.bytes.length) &&
      body.length > 0 &&
      sent !== SHAPED_FILE.bytes.slice(Number(from), Number(to) + 1)
    )
      throw new Error(`another part than it says: ${answer}`);
    return ['206', `${from}-${to}`, ...statuses.slice(1)].join(' ');
  }
  if (status === 206) return 'parts';
  const bytes = body.toString('latin1');
  // Of a HEAD the next answer follows at once.
  const isFile = status === 200 && headers['content-length'] === String(SHAPED_FILE.bytes.length);
  if (isFile && !/^(?:HTTP\/1|$)/.test(bytes) && !bytes.startsWith(SHAPED_FILE.bytes))
    throw new Error(`other bytes: ${answer}`);
  const same = statuses.every((each) => each === statuses[0]);
  return same && statuses.length > 3 ? `${statuses[0]} x ${statuses.length}` : statuses.join(' ');
}

/** Asks one server for each of them, some at once. */
export async function askShapes(shapes: readonly RequestShape[], facts: FileFacts): Promise<string[]> {
  return inParallel(shapes, 16, async ({ request, what }) => {
    const bytes = requestBytes(request, facts);
    try {
      return outcomeOf(await rawExchange(facts.port, Buffer.from(bytes, 'latin1'), { quietMs: 20_000 }));
    } catch (error) {
      throw new Error(what, { cause: error });
    }
  });
}

/** As the server says it of the file. */
export async function factsOf(port: number): Promise<FileFacts> {
  const text = `GET ${SHAPED_FILE.path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`;
  const { status, headers } = parseAnswer(await rawExchange(port, text));
  if (status !== 200) throw new Error(`the file is answered by ${status}`);
  return { port, etag: headers['etag']!, modified: headers['last-modified']! };
}
