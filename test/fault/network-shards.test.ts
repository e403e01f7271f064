import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { shardFiles } from '../../src/channel/index/shard-files.js';
import { sha256Of } from '../../src/codec/digests.js';
import { zstdCompress } from '../../src/codec/zstd.js';
import { findLayer } from '../../scripts/lib/layers.js';
import { answer, file, startChaosServer, type ChaosServer } from '../helpers/chaos-server.js';
import { baseChannel, openTestGateway, failureOf, type TestGateway } from '../helpers/gateway.js';
import { pipFindings } from '../../src/jobs/pip-findings.js';
import { similarNames } from '../../src/engine/embedded/similar-names.js';

/** CEP 16: the index of a channel in shards, one for each package name. */

type Records = Record<string, Record<string, unknown>>;

let server: ChaosServer;
let gateways: TestGateway[];
beforeEach(async () => {
  server = await startChaosServer();
  gateways = [];
});
afterEach(async () => {
  for (const gateway of gateways) await gateway.close();
  await server.close();
});

const record = (name: string, depends: string[] = [], version = '1.0'): [string, Record<string, unknown>] => [
  `${name}-${version}-0.conda`,
  {
    name,
    version,
    build: '0',
    build_number: 0,
    depends,
    md5: 'ab'.repeat(16),
    sha256: 'cd'.repeat(32),
    size: 7,
    subdir: 'linux-64',
    timestamp: 1_700_000_000_123,
    // What does not pack, so that the whole index is large.
    note: Buffer.from(name.repeat(300)).toString('base64'),
  },
];
const RECORDS: Records = Object.fromEntries([
  record('app', ['lib >=1', 'python']),
  record('lib', ['__glibc >=2.17', 'base']),
  record('base'),
  record('python'),
  record('pip'),
  record('other', ['far']),
  record('far'),
]);
const SUBDIR = '/pkgs/main/linux-64';
const LISTING = `${SUBDIR}/repodata_shards.msgpack.zst`;
const REACH = { names: ['app'], subdirs: ['linux-64'] };

async function script(records: Records = RECORDS, { whole = true, base = '' } = {}): Promise<Map<string, Uint8Array>> {
  const repodata = { info: { subdir: 'linux-64' }, packages: {}, 'packages.conda': records, repodata_version: 1 };
  const text = JSON.stringify(repodata);
  server.script(`${SUBDIR}/repodata.json`, whole ? file(text) : answer(404));
  server.script(`${SUBDIR}/repodata.json.zst`, whole ? file(await zstdCompress(Buffer.from(text), 1)) : answer(404));
  const files = await shardFiles(repodata, { subdir: 'linux-64', base });
  for (const [name, bytes] of files)
    server.script(
      name.startsWith('repodata') ? LISTING : `${SUBDIR}/${base}${name}`,
      file(bytes, { etag: `"${sha256Of(bytes)}"` }),
    );
  return files;
}

async function open(options: Parameters<typeof openTestGateway>[0] = {}): Promise<TestGateway> {
  const gateway = await openTestGateway({
    channels: [baseChannel(server.url)],
    token: null,
    allowHttp: ['127.0.0.1', 'localhost'],
    limits: { shardsFromBytes: 200 },
    reach: REACH,
    ...options,
  });
  gateways.push(gateway);
  return gateway;
}

const fromMain = (gateway: TestGateway) => gateway.repodata(baseChannel(server.url), 'linux-64');
const names = (index: { allFilenames(): Iterable<string> } | undefined): string[] =>
  [...(index?.allFilenames() ?? [])].map((fn) => fn.split('-')[0]!).sort();
const shardsAsked = (): number => server.requests.filter(({ path }) => /[0-9a-f]{64}\.msgpack\.zst$/.test(path)).length;

