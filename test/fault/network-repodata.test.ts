import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { repodataOf } from '../../scripts/lib/sample-upstream.js';
import { bzip2Compress } from '../../src/codec/bzip2.js';
import { zstdCompress } from '../../src/codec/zstd.js';
import type { GatewayLimits } from '../../src/gateway/limits.js';
import { answer, cutAfter, file, startChaosServer, type ChaosServer } from '../helpers/chaos-server.js';
import { scriptIndex, startChaosUpstream, type ChaosUpstream } from '../helpers/chaos-upstream.js';
import { baseChannel, CHAOS_TOKEN, CHAOS_TOKEN_WIRE, failureOf, plannedOf } from '../helpers/gateway.js';

let upstream: ChaosUpstream;
let other: ChaosServer;
let json: Buffer;
beforeEach(async () => {
  upstream = await startChaosUpstream();
  other = await startChaosServer({ certificate: upstream.certificate, host: '127.0.0.2' });
  json = Buffer.from(JSON.stringify(repodataOf('noarch', [upstream.package])));
});
afterEach(async () => {
  await upstream.close();
  await other.close();
});

const index = (end: '' | '.zst' | '.bz2'): string => `${upstream.paths.index}${end}`;
const got = (): string[] =>
  upstream.server.requests
    .filter(({ method }) => method === 'GET')
    .map(({ path }) => path.replace(/^.*repodata\.json/, 'json'));

describe('N8 base_url', () => {
  const scriptBase = (baseUrl: string): void => {
    const text = JSON.stringify(repodataOf('noarch', [upstream.package], { baseUrl }));
    upstream.server.script(index('.zst'), answer(404));
    upstream.server.script(index(''), file(text));
  };

  it.each([
    ['another host', () => `${other.url}/prometeia/noarch/`],
    ['another path of the same host', () => `${upstream.server.url}/elsewhere/noarch`],
    ['a channel whose name only begins alike', () => `${upstream.server.url}/prometeia2/noarch`],
    ['http instead of https', () => `${upstream.server.url.replace('https:', 'http:')}/prometeia/noarch`],
    ['relative and up', () => '../../elsewhere'],
    ['up, encoded', () => '%2e%2e/elsewhere'],
    ['with user information', () => upstream.server.url.replace('https://', 'https://user:secret@')],
  ])('N8 %s: refused by name, nobody is asked', async (_name, baseUrl) => {
    scriptBase(baseUrl());
    const gateway = await upstream.open();
    const error = await failureOf(gateway.download(upstream.planned));
    expect([error.code, error.where]).toEqual(['E_REPODATA', `${upstream.channel.url}/noarch`]);
    expect(error.what).toMatch(/base_url/);
    expect(error.what).not.toContain('secret');
    expect(other.requests).toEqual([]);
  });

  it('N8 within a declared channel: followed by that channel’s rules, so without the token', async () => {
    const base = baseChannel(other.url);
    scriptBase(`${base.url}/store`);
    other.script(`/pkgs/main/store/${upstream.package.distFilename}`, file(upstream.package.bytes));
    const gateway = await upstream.open({ channels: [upstream.channel, base] });
    expect((await gateway.download(upstream.planned)).size).toBe(upstream.package.bytes.length);
    expect(other.tokenReceipts(CHAOS_TOKEN)).toEqual([]);
    expect(other.tokenReceipts(CHAOS_TOKEN_WIRE)).toEqual([]);
  });

  it('N8 relative, below the subdir', async () => {
    scriptBase('store/');
    upstream.server.script(
      `${upstream.paths.subdir}/store/${upstream.package.distFilename}`,
      file(upstream.package.bytes),
    );
    const gateway = await upstream.open();
    expect((await gateway.download(upstream.planned)).size).toBe(upstream.package.bytes.length);
  });
});

