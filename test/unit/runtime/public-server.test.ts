import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type {
  Answered,
  PublicBody,
  PublicHandler,
  PublicLimits,
  PublicServer,
} from '../../../src/runtime/http-door.js';
import { listenPublic } from '../../../src/runtime/public-server.js';
import { openSockets, parseAnswer, rawExchange, rawRequest, statusesIn } from '../../helpers/raw-http.js';

const LIMITS: PublicLimits = {
  connections: 20,
  headerBytes: 4096,
  headersMs: 600,
  keepAliveMs: 5000,
  pieceMs: 60_000,
  pipelined: 4,
};

let server: PublicServer | undefined;
let answered: Answered[] = [];
let closed = 0;
afterEach(async () => {
  await server?.stop({ deadlineMs: 0 });
  server = undefined;
});

const hello: PublicHandler = async ({ method, target }) => ({
  status: 200,
  headers: { 'content-type': 'text/plain' },
  body: Buffer.from(`${method} ${target}`),
});

async function start(
  handler: PublicHandler = hello,
  limits: Partial<PublicLimits> = {},
  host = '127.0.0.1',
): Promise<number> {
  answered = [];
  closed = 0;
  const onAnswered = (each: Answered): void => void answered.push(each);
  server = await listenPublic({ host, port: 0, handler, limits: { ...LIMITS, ...limits }, onAnswered });
  return server.port;
}

const GET = 'GET /a HTTP/1.1\r\nHost: x\r\n\r\n';

describe('what is no request of a client', () => {
  it.each<[string, string, number]>([
    ['a body by length', 'GET /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello', 400],
    ['a chunked body', 'GET /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n', 400],
    [
      'length and chunks',
      'GET /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    [
      'chunks and length',
      'POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n',
      400,
    ],
    ['chunks spelled oddly', 'GET /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n', 400],
    ['two lengths', 'GET /a HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\nhello', 400],
    ['a negative length', 'GET /a HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n', 400],
    ['a length with a sign', 'GET /a HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\nhello', 400],
    ['a header folded over lines', 'GET /a HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n', 400],
    ['a line feed for an end of line', 'GET /a HTTP/1.1\nHost: x\n\n', 400],
    ['a NUL in a header', 'GET /a HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n', 400],
    ['a NUL in the target', 'GET /a\0b HTTP/1.1\r\nHost: x\r\n\r\n', 400],
    ['a blank in the target', 'GET /a b HTTP/1.1\r\nHost: x\r\n\r\n', 400],
    ['no host', 'GET /a HTTP/1.1\r\n\r\n', 400],
    ['two hosts', 'GET /a HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n', 400],
    ['a host with a login', 'GET /a HTTP/1.1\r\nHost: u@x\r\n\r\n', 400],
    ['a host with a tag of HTML', 'GET /a HTTP/1.1\r\nHost: "><script>\r\n\r\n', 400],
    ['more headers than are read', `GET /a HTTP/1.1\r\nHost: x\r\n${'X: y\r\n'.repeat(1000)}\r\n`, 431],
    ['an unknown version', 'GET /a HTTP/9.9\r\nHost: x\r\n\r\n', 400],
    ['an unknown method', 'FETCH /a HTTP/1.1\r\nHost: x\r\n\r\n', 400],
    ['TLS', '\u0016\u0003\u0001\u0002\u0000\u0001\u0000', 400],
    ['headers without end', `GET /a HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(5000)}\r\n\r\n`, 431],
    ['a target without end', `GET /${'a'.repeat(5000)} HTTP/1.1\r\nHost: x\r\n\r\n`, 431],
    ['a tunnel', 'CONNECT other:443 HTTP/1.1\r\nHost: other:443\r\n\r\n', 405],
    ['an unknown expectation', 'GET /a HTTP/1.1\r\nHost: x\r\nExpect: more\r\n\r\n', 417],
  ])('N14 refuses %s, and reads nothing behind it', async (_, text, status) => {
    const port = await start();
    const got = await rawExchange(port, text + GET, { quietMs: 2500 });
    const [first, ...more] = statusesIn(got);
    expect(first).toBe(status);
    // Whatever was smuggled behind it is never answered as a request of its own.
    if (status !== 417) expect(more).toEqual([]);
    expect(got).not.toContain('GET /a HTTP');
  });

  it.each([
    ['HTTP/0.9, bare', 'GET /a\r\n\r\n'],
    ['HTTP/0.9, named', 'GET /a HTTP/0.9\r\n\r\n'],
    ['HTTP/2 as text', 'GET /a HTTP/2.0\r\nHost: x\r\n\r\n'],
  ])('N14 refuses %s, and answers nothing behind it', async (_, text) => {
    const port = await start();
    expect(statusesIn(await rawExchange(port, text))).toEqual([505]);
    expect(await rawExchange(port, text + GET)).not.toContain('GET /a');
    expect(statusesIn(await rawExchange(port, 'GET /a HTTP/1.0\r\n\r\n'))).toEqual([200]);
  });

  it.each([
    ['after one that closes', 'Connection: close\r\n', GET],
    ['that is none', '', '\0\x01\r\n\r\n'],
    ['of empty lines', '', '\r\n\r\n'],
  ])('N14 answers a request whatever stands behind it: one %s', async (_, header, behind) => {
    const port = await start();
    const got = await rawExchange(port, `GET /a HTTP/1.1\r\nHost: x\r\n${header}\r\n${behind}`);
    expect(parseAnswer(got)).toMatchObject({ status: 200, body: Buffer.from('GET /a') });
  });

  it('N14 closes on an unknown coding of a body', async () => {
    const port = await start();
    const got = await rawExchange(port, `GET /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n${GET}`);
    expect(got).not.toContain('200');
  });

  it('N14 does not ask for the body of a request that announces one', async () => {
    const port = await start();
    const got = await rawExchange(
      port,
      'GET /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n',
    );
    expect(statusesIn(got)).toEqual([400]);
  });

  it('leaves a refusal of other methods to the handler, and closes where a body came', async () => {
    const port = await start(async () => ({ status: 405, headers: { allow: 'GET, HEAD' } }));
    const got = await rawExchange(
      port,
      `PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 50000\r\n\r\n${'x'.repeat(50_000)}${GET}`,
    );
    expect(statusesIn(got)).toEqual([405]);
    expect(parseAnswer(got).headers).toMatchObject({ allow: 'GET, HEAD', connection: 'close' });
  });

  it('treats an upgrade as the request it comes with', async () => {
    const port = await start();
    const { status } = await rawRequest(port, '/a', {
      headers: { Connection: 'upgrade, close', Upgrade: 'websocket' },
    });
    expect(status).toBe(200);
  });

  it('writes nothing between the bytes of an answer that is under way', async () => {
    const port = await start(async () => ({
      status: 200,
      headers: { 'content-length': '10' },
      body: slowBody(10, 300),
    }));
    const got = await rawExchange(port, [GET, 'GARBAGE\0\0\r\n\r\n'], { quietMs: 2500 });
    expect(statusesIn(got).length).toBeLessThanOrEqual(1);
    expect(got).not.toContain('Bad Request');
  });
});

