import { connect, type Socket } from 'node:net';

export interface RawAnswer {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
}

/** Writes bytes as they are, and gives all that comes back until the server closes, or until `quietMs` without a byte. */
export function rawExchange(
  port: number,
  text: string | Buffer | readonly (string | Buffer)[],
  { quietMs = 4000, host = '127.0.0.1', end = false }: { quietMs?: number; host?: string; end?: boolean } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host });
    let got = '';
    socket.setEncoding('latin1').setTimeout(quietMs, () => socket.destroy());
    socket.on('data', (chunk) => (got += chunk));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') reject(error);
    });
    socket.on('close', () => resolve(got));
    for (const part of Array.isArray(text) ? (text as (string | Buffer)[]) : [text as string | Buffer])
      socket.write(part, 'latin1' as BufferEncoding);
    if (end) socket.end();
  });
}

/** One request with its target exactly as given, which `fetch` would normalise. */
export async function rawRequest(
  port: number,
  target: string,
  { method = 'GET', headers = {}, host }: { method?: string; headers?: Record<string, string>; host?: string } = {},
): Promise<RawAnswer> {
  const lines = Object.entries({ Host: 'x', Connection: 'close', ...headers }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  const options = host === undefined ? {} : { host };
  return parseAnswer(await rawExchange(port, `${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n`, options));
}

/** The first answer in what came; status 0 where there is none. */
export function parseAnswer(text: string): RawAnswer {
  const end = text.indexOf('\r\n\r\n');
  const [first = '', ...lines] = text.slice(0, Math.max(end, 0)).split('\r\n');
  const headers = lines.map((line) => [
    line.slice(0, line.indexOf(':')).toLowerCase(),
    line.slice(line.indexOf(':') + 1).trim(),
  ]);
  return {
    status: Number(/^HTTP\/1\.1 (\d{3})/.exec(first)?.[1] ?? 0),
    headers: Object.fromEntries(headers) as Record<string, string>,
    body: Buffer.from(text.slice(end + 4), 'latin1'),
  };
}

/** Status of each answer on one connection, in order. */
export function statusesIn(text: string): number[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
}

/** Open sockets that send nothing, or what is given. */
export async function openSockets(port: number, count: number, text = ''): Promise<Socket[]> {
  const sockets: Socket[] = [];
  await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<void>((resolve) => {
          const socket = connect({ port, host: '127.0.0.1' }, () => {
            if (text !== '') socket.write(text);
            resolve();
          });
          socket.on('error', () => resolve()).resume();
          sockets.push(socket);
        }),
    ),
  );
  return sockets;
}
