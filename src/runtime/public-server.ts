import { createServer, STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Answered, PublicRequest, PublicResponse, PublicServer, PublicServerOptions } from './http-door.js';
import { sendAtOnce, sendPieces } from './send-pieces.js';

/** How often waiting connections are looked through, and idle ones closed while the server stops. */
const CHECK_MS = 5000;
const STOP_CHECK_MS = 50;
/** A refused connection stays so long for its answer to be read: closing over unread bytes resets it. */
const LINGER_MS = 1000;
const RETRY_AFTER_S = '5';

/** Of a request: what a client of a channel sends has some ten. */
const MOST_HEADERS = 1000;

/** An answer in memory up to here is written in one go with its head. */
const AT_ONCE = 1 << 16;

interface Line {
  /** Requests on this connection that are not answered yet. */
  waiting: number;
  /** Those behind the first: answers go out one after another, and nothing is opened for a request that was only sent ahead. */
  ahead: [IncomingMessage, ServerResponse][];
  /** What came behind them is no request. */
  broken: boolean;
}

/**
 * A server for strangers: every limit is set, requests with a body are refused, none is parsed leniently. Rejects with the error of
 * the socket.
 */
export async function listenPublic(options: PublicServerOptions): Promise<PublicServer> {
  const { limits } = options;
  /** Who has been without a request for the longest stands first. */
  const lines = new Map<Duplex, Line>();
  const abandoned = new AbortController();
  const state = { stopping: false, underWay: 0, streams: 0 };
  const server = createServer({
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headersMs,
    requestTimeout: limits.headersMs,
    keepAliveTimeout: limits.keepAliveMs,
    connectionsCheckingInterval: Math.min(CHECK_MS, Math.ceil(limits.headersMs / 3)),
    insecureHTTPParser: false,
    noDelay: true,
  });
  // By itself it hands on the first 2,000 headers and says nothing of the others: a length or a second host could hide there.
  server.maxHeadersCount = 0;
  server.on('connection', (socket) => {
    // Who keeps a line for later, or never ends the head of a request, gives it up for one that has come now.
    if (lines.size >= 2 * limits.connections && !dropWaiting()) return void socket.destroy();
    lines.set(socket, { waiting: 0, ahead: [], broken: false });
    socket.on('close', () => lines.delete(socket));
  });

  function dropWaiting(): boolean {
    for (const [socket, { waiting }] of lines) {
      if (waiting > 0) continue;
      lines.delete(socket);
      socket.destroy();
      return true;
    }
    return false;
  }

  const take = (request: IncomingMessage, response: ServerResponse): void => {
    const line = lines.get(request.socket);
    // What comes all the same is not kept.
    request.resume();
    if (line === undefined || line.waiting >= limits.pipelined) return void request.socket.destroy();
    line.waiting += 1;
    if (line.waiting > 1) line.ahead.push([request, response]);
    else void answerAll(line, request, response);
  };
  const answerAll = async (line: Line, first: IncomingMessage, firstResponse: ServerResponse): Promise<void> => {
    // After all that came with it: a connection that sends too many gets no answer at all.
    await undefined;
    let next: Line['ahead'][number] | undefined = [first, firstResponse];
    for (; next !== undefined; next = line.ahead.shift()) {
      const [request, response] = next;
      await answer(request, response).catch(() => void response.destroy());
      line.waiting -= 1;
      if (lines.delete(request.socket)) lines.set(request.socket, line);
    }
    if (line.broken) close(first.socket);
  };
  server.on('request', take);
  // A body is refused, so nobody is told to go on sending it.
  server.on('checkContinue', take);
  server.on('connect', (request, socket) => refuse(socket, 405, { method: 'CONNECT', target: request.url ?? '' }));
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET') return void socket.destroy();
    const line = lines.get(socket);
    if (line === undefined || line.waiting === 0) return refuse(socket, statusOf(error), { method: '', target: '' });
    // What was asked before is still answered; in between nothing may be written.
    line.broken = true;
  });

  await listen(server, options);
  const { port, address } = server.address() as AddressInfo;
  return { port, address, stop: ({ deadlineMs }) => stop(deadlineMs) };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.socket.destroyed) return;
    const begun = performance.now();
    state.underWay += 1;
    let answered = { status: 500, bytes: 0, complete: false };
    try {
      const reply = preset(request) ?? (await replyTo(request));
      answered = await send(request, response, reply);
    } finally {
      state.underWay -= 1;
      tell({ ...answered, begun, client: clientOf(request.socket), ...headOf(request) });
    }
  }

  async function replyTo(request: IncomingMessage): Promise<PublicResponse> {
    try {
      return await options.handler(received(request), abandoned.signal);
    } catch {
      return failed();
    }
  }

  /** Answers that need no look at the folder. */
  function preset(request: IncomingMessage): PublicResponse | undefined {
    // A bare `GET /` too, which is HTTP/0.9: a proxy before us may read where it ends otherwise.
    if (request.httpVersion !== '1.1' && request.httpVersion !== '1.0')
      return plainResponse(505, { connection: 'close' });
    if (state.underWay > limits.connections)
      return plainResponse(503, { 'retry-after': RETRY_AFTER_S, connection: 'close' });
    if (request.rawHeaders.length > 2 * MOST_HEADERS) return plainResponse(431, { connection: 'close' });
    if (!hasSoundHost(request)) return plainResponse(400, { connection: 'close' });
    // RFC 9110, 9.3.1: content in a GET has no meaning, and is a way to smuggle requests past a proxy.
    if (!hasBody(request)) return undefined;
    return isRead(request.method) ? plainResponse(400, { connection: 'close' }) : undefined;
  }

  async function send(
    request: IncomingMessage,
    response: ServerResponse,
    { status, headers, body }: PublicResponse,
  ): Promise<{ status: number; bytes: number; complete: boolean }> {
    const closes = state.stopping || hasBody(request);
    const close = closes ? { connection: 'close' } : {};
    const withoutBody = request.method === 'HEAD' || status === 304;
    try {
      const bytes = body instanceof Uint8Array ? body.length : undefined;
      const stated = bytes === undefined || status === 304 || headers['content-length'] !== undefined;
      const length = stated ? {} : { 'content-length': String(bytes) };
      response.writeHead(status, stated && !closes ? headers : { ...length, ...headers, ...close });
      if (withoutBody || body === undefined) {
        response.end();
        return { status, bytes: 0, complete: true };
      }
      if (bytes !== undefined && bytes <= AT_ONCE) {
        const sent = await sendAtOnce(response, body as Uint8Array, limits.pieceMs);
        if (!sent.complete) request.socket.destroy();
        return { status, ...sent };
      }
      // What is held in memory goes out in pieces too: who does not read it may not keep the connection.
      const held = body instanceof Uint8Array;
      if (!held) state.streams += 1;
      const pieces = held ? slices(body) : body.pieces(pieceBytes);
      const sent = await sendPieces(response, pieces, limits.pieceMs).finally(() => {
        if (!held) state.streams -= 1;
      });
      if (!sent.complete) request.socket.destroy();
      return { status, ...sent };
    } finally {
      if (body !== undefined && !(body instanceof Uint8Array)) await body.close();
    }
  }

  async function* slices(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length;) {
      const piece = bytes.subarray(at, at + pieceBytes());
      at += piece.length;
      yield piece;
    }
  }

  /** Large pieces are fast, and two of them are held for each stream: together some 130 MB at most. */
  function pieceBytes(): number {
    if (state.streams <= 16) return 1 << 20;
    return state.streams <= 128 ? 1 << 18 : 1 << 16;
  }

  /** For what has no response object. */
  function refuse(socket: Duplex, status: number, head: { method: string; target: string }): void {
    const { headers = {}, body } = plainResponse(status, { connection: 'close' });
    if (!socket.writable) return void socket.destroy();
    const lead = Object.entries({ ...headers, 'content-length': String((body as Uint8Array).length) });
    const text = lead.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    close(socket, `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${text}\r\n${String(body)}`);
    const bytes = (body as Uint8Array).length;
    tell({ ...head, status, bytes, complete: true, agent: '', client: clientOf(socket as Socket), begun: undefined });
  }

  function close(socket: Duplex, last = ''): void {
    socket.end(last);
    socket.on('error', () => {});
    setTimeout(() => socket.destroy(), LINGER_MS).unref();
  }

  function tell({ begun, ...answered }: Omit<Answered, 'ms'> & { begun: number | undefined }): void {
    options.onAnswered({ ...answered, ms: begun === undefined ? 0 : performance.now() - begun });
  }

  async function stop(deadlineMs: number): Promise<number> {
    state.stopping = true;
    const closed = new Promise<void>((resolve) => void server.close(() => resolve()));
    const sweep = (): void => {
      server.closeIdleConnections();
      // Opened ahead and never used: no request is lost with them.
      for (const socket of lines.keys()) if ((socket as Socket).bytesRead === 0) socket.destroy();
    };
    sweep();
    const sweeping = setInterval(sweep, STOP_CHECK_MS);
    let brokenOff = 0;
    const deadline = setTimeout(() => {
      brokenOff = state.underWay;
      abandoned.abort(new Error('the server is stopped'));
      server.closeAllConnections();
    }, deadlineMs);
    await closed;
    clearInterval(sweeping);
    clearTimeout(deadline);
    return brokenOff;
  }
}

