import { createServer } from 'node:http';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PROJECT_ROOT } from '../../../../scripts/lib/layers.js';
import type { Channel } from '../../../../src/conda/channel/channel.js';
import type { RepodataIndex } from '../../../../src/conda/record/repodata-index.js';
import { scanRepodata } from '../../../../src/conda/record/repodata-scan.js';
import type { RunScan } from '../../../../src/conda/record/run-scan.js';
import { dependencyName } from '../../../../src/conda/spec/dependency.js';
import { sha256Of } from '../../../../src/codec/digests.js';
import { keptScanText, marksOf, parseKeptScan } from '../../../../src/gateway/repodata/kept-scan.js';
import { rangedRepodata, scanRuns } from '../../../../src/gateway/repodata/ranged.js';
import { nodeFileSystem } from '../../../../src/runtime/fs.js';
import { undiciHttp } from '../../../../src/runtime/http.js';
import { openTestGateway, type TestGateway } from '../../../helpers/gateway.js';
import { testRuntime } from '../../../helpers/runtime.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'repackenv-ranged-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

/** The bytes in pieces of so many. */
function scanOf(bytes: Uint8Array, piece = 1000): Promise<RunScan | undefined> {
  let at = 0;
  return scanRuns(async () => bytes.subarray(at, (at += piece)), { subdir: 'linux-64' });
}

async function rangedOf(bytes: Uint8Array, scan: RunScan): Promise<ReturnType<typeof rangedRepodata>> {
  const [fs, path] = [nodeFileSystem(), join(dir, 'index.json')];
  writeFileSync(path, bytes);
  const kept = parseKeptScan(keptScanText({ ...scan, marks: (await marksOf(fs, path))!, sha256: undefined }))!;
  const nothing = async (): Promise<void> => {};
  const how = {
    file: 'repodata.json',
    subdir: 'linux-64',
    where: 'here',
    onDamage: nothing,
    onDigest: nothing,
  } as const;
  return rangedRepodata({ fs, path, scan: kept, ...how });
}

const recordsOf = (index: RepodataIndex, name: string): [string, string][] =>
  index.filenames(name).map((fn) => [fn, Buffer.from(index.rawRecord(fn)!).toString()]);

const NAMES = ['a', 'a-b', 'a-b-c', 'b', 'python', 'python-abi', '_x', 'Caps', '..', '', 'é'];
const file = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.tuple(fc.constantFrom(...NAMES), fc.nat(3), fc.nat(2)).map(([n, v, b]) => `${n}-${v}.0-${b}`),
  },
  { weight: 1, arbitrary: fc.constantFrom('odd', 'one-dash', '-', '--', 'python', 'a\\b-1-0', '"-1-0') },
);
const record = fc.record({
  depends: fc.array(fc.constantFrom(...NAMES.map((name) => `${name} >=1`), '{x', ']"', '\\'), { maxLength: 3 }),
  more: fc.constantFrom<unknown>({}, [], [{ a: '}' }], 'é"\\', 1e9, null),
});
const records = fc.array(fc.tuple(file, fc.constantFrom('.conda', '.tar.bz2'), record), { maxLength: 20 });
const documents = fc
  .tuple(
    records,
    records,
    fc.constantFrom<unknown>(undefined, {}, { subdir: 'linux-64', base_url: '../x' }),
    fc.boolean(),
    fc.constantFrom(0, 2),
  )
  .map(([one, two, info, turned, indent]) => {
    const map = (list: typeof one) => Object.fromEntries(list.map(([stem, end, value]) => [stem + end, value]));
    const members = Object.entries({
      info,
      packages: map(one),
      'packages.conda': map(two),
      removed: ['x'],
      _url: 'y',
      repodata_version: 1,
    });
    return JSON.stringify(Object.fromEntries(turned ? members.reverse() : members), undefined, indent);
  });

const whole = (bytes: Uint8Array): RepodataIndex | undefined => {
  try {
    return scanRepodata(bytes, 'here', { subdir: 'linux-64' });
  } catch {
    return undefined;
  }
};

