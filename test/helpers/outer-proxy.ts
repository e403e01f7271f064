import { createServer, request as forward, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect, type AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Leaf } from './certificates.js';

/** A company's proxy. */
export interface OuterProxy {
  /** With credentials, when it wants some. */
  url: string;
  /** `CONNECT host:port` and `GET http://…`, each with whether it was let through. */
  passed: { request: string; authorized: boolean }[];
  close(): Promise<void>;
}

export interface OuterProxyOptions {
  /** `user:password`, percent-encoded as in a URL. Without: open to all. */
  credentials?: string;
  /** The way to the proxy is TLS. */
  certificate?: Leaf;
  /** Answer to every CONNECT and GET, instead of passing them on. */
  refuseWith?: number;
}

export async function startOuterProxy({
  credentials,
  certificate,
  refuseWith,
}: OuterProxyOptions = {}): Promise<OuterProxy> {
  const passed: OuterProxy['passed'] = [];
  const expected = credentials && `Basic ${Buffer.from(decodeURIComponent(credentials)).toString('base64')}`;
  const refusal = (request: IncomingMessage): number | undefined => {
    const authorized = expected === undefined || request.headers['proxy-authorization'] === expected;
    passed.push({ request: `${request.method} ${request.url}`, authorized });
    return authorized ? refuseWith : 407;
  };
  const plain = (request: IncomingMessage, response: ServerResponse): void => {
    const status = refusal(request);
    if (status !== undefined) return void response.writeHead(status, { 'content-length': '0' }).end();
    const { 'proxy-authorization': _secret, ...headers } = request.headers;
    const onward = forward(request.url ?? '', { method: request.method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy()).end();
  };
  const server = certificate === undefined ? createServer(plain) : createTlsServer(certificate, plain);
  const sockets = new Set<Duplex>();
  server.on('connect', (request: IncomingMessage, socket: Duplex) => {
    const status = refusal(request);
    if (status !== undefined) return void socket.end(`HTTP/1.1 ${status} Refused\r\ncontent-length: 0\r\n\r\n`);
    const [host = '', port = ''] = (request.url ?? '').split(':');
    const onward = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      onward.pipe(socket).pipe(onward);
    });
    for (const [end, other] of [
      [socket, onward],
      [onward, socket],
    ] as const) {
      sockets.add(end);
      end.on('error', () => {}).on('close', () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `${certificate === undefined ? 'http' : 'https'}://${credentials === undefined ? '' : `${credentials}@`}localhost:${port}`,
    passed,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