/** Text, never a bare number or an object: conda takes JSON for an answer with reasons. */
function plainResponse(status: number, headers: Record<string, string>): PublicResponse {
  return {
    status,
    headers: { 'content-type': 'text/plain; charset=utf-8', ...headers },
    body: Buffer.from(`${status} ${STATUS_CODES[status] ?? ''}\n`),
  };
}

/** A handler that throws is a bug or a broken disk; the client is not told which. */
function failed(): PublicResponse {
  return plainResponse(500, {});
}

function statusOf({ code }: NodeJS.ErrnoException): number {
  if (code === 'HPE_HEADER_OVERFLOW') return 431;
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
}

function isRead(method: string | undefined): boolean {
  return method === 'GET' || method === 'HEAD';
}

/** At most one, and its value is one (RFC 9112, 3.2: anything else MUST be refused). That there is one in HTTP/1.1, Node sees to. */
function hasSoundHost({ rawHeaders }: IncomingMessage): boolean {
  const hosts = rawHeaders.filter((_, at) => at % 2 === 1 && rawHeaders[at - 1]!.toLowerCase() === 'host');
  return hosts.length <= 1 && hosts.every((host) => HOST.test(host));
}

/** `uri-host [ ":" port ]` of RFC 3986, 3.2.2; it may be empty. */
const HOST = /^(?:\[[\da-fv:.]+\]|(?:[\w.~!$&'()*+,;=-]|%[\da-f]{2})*)(?::\d*)?$/i;

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0;
}

function received(request: IncomingMessage): PublicRequest {
  const headers: Record<string, string> = {};
  for (const name in request.headers) {
    const value = request.headers[name];
    headers[name] = Array.isArray(value) ? value.join(', ') : (value ?? '');
  }
  return { method: request.method ?? '', target: request.url ?? '', headers, client: clientOf(request.socket) };
}

function headOf(request: IncomingMessage): { method: string; target: string; agent: string } {
  return { method: request.method ?? '', target: request.url ?? '', agent: request.headers['user-agent'] ?? '' };
}

/** An IPv4 client of a socket for both families without its prefix; empty where it is gone already. */
function clientOf(socket: Socket): string {
  return (socket.remoteAddress ?? '').replace(/^::ffff:(?=\d+\.)/, '');
}

function listen(server: Server, { host, port }: PublicServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, backlog: 511 }, () => {
      server.off('error', reject);
      // A failed `accept` (too many open files) concerns one connection, not the server.
      server.on('error', () => {});
      resolve();
    });
  });
}
