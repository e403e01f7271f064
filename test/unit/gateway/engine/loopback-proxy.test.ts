import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { bzip2Decompress } from '../../../../src/codec/bzip2.js';
import { zstdDecompress } from '../../../../src/codec/zstd.js';
import type { Channel } from '../../../../src/conda/channel/channel.js';
import type { EngineAccess } from '../../../../src/conda/channel/engine-access.js';
import { startSampleUpstream, TOKEN, type TestUpstream } from '../../../helpers/upstream.js';
import { openTestGateway, type TestGateway } from '../../../helpers/gateway.js';
import { request } from 'node:http';

let upstream: TestUpstream;
let gateway: TestGateway;
let access: EngineAccess;
let channels: Channel[];

beforeAll(async () => {
  upstream = await startSampleUpstream();
  channels = [
    { url: upstream.channels.label, name: 'prometeia/label/halkbank', authenticated: true, role: 'label' },
    { url: upstream.channels.owner, name: 'prometeia', authenticated: true, role: 'owner' },
    { url: upstream.channels.base, name: 'pkgs/main', authenticated: false, role: 'base' },
  ];
});
afterAll(() => upstream.close());

beforeEach(async () => {
  upstream.requests.length = 0;
  gateway = await openTestGateway({ channels, token: TOKEN });
  access = await gateway.listen();
});
afterEach(() => gateway.close());

describe('what an engine is given', () => {
  it('is channels over http, the same from run to run, highest first, and a proxy with a password', async () => {
    const host = `127-0-0-1-${upstream.port}.repackenv.invalid`;
    expect(access.channels.map(({ url }) => url)).toEqual([
      `http://${host}/prometeia/label/halkbank`,
      `http://${host}/prometeia`,
      `http://${host}/pkgs/main`,
    ]);
    expect(access.proxyUrl).toMatch(/^http:\/\/run:[0-9a-f]{48}@127\.0\.0\.1:\d+$/);
    expect(await gateway.listen()).toBe(access);
    expect(JSON.stringify(access)).not.toContain(TOKEN);
  });

  it('N1 repodata comes through the token, and the engine sees none', async () => {
    const answer = await ask(`${engineOf('label')}/noarch/repodata.json`);
    expect(answer.status).toBe(200);
    expect(Object.keys(JSON.parse(answer.body.toString()).info)).toEqual(['subdir']);
    expect(upstream.requests.map(({ path }) => path)).toContain(
      `/t/${TOKEN}/prometeia/label/halkbank/noarch/repodata.json.zst`,
    );
    expect(JSON.stringify(answer.headers) + answer.body.toString()).not.toContain(TOKEN);
  });

  it('is one document in three forms, with ETag, If-None-Match, Range and HEAD', async () => {
    const url = `${engineOf('base')}/linux-64/repodata.json`;
    const plain = await ask(url);
    expect(Buffer.from(await zstdDecompress((await ask(`${url}.zst`)).body, { maxBytes: 1e8 }))).toEqual(plain.body);
    expect(Buffer.from(await bzip2Decompress((await ask(`${url}.bz2`)).body, { maxBytes: 1e8 }))).toEqual(plain.body);
    const etag = plain.headers['etag'] ?? '';
    expect(etag).toMatch(/^"[0-9a-f]+"$/);
    expect((await ask(url, { headers: { 'if-none-match': etag } })).status).toBe(304);
    const head = await ask(url, { method: 'HEAD' });
    expect([head.status, head.headers['content-length'], head.body.length]).toEqual([
      200,
      String(plain.body.length),
      0,
    ]);
    const part = await ask(url, { headers: { range: 'bytes=5-9' } });
    expect([part.status, part.body.toString()]).toEqual([206, plain.body.subarray(5, 10).toString()]);
    expect(
      upstream.requests.filter(
        ({ path, method }) => method === 'GET' && path === '/pkgs/main/linux-64/repodata.json.zst',
      ),
    ).toHaveLength(1);
  });

  it('is the viewed index, and the published one stays whole', async () => {
    const narrow = await openTestGateway({
      channels,
      token: TOKEN,
      view: (index) => index.filter((fn) => fn.endsWith('.tar.bz2')),
    });
    const url = `${(await narrow.listen()).channels[2]?.url}/noarch/repodata.json`;
    const names = Object.keys(
      JSON.parse((await ask(url, {}, (await narrow.listen()).proxyUrl)).body.toString())['packages.conda'] ?? {},
    );
    expect(names).toEqual([]);
    expect(
      [...((await narrow.repodata(channels[2]!, 'noarch'))?.allFilenames() ?? [])].some((fn) => fn.endsWith('.conda')),
    ).toBe(true);
    await narrow.close();
  });

  it('a subdir that the channel lacks is an empty index', async () => {
    const answer = await ask(`${engineOf('base')}/linux-aarch64/repodata.json`);
    expect(JSON.parse(answer.body.toString())).toEqual({
      info: { subdir: 'linux-aarch64' },
      packages: {},
      'packages.conda': {},
      removed: [],
      repodata_version: 1,
    });
  });
});