describe('slow clients', () => {
  it.each([
    ['nothing', ''],
    ['half a head', 'GET /a HTTP/1.1\r\nHost: x\r\n'],
    ['half a line', 'GET /a HT'],
  ])('N6 N14 ends a connection on which %s comes', async (_, text) => {
    const port = await start();
    const begun = Date.now();
    const got = await rawExchange(port, text, { quietMs: 8000 });
    expect(Date.now() - begun).toBeLessThan(7000);
    expect(statusesIn(got)).toEqual(text === '' ? [408] : [408]);
  });

  it('N6 N14 ends one that sends a head byte by byte', async () => {
    const port = await start();
    const [socket] = await openSockets(port, 1, 'GET /a HTTP/1.1\r\nX: ');
    const drip = setInterval(() => socket!.write('a'), 50);
    await new Promise((resolve) => socket!.on('close', resolve).resume());
    clearInterval(drip);
    expect(answered).toMatchObject([{ status: 408 }]);
  });

  it('N6 ends one that does not read what it has asked for, and closes the file', async () => {
    const size = 64 << 20;
    const port = await start(
      async () => ({ status: 200, headers: { 'content-length': String(size) }, body: bigBody(size) }),
      { pieceMs: 300 },
    );
    const [socket] = await openSockets(port, 1, GET);
    socket!.pause();
    await until(() => closed === 1);
    expect(answered).toMatchObject([{ status: 200, complete: false }]);
    expect(answered[0]!.bytes).toBeLessThan(size);
    socket!.destroy();
  });

  it('N6 ends one that does not read an answer that is held in memory either', async () => {
    const size = 24 << 20;
    const port = await start(async () => ({ status: 200, headers: {}, body: Buffer.alloc(size) }), { pieceMs: 500 });
    const [socket] = await openSockets(port, 1);
    socket!.pause().write(GET);
    await until(() => answered.length === 1);
    expect(answered).toMatchObject([{ status: 200, complete: false }]);
    socket!.destroy();
    const { status, body } = await rawRequest(port, '/a');
    expect([status, body.length]).toEqual([200, size]);
    await until(() => answered.length === 2);
    expect(answered[1]).toMatchObject({ bytes: size, complete: true });
  });

  it('keeps a connection for the next request, and closes one that stays idle', async () => {
    const port = await start(hello, { keepAliveMs: 400 });
    const got = await rawExchange(port, GET + GET, { quietMs: 8000 });
    expect(statusesIn(got)).toEqual([200, 200]);
    expect(got).toContain('Keep-Alive: timeout=');
  });
});