describe('N10 which index is read', () => {
  it('N10 .zst, else .bz2, else .json: only what is there is needed', async () => {
    upstream.server.script(index('.bz2'), file(await bzip2Compress(json)));
    const all = await upstream.open();
    expect((await all.repodata(upstream.channel, 'noarch'))?.size).toBe(1);
    expect(got()).toEqual(['json.zst']);

    upstream.server.requests.length = 0;
    upstream.server.script(index('.zst'), answer(404));
    const bz2 = await upstream.open();
    expect((await bz2.repodata(upstream.channel, 'noarch'))?.size).toBe(1);
    expect(got()).toEqual(['json.zst', 'json.bz2']);

    upstream.server.requests.length = 0;
    upstream.server.script(index('.bz2'), answer(403));
    const plain = await upstream.open();
    expect((await plain.repodata(upstream.channel, 'noarch'))?.size).toBe(1);
    expect(got()).toEqual(['json.zst', 'json.bz2', 'json']);
  });

  it('N10 a .zst much older than the .json is reported, and used', async () => {
    const dated = (hour: number): Record<string, string> => ({
      'last-modified': new Date(Date.UTC(2026, 0, 1, hour)).toUTCString(),
    });
    upstream.server.script(index('.zst'), file(await zstdCompress(json, 1), dated(1)));
    upstream.server.script(`HEAD ${index('')}`, answer(200, dated(9)));
    const gateway = await upstream.open();
    expect((await gateway.repodata(upstream.channel, 'noarch'))?.size).toBe(1);
    expect(gateway.findings()).toEqual([
      expect.objectContaining({
        code: 'zst-older-than-json',
        subject: `${upstream.channel.url}/noarch`,
        message: expect.stringContaining('8 h'),
        exit: false,
      }),
    ]);
  });

  it('N10 written within the same hour: nothing to report', async () => {
    const at = (minute: number): Record<string, string> => ({
      'last-modified': new Date(Date.UTC(2026, 0, 1, 1, minute)).toUTCString(),
    });
    upstream.server.script(index('.zst'), file(await zstdCompress(json, 1), at(0)));
    upstream.server.script(`HEAD ${index('')}`, answer(200, at(30)));
    const gateway = await upstream.open();
    await gateway.repodata(upstream.channel, 'noarch');
    expect(gateway.findings()).toEqual([]);
  });

  it('N10 N11 a .zst that names what is gone: the .json is asked, the difference reported, and the next run reads it', async () => {
    const fresh = JSON.stringify(repodataOf('noarch', []));
    upstream.server.script(index(''), file(fresh, { etag: '"json"' }));
    upstream.scriptArtifact(answer(404));
    const gateway = await upstream.open({ keepCache: true });
    const error = await failureOf(gateway.download(upstream.planned));
    expect(error.code).toBe('E_ARTIFACT_MISSING');
    expect(error.hint).toMatch(/run the same command again/i);
    expect(gateway.findings()).toEqual([
      expect.objectContaining({
        code: 'zst-older-than-json',
        message: expect.stringContaining(upstream.package.distFilename),
      }),
    ]);

    upstream.server.requests.length = 0;
    const next = await upstream.open({ cacheDir: gateway.cacheDir });
    expect((await next.repodata(upstream.channel, 'noarch'))?.size).toBe(0);
    expect(got()).toEqual(['json']);
  });
});

describe('N9 an index that is none', () => {
  it.each<[string, () => Promise<Uint8Array> | Uint8Array, '.zst' | '']>([
    ['a login page', () => Buffer.from('<!DOCTYPE html><title>Sign in</title>'), '.zst'],
    ['a login page for the plain file', () => Buffer.from('\n <html></html>'), ''],
    ['JSON cut short', () => json.subarray(0, -20), ''],
    ['zst cut short', async () => (await zstdCompress(json, 1)).subarray(0, 60), '.zst'],
    ['zst with a flipped bit', async () => Buffer.from(await zstdCompress(json, 1)).fill(0, 30, 40), '.zst'],
    ['another subdir', () => Buffer.from(JSON.stringify(repodataOf('linux-64', []))), ''],
    [
      'a file named twice',
      () =>
        Buffer.from(
          '{"info":{"subdir":"noarch"},"packages":{"a-1-0.tar.bz2":{},"a-1-0.tar.bz2":{}},"packages.conda":{}}',
        ),
      '',
    ],
    ['an array', () => Buffer.from('[]'), ''],
    ['nothing', () => Buffer.alloc(0), ''],
  ])('N9 %s: fetched once more, then E_REPODATA naming it', async (_name, body, end) => {
    // Nothing else to go on with.
    upstream.server.script(index(end === '' ? '.zst' : ''), answer(404));
    upstream.server.script(index(end), file(await body()));
    const gateway = await upstream.open({ keepCache: false });
    const error = await failureOf(gateway.repodata(upstream.channel, 'noarch'));
    expect([error.code, error.exitCode]).toEqual(['E_REPODATA', 7]);
    expect(error.where).toContain(`${upstream.channel.url}/noarch/repodata.json${end}`);
    expect(upstream.server.asked(index(end))).toHaveLength(2);
    expect(gateway.filesWith(upstream.channel.url)).toEqual([]);
  });

  it('N9 one that was spoilt on the way is right the second time', async () => {
    upstream.server.script(index('.zst'), file('<html>try again</html>'), file(await zstdCompress(json, 1)));
    const gateway = await upstream.open();
    expect((await gateway.repodata(upstream.channel, 'noarch'))?.size).toBe(1);
    expect(upstream.server.asked(index('.zst')).map(({ headers }) => headers['cache-control'])).toEqual([
      undefined,
      'no-cache',
    ]);
  });

  it('N9 a zst bomb and an endless file stop at the caps', async () => {
    upstream.server.script(index('.zst'), file(await zstdCompress(Buffer.alloc(3_000_000, ' '), 1)));
    const bomb = await upstream.open({ limits: { maxRepodataBytes: 1_000_000 } });
    expect((await failureOf(bomb.repodata(upstream.channel, 'noarch'))).code).toBe('E_REPODATA');
    upstream.server.script(index('.zst'), file(Buffer.alloc(200_000)));
    const endless = await upstream.open({ limits: { maxRepodataWireBytes: 100_000 } });
    expect((await failureOf(endless.repodata(upstream.channel, 'noarch'))).code).toBe('E_REPODATA');
  });
});

