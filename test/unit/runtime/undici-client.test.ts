import { syncBuiltinESMExports } from 'node:module';
import tls from 'node:tls';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { undiciHttp, type HttpClient, type HttpClientOptions } from '../../../src/runtime/http.js';
import { bypassesProxy } from '../../../src/runtime/undici-client.js';
import {
  answer,
  cutAfter,
  file,
  raw,
  stallAfter,
  startChaosServer,
  untilClose,
  type ChaosServer,
} from '../../helpers/chaos-server.js';

describe('bypassesProxy', () => {
  it.each([
    ['https://conda.example/x', 'conda.example', true],
    ['https://a.conda.example/x', 'conda.example', true],
    ['https://a.conda.example/x', '.conda.example', true],
    ['https://a.conda.example/x', '*.conda.example', true],
    ['https://conda.example/x', '.conda.example', true],
    ['https://myconda.example/x', 'conda.example', false],
    ['https://conda.example/x', 'conda.example:443', true],
    ['https://conda.example/x', 'conda.example:80', false],
    ['https://conda.example:8443/x', 'conda.example:8443', true],
    ['https://CONDA.example/x', ' Conda.Example ', true],
    ['https://conda.example/x', '*', true],
    ['https://conda.example/x', '', false],
    ['https://10.1.2.3/x', '10.1.2.3', true],
    ['https://110.1.2.3/x', '10.1.2.3', false],
    ['https://10.1.2.3/x', '10.0.0.0/8', true],
    ['https://11.1.2.3/x', '10.0.0.0/8', false],
    ['https://10.1.2.3/x', '10.0.0.0/99', false],
    ['https://10.1.2.3/x', 'nonsense/8', false],
    ['https://conda.example/x', '10.0.0.0/8', false],
    ['https://[fd00::1]/x', 'fd00::/8', true],
    ['https://[fd00::1]/x', 'fd00::1', true],
    ['https://[fd00::1]:8443/x', '[fd00::1]:8443', true],
  ])('%s with no_proxy=%j: %s', (url, entry, expected) =>
    expect(bypassesProxy(new URL(url), ['other.example', entry])).toBe(expected),
  );
});