describe('too many', () => {
  it('N14 answers 503 beyond the limit, drops what comes on top, and serves again when they have gone', async () => {
    const body = (): PublicBody => slowBody(10_000, 50);
    const waiting: PublicHandler = async () => ({ status: 200, headers: { 'content-length': '10000' }, body: body() });
    const port = await start((request, signal) => (request.target === '/a' ? hello : waiting)(request, signal), {
      connections: 10,
      headersMs: 30_000,
    });
    const holding = await openSockets(port, 10, GET.replace('/a', '/slow'));
    const surplus = await rawRequest(port, '/a');
    expect(surplus.status).toBe(503);
    expect(surplus.headers).toMatchObject({ 'retry-after': '5', connection: 'close' });
    const crowd = await openSockets(port, 100);
    await until(() => crowd.filter((socket) => socket.destroyed).length >= 90);
    expect(holding.some((socket) => socket.destroyed)).toBe(false);
    for (const socket of [...holding, ...crowd]) socket.destroy();
    await until(async () => (await rawRequest(port, '/a')).status === 200);
  });

  it('gives the place of an idle connection to a new one', async () => {
    const port = await start(hello, { connections: 5 });
    const idle = await openSockets(port, 5, GET);
    await until(() => answered.length >= 5);
    await rawRequest(port, '/a');
    await until(async () => (await rawRequest(port, '/a')).status === 200);
    for (const socket of idle) socket.destroy();
  });

  it('N14 outlives 10,000 connections', { tags: ['long'], timeout: 60_000 }, async () => {
    const port = await start(hello, { connections: 50, headersMs: 30_000 });
    const before = process.memoryUsage().rss;
    for (let round = 0; round < 20; round += 1) {
      const sockets = await openSockets(port, 500, round % 2 === 0 ? 'GET /a HTTP/1.1\r\nX: ' : '');
      for (const socket of sockets) socket.destroy();
    }
    await until(async () => (await rawRequest(port, '/a')).status === 200);
    expect(process.memoryUsage().rss - before).toBeLessThan(400 << 20);
  });

  it('opens nothing for requests that are sent ahead, and ends a connection that sends too many', async () => {
    let open = 0;
    let most = 0;
    const port = await start(async () => {
      most = Math.max(most, (open += 1));
      await delay(20);
      open -= 1;
      return { status: 200, headers: {}, body: Buffer.from('x') };
    });
    expect(statusesIn(await rawExchange(port, GET.repeat(4), { quietMs: 1500 }))).toEqual([200, 200, 200, 200]);
    expect(most).toBe(1);
    const got = await rawExchange(port, GET.repeat(50), { quietMs: 3000 });
    expect(statusesIn(got).length).toBeLessThanOrEqual(4);
  });
});