describe('C5 one form of an index is broken, another is not', () => {
  it.each<[string, () => Promise<Uint8Array> | Uint8Array]>([
    ['a web page', () => Buffer.from('<html>moved</html>')],
    ['zst cut short', async () => (await zstdCompress(json, 1)).subarray(0, 60)],
    ['nothing', () => Buffer.alloc(0)],
    ['the index of another subdir', () => zstdCompress(Buffer.from(JSON.stringify(repodataOf('linux-64', []))), 1)],
    ['no index at all, packed', () => zstdCompress(Buffer.from('{"error":"not found"}'), 1)],
    ['not packed, though named so', () => json],
  ])('C5 %s as .zst: goes on to .bz2, then .json', async (_name, body) => {
    upstream.server.script(index('.zst'), file(await body()));
    upstream.server.script(index(''), file(json));
    const gateway = await upstream.open();
    expect((await gateway.repodata(upstream.channel, 'noarch'))?.size).toBe(1);
  });

  it('C5 all broken: told once, with what each said', async () => {
    upstream.server.script(index('.zst'), file('<html>1</html>'));
    upstream.server.script(index('.bz2'), file('BZh9 but no more'));
    upstream.server.script(index(''), file('{"packages":'));
    const gateway = await upstream.open();
    const error = await failureOf(gateway.repodata(upstream.channel, 'noarch'));
    expect(error.code).toBe('E_REPODATA');
    const text = [error.where, ...error.details].join('\n');
    for (const form of ['.zst', '.bz2', '']) expect(text).toContain(`repodata.json${form}`);
    expect(text).toMatch(/web page/);
  });
});