describe('a large index that the channel also has in shards', () => {
  it('is read by the names that the request reaches, as published', async () => {
    await script();
    const index = await fromMain(await open());
    expect(names(index)).toEqual(['app', 'base', 'lib', 'pip', 'python']);
    for (const fn of index!.allFilenames()) expect(index!.record(fn)).toEqual(RECORDS[fn]);
    expect(shardsAsked()).toBe(5);
  });

  it('still knows the names of all packages, to say what is meant by a slip', async () => {
    await script();
    const index = await fromMain(await open());
    expect(similarNames(['othr'], [index!]).get('othr')).toEqual(['other']);
  });

  it('still knows them for what a pip: section names', async () => {
    await script();
    const asked = { channels: [baseChannel(server.url)], subdirs: ['linux-64'] };
    const pip = { file: 'environment.yml', line: 3, entries: [{ text: 'Other', line: 4, name: 'other' }], left: true };
    const [finding] = await pipFindings(asked, pip, await open());
    expect(finding?.message).toContain('conda package other in ');
  });

  it.each<[string, Parameters<typeof openTestGateway>[0], number]>([
    ['below the size from which shards are looked for', { limits: {} }, 7],
    ['where anything may be asked', { reach: undefined }, 7],
  ])('is read whole %s', async (_name, options, count) => {
    await script();
    expect((await fromMain(await open(options)))?.size).toBe(count);
    expect(shardsAsked()).toBe(0);
  });

  it('is not fetched again: neither what stayed nor what nobody asks for', async () => {
    await script();
    const first = await open({ keepCache: true });
    await fromMain(first);
    await first.close();
    server.requests.length = 0;
    const second = await open({ cacheDir: first.cacheDir });
    expect(names(await fromMain(second))).toEqual(['app', 'base', 'lib', 'pip', 'python']);
    expect(server.requests.filter(({ path }) => path.startsWith(SUBDIR)).map(({ path }) => path)).toEqual([LISTING]);
  });

  it('of a changed listing only the shards that changed are fetched, and the others that went are removed', async () => {
    await script();
    const first = await open({ keepCache: true });
    await fromMain(first);
    await first.close();
    server.requests.length = 0;
    await script({ ...RECORDS, ...Object.fromEntries([record('lib', ['base', 'far'], '1.0')]) });
    const second = await open({ cacheDir: first.cacheDir });
    expect(names(await fromMain(second))).toEqual(['app', 'base', 'far', 'lib', 'pip', 'python']);
    expect(shardsAsked()).toBe(2);
    expect(second.filesWith('.shard')).toHaveLength(6);
  });

  it('reaches through a channel that has no shards, and back', async () => {
    await script();
    const far = Object.fromEntries([record('bridge', ['other'])]);
    const text = JSON.stringify({ info: { subdir: 'linux-64' }, packages: {}, 'packages.conda': far });
    server.script('/small/linux-64/repodata.json', file(text));
    for (const end of ['.zst', '.bz2']) server.script(`/small/linux-64/repodata.json${end}`, answer(404));
    const small = { ...baseChannel(server.url), url: `${server.url}/small`, name: 'small' };
    const channels = [baseChannel(server.url), small];
    const gateway = await open({ channels, reach: { names: ['bridge'], subdirs: ['linux-64'] } });
    expect(names(await fromMain(gateway))).toEqual(['far', 'other']);
    expect(names(await gateway.repodata(small, 'linux-64'))).toEqual(['bridge']);
  });

  it.each([
    ['beside the index', 'shards/', 5],
    ['at another host, which nobody asks: the index is read whole', 'https://elsewhere.invalid/', 0],
    ['above the channel', '../../', 0],
  ])('has its shards %s', async (_name, base, asked) => {
    await script(RECORDS, { base });
    const index = await fromMain(await open());
    expect(index?.size).toBe(asked === 0 ? 7 : 5);
    expect(shardsAsked()).toBe(asked);
  });
});

describe('shards that are not what they should be: the index is read whole', () => {
  const shardOf = (files: Map<string, Uint8Array>): string =>
    `${SUBDIR}/${[...files.keys()].find((name) => !name.startsWith('repodata'))!}`;
  it.each<[string, (files: Map<string, Uint8Array>) => Promise<void> | void]>([
    ['no listing', () => server.script(LISTING, answer(404))],
    ['a listing that is refused', () => server.script(LISTING, answer(403))],
    ['a web page for a listing', () => server.script(LISTING, file('<html>login</html>'))],
    [
      'a listing that is no MessagePack',
      async () => server.script(LISTING, file(await zstdCompress(Buffer.from([0xc1]), 1))),
    ],
    ['a shard that is not there', (files) => server.script(shardOf(files), answer(404))],
    ['a shard with other bytes', (files) => server.script(shardOf(files), file('other bytes'))],
  ])('%s', async (_name, spoil) => {
    await spoil(await script());
    expect((await fromMain(await open()))?.size).toBe(7);
  });

  it('a listing of another subdir', async () => {
    await script();
    const files = await shardFiles({ 'packages.conda': RECORDS }, { subdir: 'win-64' });
    server.script(LISTING, file(files.get('repodata_shards.msgpack.zst')!));
    expect((await fromMain(await open()))?.size).toBe(7);
  });
});

describe('C14 a channel that has nothing but shards', () => {
  it('is read by names', async () => {
    await script(RECORDS, { whole: false });
    expect(names(await fromMain(await open()))).toEqual(['app', 'base', 'lib', 'pip', 'python']);
  });

  it('is read whole where anything may be asked', async () => {
    await script(RECORDS, { whole: false });
    const index = await fromMain(await open({ reach: undefined }));
    expect(Object.fromEntries([...index!.allFilenames()].map((fn) => [fn, index!.record(fn)]))).toEqual(RECORDS);
  });

  it('says which shard is broken', async () => {
    const files = await script(RECORDS, { whole: false });
    for (const name of files.keys()) if (!name.startsWith('repodata')) server.script(`${SUBDIR}/${name}`, answer(404));
    const error = await failureOf(fromMain(await open()));
    expect([error.code, error.where]).toEqual(['E_REPODATA', expect.stringMatching(/linux-64, shard of \w+$/)]);
  });
});

const real = findLayer('real-indexes');
describe.skipIf(!real.available)('every record of a real index', () => {
  it.each(['r-linux-64', 'pytorch-linux-64'])('%s in shards is the record of the whole index', async (name) => {
    const path = real.available ? join(real.path, `${name}.json`) : '';
    expect(existsSync(path)).toBe(true);
    const repodata = JSON.parse(readFileSync(path, 'utf8')) as { packages: Records; 'packages.conda': Records };
    const files = await shardFiles(repodata, { subdir: 'linux-64' });
    for (const end of ['', '.zst', '.bz2']) server.script(`${SUBDIR}/repodata.json${end}`, answer(404));
    for (const [fn, bytes] of files) server.script(`${SUBDIR}/${fn}`, file(bytes));
    const index = await fromMain(await open({ reach: undefined }));
    const all = { ...repodata.packages, ...repodata['packages.conda'] };
    expect(index!.size).toBe(Object.keys(all).length);
    for (const fn of index!.allFilenames())
      expect(JSON.parse(Buffer.from(index!.rawRecord(fn)!).toString())).toEqual(all[fn]);
  });
});