describe('an index that is read by names', { timeout: 60_000 }, () => {
  it('gives of every name what a scan of the whole gives, however it comes in pieces', async () => {
    await fc.assert(
      fc.asyncProperty(documents, fc.integer({ min: 1, max: 300 }), fc.subarray(NAMES), async (text, piece, asked) => {
        const bytes = encode(text);
        const [index, scan] = [whole(bytes), await scanOf(bytes, piece)];
        if (scan === undefined) return;
        // What the one takes, the other takes.
        expect(index).toBeDefined();
        const ranged = await rangedOf(bytes, scan);
        const needs = await ranged.load(asked);
        const part = ranged.answer();
        for (const name of [...asked, 'odd', 'one-dash'])
          expect(recordsOf(part.index, name)).toEqual(recordsOf(index!, name));
        expect(new Set(part.index.packageNames())).toEqual(new Set(index!.packageNames()));
        expect([part.index.baseUrl, part.index.subdir, part.index.repodataVersion, part.index.published]).toEqual([
          index!.baseUrl,
          index!.subdir,
          index!.repodataVersion,
          index!.size,
        ]);
        const order = [...index!.allFilenames()].filter((fn) => part.index.has(fn));
        expect([...part.index.allFilenames()]).toEqual(order);
        const depends = asked.flatMap((name) =>
          recordsOf(index!, name).flatMap(([, raw]) => (JSON.parse(raw) as { depends: string[] }).depends),
        );
        for (const text of depends.filter((each) => each.endsWith(' >=1')))
          expect([...needs]).toContain(dependencyName(text));
        expect(await part.sha256()).toBe(sha256Of(bytes));
      }),
      { numRuns: 150 },
    );
  });

  it('takes an ordinary one, in pieces of any size', async () => {
    const text = JSON.stringify({
      info: { subdir: 'linux-64' },
      packages: { 'a-1-0.tar.bz2': { depends: [] } },
      repodata_version: 1,
    });
    for (let piece = 1; piece <= text.length; piece++)
      expect((await scanOf(encode(text), piece))?.runs).toMatchObject([{ name: 'a' }]);
  });

  it.each([
    ['with a malformed escape in a key', '{"packages":{},"_\\x":1}'],
    ['with a line end in a key', '{"packages":{},"_\n":1}'],
    ['of another subdir', '{"info":{"subdir":"win-64"},"packages":{}}'],
    ['of an unknown version', '{"packages":{},"repodata_version":3}'],
    ['with a file twice', '{"packages":{"a-1-0.conda":{},"b-1-0.conda":{},"a-1-0.conda":{}}}'],
    ['with a file in both maps', '{"packages":{"a-1-0.conda":{}},"packages.conda":{"a-1-0.conda":{}}}'],
    ['with a key twice', '{"packages":{},"packages":{}}'],
    ['with something behind it', '{"packages":{}}{'],
    ['without records', '{"info":{}}'],
    ['that ends too soon', '{"packages":{"a-1-0.conda":{}}'],
    ['with records in another form (CEP 48)', '{"packages":{},"v3":{"conda":{"x-1-0":{}}}}'],
    ['with an escape in a file name', '{"packages":{"a\\u002d1-0.conda":{}}}'],
    ['with a record that is a number', '{"packages":{"a-1-0.conda":12}}'],
    ['of 0 bytes', ''],
    ['that is a page', '<html>'],
  ])('leaves one %s to the scan of the whole', async (_what, text) => {
    for (const piece of [1, 7, 1000]) expect(await scanOf(encode(text), piece)).toBeUndefined();
  });

  for (const name of ['pytorch-linux-64.json', 'r-linux-64.json']) {
    const path = join(PROJECT_ROOT, '..', 'shared', 'data', 'repodata', name);
    it.skipIf(!existsSync(path))(`${name}: all records of all names are those of the whole`, async () => {
      const bytes = readFileSync(path);
      const [index, scan] = [whole(bytes)!, await scanOf(bytes, 100_000)];
      const ranged = await rangedOf(bytes, scan!);
      await ranged.load(index.packageNames());
      const part = ranged.answer().index;
      expect([...part.allFilenames()]).toEqual([...index.allFilenames()]);
      for (const fn of index.allFilenames()) expect(Buffer.compare(part.rawRecord(fn)!, index.rawRecord(fn)!)).toBe(0);
    });
  }

  it('finds a file that changed after it was scanned by the sum of what it reads', async () => {
    const bytes = encode('{"packages":{"a-1-0.conda":{"depends":["b"]},"c-1-0.conda":{"depends":[]}}}');
    const scan = (await scanOf(bytes))!;
    const run = scan.runs[0]!;
    const forged = { ...scan, runs: [{ ...run, sum: run.sum ^ 1 }, scan.runs[1]!] };
    const ranged = await rangedOf(bytes, forged);
    await expect(ranged.load(['c'])).resolves.toEqual(new Set());
    await expect(ranged.load(['a'])).rejects.toMatchObject({ code: 'E_REPODATA' });
  });
});