describe('C6 Content-Encoding, though identity was asked', () => {
  const coded = (encoding: string, body: Uint8Array): ReturnType<typeof file> =>
    file(body, { 'content-encoding': encoding });

  it.each<[string, (bytes: Uint8Array) => Uint8Array]>([
    ['gzip', gzipSync],
    ['x-gzip', gzipSync],
    ['GZIP', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
    ['gzip', (bytes) => bytes],
    ['identity', (bytes) => bytes],
    ['br', (bytes) => bytes],
  ])('C6 %s: the index is read', async (encoding, pack) => {
    upstream.server.script(index('.zst'), answer(404));
    upstream.server.script(index(''), coded(encoding, pack(json)));
    const gateway = await upstream.open();
    expect((await gateway.repodata(upstream.channel, 'noarch'))?.size).toBe(1);
  });

  it.each(['gzip', 'deflate', 'br'])('C6 %s of an artifact: its digest decides', async (encoding) => {
    const pack = { gzip: gzipSync, deflate: deflateSync, br: brotliCompressSync }[encoding]!;
    upstream.scriptArtifact(coded(encoding, pack(upstream.package.bytes)));
    const gateway = await upstream.open();
    expect((await gateway.download(upstream.planned)).size).toBe(upstream.package.bytes.length);
  });

  it('C6 a gzip bomb stops at the limit, one cut short is no index', async () => {
    upstream.server.script(index('.zst'), answer(404));
    upstream.server.script(index(''), coded('gzip', gzipSync(Buffer.alloc(5_000_000, ' '))));
    const bomb = await upstream.open({ limits: { maxRepodataWireBytes: 100_000, maxRepodataBytes: 100_000 } });
    expect((await failureOf(bomb.repodata(upstream.channel, 'noarch'))).code).toBe('E_REPODATA');
    upstream.server.script(index(''), coded('gzip', gzipSync(json).subarray(0, 40)));
    const cut = await upstream.open();
    expect((await failureOf(cut.repodata(upstream.channel, 'noarch'))).code).toBe('E_REPODATA');
  });
});

describe('what a channel may have instead of records', () => {
  it.each(['{}', ' {} ', '{"info":{}}', '{"info":{"subdir":"noarch"},"removed":{}}', '\ufeff{}'])(
    'C2 C3 %s is an empty index',
    async (text) => {
      upstream.server.script(index('.zst'), answer(404));
      upstream.server.script(index(''), file(text));
      const gateway = await upstream.open();
      expect((await gateway.repodata(upstream.channel, 'noarch'))?.size).toBe(0);
    },
  );

  it.each(['', ' \r\n'])('C3 %j from a server is no index, and it says so', async (text) => {
    upstream.server.script(index('.zst'), answer(404));
    upstream.server.script(index(''), file(text));
    const gateway = await upstream.open();
    const error = await failureOf(gateway.repodata(upstream.channel, 'noarch'));
    expect([error.code, error.what]).toEqual(['E_REPODATA', `The answer is empty (${text.length} bytes): no index`]);
  });

  it('C13 packages in the form of v3 only are told, with their number', async () => {
    const both = { ...JSON.parse(json.toString()), v3: { conda: { 'x-1-0': {}, 'y-1-0': {} } } };
    upstream.server.script(index('.zst'), answer(404));
    upstream.server.script(index(''), file(JSON.stringify(both)));
    const gateway = await upstream.open();
    expect((await gateway.repodata(upstream.channel, 'noarch'))?.size).toBe(1);
    expect(gateway.findings()).toEqual([
      expect.objectContaining({ code: 'v3-records', message: expect.stringMatching(/^2 packages .*v3/), exit: false }),
    ]);
  });
});

describe('N9 an index over the limit is refused once, by what is stated', () => {
  const spaces = (bytes: number): Buffer => Buffer.alloc(bytes, ' ');
  it.each<[string, '' | '.zst' | '.bz2', () => Promise<Uint8Array>, Partial<GatewayLimits>]>([
    ['zst', '.zst', () => zstdCompress(spaces(3_000_000), 1), { maxRepodataBytes: 1_000_000 }],
    ['bz2', '.bz2', () => bzip2Compress(spaces(3_000_000)), { maxRepodataBytes: 1_000_000 }],
    ['a zst that packs too well', '.zst', () => zstdCompress(spaces(3_000_000), 1), { maxRepodataBytes: 4_000_000 }],
    ['a bz2 that packs too well', '.bz2', () => bzip2Compress(spaces(3_000_000)), { maxRepodataBytes: 4_000_000 }],
    ['plain', '', async () => spaces(3_000_000), { maxRepodataWireBytes: 1_000_000 }],
  ])('%s', async (_name, end, body, limits) => {
    for (const other of ['.zst', '.bz2', ''] as const) upstream.server.script(index(other), answer(404));
    upstream.server.script(index(end), file(await body()));
    const gateway = await upstream.open({ limits });
    const errors = [];
    // An engine asks for one form after the other, and so do the stages of a run.
    for (let each = 0; each < 3; each += 1)
      errors.push(await failureOf(gateway.viewed.repodata(upstream.channel, 'noarch')));
    for (const error of errors) expect([error.code, error.exitCode]).toEqual(['E_REPODATA', 7]);
    expect(errors[0]!.hint).toMatch(/At most \d+ MB are read of an index.*--max-index-mb/);
    expect(upstream.server.asked(index(end))).toHaveLength(1);
  });
});

describe('the cache between runs', () => {
  it('asks with If-None-Match, and holds no token', async () => {
    await scriptIndex(upstream.server, upstream.paths.subdir, 'noarch', [upstream.package], { etag: '"i1"' });
    const first = await upstream.open({ keepCache: true });
    await first.repodata(upstream.channel, 'noarch');
    for (const text of [CHAOS_TOKEN, CHAOS_TOKEN_WIRE, 'sentinel']) expect(first.filesWith(text)).toEqual([]);
    expect(first.filesWith(upstream.package.distFilename)).toHaveLength(1);
    upstream.server.requests.length = 0;
    const second = await upstream.open({ cacheDir: first.cacheDir });
    expect((await second.repodata(upstream.channel, 'noarch'))?.size).toBe(1);
    expect(upstream.server.requests.map(({ headers }) => headers['if-none-match'])).toEqual(['"i1"']);
  });

  it('takes the new index when there is one, and forgets the old', async () => {
    await scriptIndex(upstream.server, upstream.paths.subdir, 'noarch', [upstream.package], { etag: '"i1"' });
    const first = await upstream.open({ keepCache: true });
    await first.repodata(upstream.channel, 'noarch');
    await scriptIndex(upstream.server, upstream.paths.subdir, 'noarch', [], { etag: '"i2"' });
    const second = await upstream.open({ cacheDir: first.cacheDir });
    expect((await second.repodata(upstream.channel, 'noarch'))?.size).toBe(0);
    expect(second.filesWith(upstream.package.distFilename)).toEqual([]);
  });

  it('J8 an index that echoes the token is not kept', async () => {
    const text = JSON.stringify({ ...repodataOf('noarch', [upstream.package]), note: CHAOS_TOKEN });
    upstream.server.script(index('.zst'), file(await zstdCompress(Buffer.from(text), 1), { etag: '"i1"' }));
    const gateway = await upstream.open();
    await gateway.repodata(upstream.channel, 'noarch');
    expect(gateway.filesWith('sentinel')).toEqual([]);
  });

  it('callers at the same time share one fetch; a failure is not kept', async () => {
    upstream.server.script(index('.zst'), cutAfter(3, Buffer.alloc(100)));
    const gateway = await upstream.open({ limits: { attempts: 1 } });
    await failureOf(gateway.repodata(upstream.channel, 'noarch'));
    upstream.server.requests.length = 0;
    await scriptIndex(upstream.server, upstream.paths.subdir, 'noarch', [upstream.package]);
    const [a, b, viewed] = await Promise.all([
      gateway.repodata(upstream.channel, 'noarch'),
      gateway.repodata(upstream.channel, 'noarch'),
      gateway.viewed.repodata(upstream.channel, 'noarch'),
    ]);
    expect(a).toBe(b);
    expect(viewed?.size).toBe(1);
    expect(got()).toEqual(['json.zst']);
  });
});

describe('N11 an artifact that the index names', () => {
  it.each([403, 404, 410])('N11 and the server answers %i: E_ARTIFACT_MISSING naming it', async (status) => {
    upstream.scriptArtifact(answer(status));
    const gateway = await upstream.open();
    const error = await failureOf(gateway.download(upstream.planned));
    expect([error.code, error.exitCode, error.where]).toEqual(['E_ARTIFACT_MISSING', 4, upstream.planned.url]);
    expect(error.what).toContain(`noarch/${upstream.package.distFilename}`);
  });

  it('N11 and has another digest: once more past the caches, then E_ARTIFACT_DIGEST with both', async () => {
    const wrong = Buffer.from(upstream.package.bytes).fill(1, 100, 200);
    upstream.scriptArtifact(file(wrong));
    const gateway = await upstream.open();
    const error = await failureOf(gateway.download(upstream.planned));
    expect([error.code, error.exitCode]).toEqual(['E_ARTIFACT_DIGEST', 4]);
    expect(`${error.what} ${error.where}`).toContain(upstream.package.distFilename);
    expect(error.details.join('\n')).toContain(upstream.package.record.sha256);
    expect(upstream.server.asked(upstream.paths.artifact)).toHaveLength(2);
  });

  it('N11 without any digest: refused before it is asked', async () => {
    const { sha256: _sha256, md5: _md5, ...bare } = upstream.package.record;
    const gateway = await upstream.open();
    const error = await failureOf(gateway.download({ ...plannedOf(upstream.channel, upstream.package), record: bare }));
    expect(error.code).toBe('E_RECORD');
    expect(upstream.server.requests).toEqual([]);
  });

  it('N11 that no declared channel has: E_ARTIFACT_MISSING', async () => {
    const gateway = await upstream.open();
    expect((await failureOf(gateway.download({ ...upstream.planned, channel: undefined }))).code).toBe(
      'E_ARTIFACT_MISSING',
    );
  });
});
