import {
  createServer as createHttpServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Leaf } from './certificates.js';

/** One scripted answer. */
export type ChaosStep = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

export interface ChaosRequest {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
}

/** A server that answers as it is told, and keeps what it was asked. */
export interface ChaosServer {
  /** `https://localhost:PORT`, without trailing slash. */
  url: string;
  port: number;
  /** In order of arrival. */
  requests: ChaosRequest[];
  /**
   * What a path (as sent, with the token) is answered: one step a request, the last one again and again. Without steps: 404. A HEAD
   * takes no step unless `HEAD <path>` is scripted: it is answered 404.
   */
  script(path: string, ...steps: ChaosStep[]): void;
  /** Answers what has no steps of its own, whatever the method. */
  scriptAll(step: ChaosStep): void;
  /** Requests for one path, GET only. */
  asked(path: string): ChaosRequest[];
  /** `METHOD path` of each request that held the token, in its path or in any header. */
  tokenReceipts(token: string): string[];
  close(): Promise<void>;
}

export interface ChaosServerOptions {
  /** TLS with this certificate; without: plain http. */
  certificate?: Leaf;
  /** Name in `url`; the server listens on the loopback address that belongs to it. */
  host?: '127.0.0.1' | 'localhost' | '127.0.0.2';
}

export async function startChaosServer({
  certificate,
  host = 'localhost',
}: ChaosServerOptions = {}): Promise<ChaosServer> {
  const requests: ChaosRequest[] = [];
  const scripts = new Map<string, ChaosStep[]>();
  let otherwise = answer(404);
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    const { method = '', url: path = '', headers } = request;
    requests.push({ method, path, headers });
    const steps = scripts.get(method === 'GET' ? path : `${method} ${path}`) ?? [];
    const step = (steps.length > 1 ? steps.shift() : steps[0]) ?? otherwise;
    response.on('error', () => {});
    void Promise.resolve(step(request, response)).catch(() => response.destroy());
  };
  const server = certificate === undefined ? createHttpServer(listener) : createTlsServer(certificate, listener);
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, host === 'localhost' ? '127.0.0.1' : host, resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `${certificate === undefined ? 'http' : 'https'}://${host}:${port}`,
    port,
    requests,
    script: (path, ...steps) => void scripts.set(path, steps),
    scriptAll: (step) => void (otherwise = step),
    asked: (path) => requests.filter((request) => request.method === 'GET' && request.path === path),
    tokenReceipts: (token) =>
      requests
        .filter(({ path, headers }) => `${path} ${JSON.stringify(headers)}`.includes(token))
        .map(({ method, path }) => `${method} ${path}`),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export type Headers = Record<string, string>;

/** A status, with a small text body. */
export function answer(status: number, headers: Headers = {}, body = ''): ChaosStep {
  return (_request, response) => {
    response.writeHead(status, { 'content-length': String(Buffer.byteLength(body)), ...headers });
    response.end(body);
  };
}

export function redirect(location: string, status = 302): ChaosStep {
  return answer(status, { location });
}

/** A file as a good server gives it: one Range, If-Range by ETag or Last-Modified, If-None-Match. */
export function file(body: Uint8Array | string, headers: Headers = {}): ChaosStep {
  return (request, response) => {
    const part = partOf(request, Buffer.from(body), headers);
    response.writeHead(part.status, part.headers);
    response.end(part.status === 304 ? undefined : part.bytes);
  };
}

/** Says the whole length, sends `bytes` of what was asked, and resets the connection. */
export function cutAfter(bytes: number, body: Uint8Array, headers: Headers = {}): ChaosStep {
  return (request, response) => {
    const part = partOf(request, Buffer.from(body), headers);
    response.writeHead(part.status, part.headers);
    response.flushHeaders();
    response.write(part.bytes.subarray(0, bytes), () => setImmediate(() => request.socket.destroy()));
  };
}

/** Sends `bytes` and then nothing, with the connection open. */
export function stallAfter(bytes: number, body: Uint8Array, headers: Headers = {}): ChaosStep {
  return (request, response) => {
    const part = partOf(request, Buffer.from(body), headers);
    response.writeHead(part.status, part.headers);
    response.write(part.bytes.subarray(0, bytes));
  };
}

/** One byte at a time; `onByte` before each (to move a clock). */
export function drip(body: Uint8Array, onByte: () => void): ChaosStep {
  return async (_request, response) => {
    response.writeHead(200, { 'content-length': String(body.length) });
    for (let at = 0; at < body.length && !response.destroyed; at += 1) {
      onByte();
      response.write(body.subarray(at, at + 1));
      // Each byte must arrive as a chunk of its own.
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    response.end();
  };
}

/** Ends the connection before a word is said. */
export function resetBeforeHeaders(): ChaosStep {
  return (request) => void request.socket.destroy();
}

/** Bytes written as they are, head included; then the connection is closed. */
export function raw(head: readonly string[], body: Uint8Array = new Uint8Array()): ChaosStep {
  return (request) => {
    request.socket.write([...head, '', ''].join('\r\n'));
    request.socket.end(body);
  };
}

/** No length is said: the end of the connection is the end of the body, be it whole or not. */
export function untilClose(body: Uint8Array, headers: Headers = {}): ChaosStep {
  return raw(
    ['HTTP/1.1 200 OK', 'connection: close', ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`)],
    body,
  );
}

interface Part {
  status: 200 | 206 | 304 | 416;
  headers: Headers;
  bytes: Buffer;
}

function partOf({ headers: asked }: IncomingMessage, body: Buffer, headers: Headers): Part {
  const { etag } = headers;
  const modified = headers['last-modified'];
  if (
    (etag !== undefined && asked['if-none-match'] === etag) ||
    (modified !== undefined && asked['if-modified-since'] === modified)
  ) {
    return { status: 304, headers, bytes: Buffer.alloc(0) };
  }
  const from = Number(/^bytes=(\d+)-$/.exec(asked.range ?? '')?.[1] ?? Number.NaN);
  const same = asked['if-range'] === undefined || asked['if-range'] === (etag ?? modified);
  if (Number.isNaN(from) || !same) {
    return { status: 200, headers: { ...headers, 'content-length': String(body.length) }, bytes: body };
  }
  if (from >= body.length) {
    return {
      status: 416,
      headers: { ...headers, 'content-range': `bytes */${body.length}`, 'content-length': '0' },
      bytes: Buffer.alloc(0),
    };
  }
  const bytes = body.subarray(from);
  const range = `bytes ${from}-${body.length - 1}/${body.length}`;
  return {
    status: 206,
    headers: { ...headers, 'content-range': range, 'content-length': String(bytes.length) },
    bytes,
  };
}