describe('answers', () => {
  it('sends a body in pieces, whatever is read meanwhile', async () => {
    const size = 5_000_000;
    const port = await start(async () => ({
      status: 200,
      headers: { 'content-length': String(size) },
      body: bigBody(size),
    }));
    const { status, body } = await rawRequest(port, '/');
    expect(status).toBe(200);
    expect(body.equals(expectedBytes(size))).toBe(true);
    await until(() => answered.length === 1);
    expect(answered).toMatchObject([{ method: 'GET', target: '/', status: 200, bytes: size, complete: true }]);
    expect(closed).toBe(1);
  });

  it('closes a body that is not sent: HEAD, or a client that has gone', async () => {
    const port = await start(async () => ({
      status: 200,
      headers: { 'content-length': '10' },
      body: slowBody(10, 200),
    }));
    const head = await rawRequest(port, '/a', { method: 'HEAD' });
    expect(head).toMatchObject({ status: 200, body: Buffer.of(), headers: { 'content-length': '10' } });
    expect(closed).toBe(1);
    const [socket] = await openSockets(port, 1, GET);
    await delay(50);
    socket!.destroy();
    await until(() => closed === 2);
    expect(answered.at(-1)).toMatchObject({ complete: false });
  });

  it('breaks the connection off where a body fails, so that no part looks whole', async () => {
    const body: PublicBody = {
      async *pieces() {
        yield Buffer.from('12345');
        await delay(100);
        throw new Error('the disk');
      },
      close: async () => void (closed += 1),
    };
    const port = await start(async () => ({ status: 200, headers: { 'content-length': '10' }, body }));
    const { status, body: got } = await rawRequest(port, '/a');
    expect([status, got.toString()]).toEqual([200, '12345']);
    expect(answered).toMatchObject([{ complete: false, bytes: 5 }]);
    expect(closed).toBe(1);
  });

  it('answers 500 to a handler that throws, without a word of why, and goes on', async () => {
    let calls = 0;
    const port = await start(async (request, signal) => {
      calls += 1;
      if (calls === 1) throw new Error('/secret/path');
      return hello(request, signal);
    });
    const { status, body } = await rawRequest(port, '/a');
    expect([status, body.toString()]).toEqual([500, '500 Internal Server Error\n']);
    expect((await rawRequest(port, '/a')).status).toBe(200);
  });

  it('sends nothing after the head of a 304', async () => {
    const port = await start(async () => ({ status: 304, headers: { etag: '"x"' } }));
    const got = await rawExchange(port, GET + GET, { quietMs: 1000 });
    expect(statusesIn(got)).toEqual([304, 304]);
    expect(got.split('\r\n\r\n').filter((part) => part !== '' && !part.startsWith('HTTP/1.1 304'))).toEqual([]);
  });

  it('serves IPv6', async () => {
    const port = await start(hello, {}, '::1');
    expect((await rawRequest(port, '/a', { host: '::1' })).status).toBe(200);
    expect(answered[0]!.client).toBe('::1');
  });
});

describe('stop', () => {
  it('finishes what is under way, takes nothing new, and gives up at the deadline', async () => {
    const port = await start(async () => ({
      status: 200,
      headers: { 'content-length': '10' },
      body: slowBody(10, 100),
    }));
    const running = rawRequest(port, '/a', { headers: { Connection: 'keep-alive' } });
    const idle = await openSockets(port, 3);
    await delay(150);
    const stopped = server!.stop({ deadlineMs: 20_000 });
    await expect(rawRequest(port, '/b')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect((await running).body).toHaveLength(10);
    expect(await stopped).toBe(0);
    await until(() => idle.every((socket) => socket.destroyed));
    server = undefined;
  });

  it('breaks off at the deadline', async () => {
    const port = await start(async () => ({
      status: 200,
      headers: { 'content-length': '1000' },
      body: slowBody(1000, 50),
    }));
    const running = rawRequest(port, '/a');
    await delay(200);
    expect(await server!.stop({ deadlineMs: 100 })).toBe(1);
    expect((await running).body.length).toBeLessThan(1000);
    server = undefined;
  });
});

it('rejects where the port is taken', async () => {
  const port = await start();
  await expect(
    listenPublic({ host: '127.0.0.1', port, handler: hello, limits: LIMITS, onAnswered: () => {} }),
  ).rejects.toMatchObject({ code: 'EADDRINUSE' });
});

function expectedBytes(size: number): Buffer {
  return Buffer.alloc(size, 'abcdefghijklmnopqrstuvwxyz0123456789');
}

/** Two buffers in turn, as the contract allows: what is written late is overwritten. */
function bigBody(size: number): PublicBody {
  const all = expectedBytes(size);
  return {
    async *pieces(pieceBytes) {
      const buffers = [Buffer.alloc(1 << 20), Buffer.alloc(1 << 20)];
      for (let at = 0, turn = 0; at < size; turn += 1) {
        const buffer = buffers[turn % 2]!;
        buffer.fill(0);
        const length = all.copy(buffer, 0, at, Math.min(at + pieceBytes(), size));
        at += length;
        yield buffer.subarray(0, length);
      }
    },
    close: async () => void (closed += 1),
  };
}

/** A byte at a time. */
function slowBody(size: number, everyMs: number): PublicBody {
  return {
    async *pieces() {
      for (let at = 0; at < size; at += 1) {
        await delay(everyMs);
        yield Buffer.from('x');
      }
    },
    close: async () => void (closed += 1),
  };
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 400; tries += 1) {
    if (await holds()) return;
    await delay(25);
  }
  throw new Error('it never came to hold');
}