describe('the client', () => {
  let server: ChaosServer;
  let client: HttpClient;
  const options: HttpClientOptions = {
    proxy: undefined,
    noProxy: [],
    ca: [],
    connectTimeoutMs: 5000,
    idleTimeoutMs: 5000,
    answerTimeoutMs: 300,
    finishTimeoutMs: 50,
    maxConnectionsPerOrigin: 2,
  };
  beforeEach(async () => {
    server = await startChaosServer();
    client = undiciHttp().client(options);
  });
  afterEach(async () => {
    await client.close();
    await server.close();
  });
  const get = (path: string, signal?: AbortSignal) =>
    client.request({ method: 'GET', url: server.url + path, headers: {}, ...(signal && { signal }) });
  const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

  // nodejs/undici#5360: with undici's own body stream this ends the process.
  it.each([
    [
      'a length',
      (body: Buffer) => raw(['HTTP/1.1 200 OK', 'connection: close', `content-length: ${body.length}`], body),
    ],
    ['no length', (body: Buffer) => untilClose(body)],
    ['HTTP/1.0', (body: Buffer) => raw(['HTTP/1.0 200 OK', `content-length: ${body.length}`], body)],
  ])('a server that closes while the body is read slowly: %s', async (_name, step) => {
    const body = Buffer.alloc(3_000_000, 'x');
    server.script('/big', step(body));
    const response = await get('/big');
    await pause(50);
    let bytes = 0;
    for await (const chunk of response.body) {
      if (bytes === 0) await pause(50);
      bytes += chunk.length;
    }
    expect(bytes).toBe(body.length);
  });

  it('a connection that is kept alive is held up by a slow reader, and then goes on', async () => {
    const body = Buffer.alloc(64 << 20, 'x');
    let sent = false;
    server.script('/big', (_request, response) => {
      response.writeHead(200, { 'content-length': String(body.length) });
      response.end(body, () => {
        sent = true;
      });
    });
    const response = await get('/big');
    await pause(300);
    expect(sent).toBe(false);
    let bytes = 0;
    for await (const chunk of response.body) bytes += chunk.length;
    expect(bytes).toBe(body.length);
  });

  it('own CAs are read for TLS only, and once', async () => {
    const made = vi.spyOn(tls, 'createSecureContext');
    syncBuiltinESMExports();
    const ca = tls.rootCertificates.slice(0, 1);
    client = undiciHttp().client({ ...options, ca });
    server.script('/plain', answer(200));
    expect((await get('/plain')).status).toBe(200);
    expect(made).not.toHaveBeenCalled();
    const secure = { method: 'GET', url: 'https://127.0.0.1:1/', headers: {} } as const;
    await expect(client.request(secure)).rejects.toThrow();
    await expect(client.request(secure)).rejects.toThrow();
    expect(made).toHaveBeenCalledTimes(1);
    made.mockRestore();
    syncBuiltinESMExports();
  });

  it('what has arrived is given out before the error', async () => {
    server.script('/cut', cutAfter(50_000, Buffer.alloc(100_000)));
    const response = await get('/cut');
    await pause(100);
    let bytes = 0;
    await expect(
      (async () => {
        for await (const chunk of response.body) bytes += chunk.length;
      })(),
    ).rejects.toMatchObject({ code: 'UND_ERR_SOCKET' });
    expect(bytes).toBe(50_000);
  });

  it('redirects, codings and bad statuses are left as they are', async () => {
    server.script('/r', answer(302, { location: '/x', 'content-encoding': 'gzip' }, 'not gzip'));
    const response = await get('/r');
    expect([response.status, response.headers['location']]).toEqual([302, '/x']);
    let text = '';
    for await (const chunk of response.body) text += Buffer.from(chunk).toString();
    expect(text).toBe('not gzip');
  });

  it('a body that is not wanted: small ones leave the connection usable, big ones end', async () => {
    server.script('/small', answer(404, {}, 'no such file'));
    server.script('/big', file(Buffer.alloc(5_000_000)));
    for (let each = 0; each < 5; each += 1) await (await get('/small')).discard();
    await (await get('/big')).discard();
    for (let each = 0; each < 5; each += 1) expect((await get('/small')).status).toBe(404);
  });

  it('an abort before, during the wait and during the body', async () => {
    const reason = new Error('stop');
    server.script('/never', () => {});
    server.script(
      '/half',
      (_request, response) => void response.writeHead(200, { 'content-length': '9' }).write('half'),
    );
    await expect(get('/never', AbortSignal.abort(reason))).rejects.toBe(reason);
    const waiting = new AbortController();
    const request = get('/never', waiting.signal);
    setTimeout(() => waiting.abort(reason), 30);
    await expect(request).rejects.toBe(reason);
    const reading = new AbortController();
    const response = await get('/half', reading.signal);
    setTimeout(() => reading.abort(reason), 30);
    await expect(
      (async () => {
        for await (const chunk of response.body) expect(Buffer.from(chunk).toString()).toBe('half');
      })(),
    ).rejects.toBe(reason);
  });

  it('N6 small bodies that hardly come are let go, and their connections are free for others', async () => {
    server.script('/drip', stallAfter(10, Buffer.alloc(1000)));
    server.script('/ok', file('ok'));
    for (let each = 0; each < 6; each += 1) await (await get('/drip')).discard();
    expect((await get('/ok')).status).toBe(200);
  });

  it('N6 the wait for a free connection has an end', async () => {
    server.script('/held', stallAfter(10, Buffer.alloc(1000)));
    const held = await Promise.all([get('/held'), get('/held')]);
    await expect(get('/held')).rejects.toMatchObject({ code: 'ANSWER_TIMEOUT' });
    for (const each of held) await each.discard();
    server.script('/ok', file('ok'));
    expect((await get('/ok')).status).toBe(200);
    expect(server.requests.map(({ path }) => path)).toEqual(['/held', '/held', '/ok']);
  });
});
