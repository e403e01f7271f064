import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable, type Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { LoopbackHandler, LoopbackRequest, LoopbackResponse, LoopbackServer } from './http-door.js';

/** A server on a free port of 127.0.0.1. A handler that throws is answered 500, without a word of why. */
export async function listenOnLoopback(handler: LoopbackHandler): Promise<LoopbackServer> {
  const closing = new AbortController();
  const ask = async (request: LoopbackRequest, signal: AbortSignal): Promise<LoopbackResponse> => {
    try {
      return await handler(request, AbortSignal.any([signal, closing.signal]));
    } catch {
      return { status: 500, headers: {} };
    }
  };
  const server = createServer((request, response) => {
    // A request for a channel file has no body; what comes all the same is not kept.
    request.resume();
    answer(request, response, ask).catch(() => response.destroy());
  });
  const tunnels = new Set<Duplex>();
  server.on('connect', (request, socket) => {
    tunnels.add(socket);
    socket.on('close', () => tunnels.delete(socket)).on('error', () => {});
    void answerConnect(request, socket, ask);
  });
  await listen(server);
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        closing.abort(new Error('the gateway is closed'));
        server.close(() => resolve());
        server.closeAllConnections();
        for (const socket of tunnels) socket.destroy();
      }),
  };
}

type Ask = (request: LoopbackRequest, signal: AbortSignal) => Promise<LoopbackResponse>;

async function answer(request: IncomingMessage, response: ServerResponse, ask: Ask): Promise<void> {
  const gone = new AbortController();
  response.on('close', () => {
    if (!response.writableFinished) gone.abort(new Error('the client went away'));
  });
  const { status, headers, body } = await ask(received(request), gone.signal);
  const length = bodyLength(status, body);
  response.writeHead(status, { ...length, ...headers });
  if (body === undefined || body instanceof Uint8Array) response.end(body);
  // `pipeline` waits for a slow client, and breaks the connection off when the body fails: never a whole-looking part.
  else await pipeline(Readable.from(body, { objectMode: false }), response);
}

/** Stated where it is known, so that the connection stays open for the next request. */
function bodyLength(status: number, body: LoopbackResponse['body']): Record<string, string> {
  if (body instanceof Uint8Array) return { 'content-length': String(body.length) };
  return body === undefined && status !== 304 ? { 'content-length': '0' } : {};
}

/** There is no response object for CONNECT: the answer is written as it goes over the line. */
async function answerConnect(request: IncomingMessage, socket: Duplex, ask: Ask): Promise<void> {
  const { status, headers } = await ask(received(request), new AbortController().signal);
  const lines = Object.entries({ ...headers, 'content-length': '0', connection: 'close' }).map(
    ([name, value]) => `${name}: ${value}`,
  );
  socket.end([`HTTP/1.1 ${status} Refused`, ...lines, '', ''].join('\r\n'));
}

function received(request: IncomingMessage): LoopbackRequest {
  const headers = Object.entries(request.headers).map(([name, value]) => [
    name,
    Array.isArray(value) ? value.join(', ') : (value ?? ''),
  ]);
  return { method: request.method ?? '', target: request.url ?? '', headers: Object.fromEntries(headers) };
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve());
  });
}