describe('a scan that is kept', { timeout: 30_000 }, () => {
  let gateway: TestGateway | undefined;
  afterEach(async () => gateway?.close());
  const RECORDS = Object.fromEntries(
    ['app', 'lib', 'other', 'far'].flatMap((name, at) =>
      ['1.0', '2.0'].map((version) => [
        `${name}-${version}-0.conda`,
        {
          name,
          version,
          build: '0',
          build_number: 0,
          depends: at < 1 ? ['lib'] : [],
          sha256: 'ab'.repeat(32),
          subdir: 'linux-64',
        },
      ]),
    ),
  );
  const textOf = (records: object): string =>
    JSON.stringify({ info: { subdir: 'linux-64' }, packages: {}, 'packages.conda': records });
  const LONG_AGO = new Date('2024-01-01T00:00:00Z');

  /** A run that asks for `app`: how often and how much of the index it read, and what it got. */
  async function runOf(
    channel: Channel,
    index: string,
    later = 60_000,
  ): Promise<{ read: number; names: string[]; records: unknown[] }> {
    let read = 0;
    const fs = nodeFileSystem();
    const counted =
      (open: typeof fs.openNoFollow): typeof fs.openNoFollow =>
      async (path) => {
        const handle = await open(path);
        const before = handle.read.bind(handle) as (...args: unknown[]) => Promise<{ bytesRead: number }>;
        const counts = async (...args: unknown[]): Promise<{ bytesRead: number }> => {
          const done = await before(...args);
          if (path.endsWith(index)) read += done.bytesRead;
          return done;
        };
        return Object.assign(handle, { read: counts });
      };
    const readFile: typeof fs.readFile = async (path) => {
      const bytes = await fs.readFile(path);
      if (path.endsWith(index)) read += bytes.length;
      return bytes;
    };
    const rt = testRuntime({
      http: undiciHttp(),
      fs: { ...fs, readFile, openNoFollow: counted(fs.openNoFollow) },
    });
    rt.clock.set(Date.now() + later);
    gateway = await openTestGateway({
      channels: [channel],
      token: null,
      rt,
      cacheDir: join(dir, 'cache'),
      keepCache: true,
      allowHttp: ['127.0.0.1'],
      limits: { rangedFromBytes: 1, shardsFromBytes: 1e9 },
      reach: { names: ['app'], subdirs: ['linux-64'] },
    });
    const got = (await gateway.repodata(channel, 'linux-64'))!;
    const names = [...got.allFilenames()].filter((fn) => /^(?:app|lib)-/.test(fn));
    return { read, names, records: names.map((fn) => got.record(fn)) };
  }

  const cached = (end: string): string => {
    const folder = join(dir, 'cache', 'repodata');
    return join(
      folder,
      readdirSync(folder).find((name) => name.endsWith(end))!,
    );
  };
  const folder = (records: object): Channel => {
    mkdirSync(join(dir, 'channel', 'linux-64'), { recursive: true });
    const path = join(dir, 'channel', 'linux-64', 'repodata.json');
    writeFileSync(path, textOf(records));
    utimesSync(path, LONG_AGO, LONG_AGO);
    return { url: pathToFileURL(join(dir, 'channel')).href, name: 'mine', authenticated: false, role: 'base' };
  };
  const EXPECTED = ['app-1.0-0.conda', 'app-2.0-0.conda', 'lib-1.0-0.conda', 'lib-2.0-0.conda'];
  const wanted = (records: Record<string, unknown>) => ({
    names: EXPECTED,
    records: EXPECTED.map((fn) => records[fn]),
  });

  it('of a folder: the next run reads no more than it needs', async () => {
    const channel = folder(RECORDS);
    const size = textOf(RECORDS).length;
    const [first, second] = [await runOf(channel, 'repodata.json'), await runOf(channel, 'repodata.json')];
    expect(first).toMatchObject(wanted(RECORDS));
    expect(second).toMatchObject(wanted(RECORDS));
    expect(first.read).toBeGreaterThan(size);
    expect(second.read).toBeLessThan(size);
  });

  const KEPT_DAMAGES: [string, (text: string) => string | Uint8Array][] = [
    ['cut', (text) => text.slice(0, -1)],
    ['empty', () => ''],
    ['with a byte more', (text) => `${text} `],
    ['with another digest', (text) => text.replace(/^./, (digit) => (digit === '0' ? '1' : '0'))],
    ['with another place', (text) => text.replace(/,(\d)(\d*),(\d+),(\d+)\]/, ',$1$21,$3,$4]')],
    ['with another name', (text) => text.replace('"app"', '"apq"')],
    ['of another version', (text) => resummed(text.replace(/"tool":"[^"]*"/, '"tool":"0.0.0"'))],
    ['that is no JSON', () => resummed('x\n{')],
    ['that is a list', () => resummed('x\n[]')],
    ['of another file', (text) => resummed(text.replace(/"marks":\["/, '"marks":["1'))],
    ['of bytes', () => new Uint8Array([0xff, 0xfe, 0x00])],
  ];
  const resummed = (text: string): string => {
    const rest = text.slice(text.indexOf('\n') + 1);
    return `${sha256Of(Buffer.from(rest))}\n${rest}`;
  };

  it.each(KEPT_DAMAGES)('%s counts for nothing, and is made anew', async (_what, damage) => {
    const channel = folder(RECORDS);
    const whole = (await runOf(channel, 'repodata.json')).read;
    const before = readFileSync(cached('.scan.json'), 'utf8');
    writeFileSync(cached('.scan.json'), damage(before));
    const second = await runOf(channel, 'repodata.json');
    expect(second).toMatchObject(wanted(RECORDS));
    expect(second.read).toBe(whole);
    expect(readFileSync(cached('.scan.json'), 'utf8')).toBe(before);
  });

  it('with sums that are not those of the index: it is read whole, and the scan is gone', async () => {
    const channel = folder(RECORDS);
    await runOf(channel, 'repodata.json');
    const text = readFileSync(cached('.scan.json'), 'utf8');
    writeFileSync(cached('.scan.json'), resummed(text.replaceAll(/,(\d+)\]/g, ',7]')));
    expect(await runOf(channel, 'repodata.json')).toMatchObject(wanted(RECORDS));
    expect(readdirSync(join(dir, 'cache', 'repodata'))).toEqual([]);
    expect((await runOf(channel, 'repodata.json')).names).toEqual(EXPECTED);
    expect(readFileSync(cached('.scan.json'), 'utf8')).toBe(text);
  });

  it('is not kept of an index that was written a moment ago', async () => {
    expect(await runOf(folder(RECORDS), 'repodata.json', 0)).toMatchObject(wanted(RECORDS));
    expect(readdirSync(join(dir, 'cache', 'repodata'))).toEqual([]);
  });

  it('is not of an index that changed', async () => {
    await runOf(folder(RECORDS), 'repodata.json');
    const changed = { ...RECORDS, 'lib-2.0-0.conda': { ...RECORDS['lib-2.0-0.conda'], build_number: 9 } };
    expect(await runOf(folder(changed), 'repodata.json')).toMatchObject(wanted(changed));
  });

  it('of an index from a server lies beside what the cache has of it; both must be what they were', async () => {
    let text = textOf(RECORDS);
    let sent = 0;
    const server = createServer((request, response) => {
      const there = request.url === '/c/linux-64/repodata.json';
      const same = request.headers['if-none-match'] === `"${text.length}"`;
      const status = !there ? 404 : same ? 304 : 200;
      if (status === 200 && request.method === 'GET') sent += 1;
      response.writeHead(status, there ? { etag: `"${text.length}"` } : {});
      response.end(status === 200 ? text : '');
    });
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = server.address() as { port: number };
      const channel: Channel = { url: `http://127.0.0.1:${port}/c`, name: 'c', authenticated: false, role: 'base' };
      const run = () => runOf(channel, `${sha256Of(Buffer.from(text))}.json`);
      expect(await run()).toMatchObject(wanted(RECORDS));
      const second = await run();
      expect(second).toMatchObject(wanted(RECORDS));
      expect(second.read).toBeLessThan(text.length);
      expect(sent).toBe(1);
      expect((await gateway!.indexesRead()).map(({ sha256 }) => sha256)).toEqual([sha256Of(Buffer.from(text))]);
      // The scan is lost: made of the body, which is not fetched again.
      rmSync(cached('.scan.json'));
      expect(await run()).toMatchObject(wanted(RECORDS));
      expect(sent).toBe(1);
      // The body is damaged: found by its digest, and fetched anew.
      appendFileSync(cached(`${sha256Of(Buffer.from(text))}.json`), ' ');
      expect(await run()).toMatchObject(wanted(RECORDS));
      expect(sent).toBe(2);
      const changed = { ...RECORDS, 'lib-2.0-0.conda': { ...RECORDS['lib-2.0-0.conda'], build_number: 99 } };
      text = textOf(changed);
      expect(await run()).toMatchObject(wanted(changed));
      expect(sent).toBe(3);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});