describe('an artifact', () => {
  it('streams through into the store, then comes from there, whole and in parts', async () => {
    const { url, record } = await anArtifact();
    const first = await ask(url);
    expect(createHash('sha256').update(first.body).digest('hex')).toBe(record.sha256);
    expect(first.headers['content-length']).toBe(String(record.size));
    expect(await gateway.store.find({ sha256: record.sha256! })).toMatchObject({ size: record.size });
    const before = upstream.requests.length;
    expect((await ask(url)).body).toEqual(first.body);
    const part = await ask(url, { headers: { range: 'bytes=-10' } });
    expect([part.status, part.body]).toEqual([206, first.body.subarray(-10)]);
    expect((await ask(url, { headers: { range: `bytes=${first.body.length}-` } })).status).toBe(416);
    expect(upstream.requests).toHaveLength(before);
  });

  it('is fetched once for requests at the same time; HEAD fetches nothing', async () => {
    const { url, record } = await anArtifact();
    expect((await ask(url, { method: 'HEAD' })).headers['content-length']).toBe(String(record.size));
    const fetched = (): number =>
      upstream.requests.filter(({ path, method }) => method === 'GET' && path.endsWith('.conda')).length;
    expect(fetched()).toBe(0);
    const bodies = await Promise.all([ask(url), ask(url), ask(url, { headers: { range: 'bytes=0-3' } })]);
    expect(bodies.map(({ body }) => body.length)).toEqual([record.size, record.size, 4]);
    expect(fetched()).toBe(1);
  });

  it('that the index does not name is 404, and kept as a failure', async () => {
    expect((await ask(`${engineOf('base')}/noarch/nothing-1.0-0.conda`)).status).toBe(404);
    expect(gateway.failures().map(({ code }) => code)).toEqual(['E_ARTIFACT_MISSING']);
  });
});

describe('what does not pass', () => {
  it.each([
    ['current_repodata.json', 404],
    ['repodata_shards.msgpack.zst', 404],
    ['repodata.jlap', 404],
    ['notices.json', 404],
    ['..%2f..%2fsecret.conda', 403],
    ['repodata.json?x=1', 403],
  ])('%s of a declared channel', async (name, status) => {
    const before = upstream.requests.length;
    expect((await ask(`${engineOf('base')}/noarch/${name}`)).status).toBe(status);
    expect(upstream.requests).toHaveLength(before);
  });

  it.each([
    ['another host', 'http://example.com/pkgs/main/noarch/repodata.json'],
    ['a channel that is not declared', 'http://HOST/conda-forge/noarch/repodata.json'],
    ['the root of a channel', 'http://HOST/pkgs/main/channeldata.json'],
    ['another scheme', 'https://HOST/pkgs/main/noarch/repodata.json'],
    ['the upstream itself', 'UPSTREAM/pkgs/main/noarch/repodata.json'],
    ['a path and no proxy request', '/pkgs/main/noarch/repodata.json'],
    ['a path that goes up', 'http://HOST/pkgs/main/noarch/%2e%2e/%2e%2e/secret/noarch/repodata.json'],
  ])('%s', async (_name, target) => {
    const full = target.replace('HOST', new URL(access.channels[0]!.url).host).replace('UPSTREAM', upstream.url);
    expect((await ask(full)).status).toBe(403);
    expect(gateway.rt.collected.filter(({ type }) => type === 'debug')).not.toEqual([]);
    expect(upstream.requests).toEqual([]);
  });

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('%s', async (method) => {
    expect((await ask(`${engineOf('base')}/noarch/repodata.json`, { method })).status).toBe(403);
  });

  it('CONNECT, even with the password', async () => {
    const { hostname, port, username, password } = new URL(access.proxyUrl);
    const authorization = Buffer.from(`${username}:${password}`).toString('base64');
    const text = await speak(
      hostname,
      Number(port),
      `CONNECT conda.anaconda.org:443 HTTP/1.1\r\nhost: x\r\nproxy-authorization: Basic ${authorization}\r\n\r\n`,
    );
    expect(text).toMatch(/^HTTP\/1\.1 403 /);
  });

  it.each([
    ['no password', undefined],
    ['a wrong password', `Basic ${Buffer.from('run:wrong').toString('base64')}`],
    ['another scheme', 'Bearer run'],
    ['half a header', 'Basic'],
  ])('%s is 407', async (_name, authorization) => {
    const url = `${engineOf('base')}/noarch/repodata.json`;
    const answer = await ask(
      url,
      { headers: authorization === undefined ? {} : { 'proxy-authorization': authorization } },
      access.proxyUrl.replace(/run:.*@/, ''),
    );
    expect([answer.status, answer.headers['proxy-authenticate']]).toEqual([407, 'Basic realm="repackenv"']);
    expect(upstream.requests).toEqual([]);
  });
});

function engineOf(role: Channel['role']): string {
  return access.channels.find(({ channel }) => channel.role === role)!.url;
}

async function anArtifact(): Promise<{ url: string; record: { sha256?: string; size?: number } }> {
  const index = (await gateway.repodata(channels[2]!, 'noarch'))!;
  const fn = [...index.allFilenames()].find((name) => name.endsWith('.conda'))!;
  return { url: `${engineOf('base')}/noarch/${fn}`, record: index.record(fn)! };
}

interface Answer {
  status: number;
  headers: Record<string, string | undefined>;
  body: Buffer;
}

/** A proxy request, as an engine makes it. */
function ask(
  target: string,
  options: { method?: string; headers?: Record<string, string> } = {},
  proxy = access.proxyUrl,
): Promise<Answer> {
  const { hostname, port, username, password } = new URL(proxy);
  const authorization =
    username === ''
      ? {}
      : { 'proxy-authorization': `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` };
  return new Promise((resolve, reject) => {
    const asking = request(
      {
        hostname,
        port,
        path: target,
        method: options.method ?? 'GET',
        headers: { host: 'x', ...authorization, ...options.headers },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers as Answer['headers'],
            body: Buffer.concat(chunks),
          }),
        );
      },
    );
    asking.on('error', reject);
    asking.end();
  });
}

function speak(host: string, port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let heard = '';
    const socket = connect(port, host, () => socket.write(text));
    socket.on('data', (chunk) => (heard += chunk.toString()));
    socket.on('error', reject);
    socket.on('close', () => resolve(heard));
  });
}
