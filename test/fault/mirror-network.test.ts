import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makePackage, repodataOf, type SamplePackage } from '../../scripts/lib/sample-upstream.js';
import { filesThatContain, snapshot, type Snapshot } from '../../scripts/lib/snapshot.js';
import { mirror, type MirrorReport, type MirrorRequest } from '../../src/jobs/mirror/mirror.js';
import { declareMirrorChannels, mirrorPlace } from '../../src/jobs/mirror/mirror-settings.js';
import { verify } from '../../src/jobs/verify.js';
import { parseMirrorText } from '../../src/config/mirror-file/read.js';
import { isRepackError, type ErrorCode, type RepackError } from '../../src/base/errors.js';
import { createRedactor } from '../../src/base/redact.js';
import { Secret } from '../../src/base/secret.js';
import { systemClock } from '../../src/runtime/clock.js';
import { undiciHttp } from '../../src/runtime/http.js';
import {
  answer,
  cutAfter,
  drip,
  file,
  raw,
  redirect,
  resetBeforeHeaders,
  startChaosServer,
  type ChaosServer,
  type ChaosStep,
} from '../helpers/chaos-server.js';
import { noise, scriptIndex, startChaosUpstream, type ChaosUpstream } from '../helpers/chaos-upstream.js';
import { CHAOS_TOKEN, CHAOS_TOKEN_WIRE } from '../helpers/gateway.js';
import { makeTestCa } from '../helpers/certificates.js';
import { inodesBelow } from '../helpers/mirrors.js';
import { fakeClock, testRuntime, type FakeClock, type TestRuntime } from '../helpers/runtime.js';

/**
 * The N rows for `mirror`: the same chaos as for the gateway alone (network-*.test.ts), met by the whole command. Each begins with a published
 * mirror of one package; the channel then has a second one, and something is wrong.
 */
let upstream: ChaosUpstream;
let other: ChaosServer;
let fresh: SamplePackage;
let dir: string;
let mirrorDir: string;
let published: Map<string, string>;
let runs = 0;

beforeEach(async () => {
  upstream = await startChaosUpstream();
  other = await startChaosServer({ certificate: upstream.certificate, host: '127.0.0.2' });
  fresh = await makePackage({
    name: 'fresh',
    version: '1.0',
    noarch: 'generic',
    files: { 'share/noise': noise(200_000) },
  });
  dir = mkdtempSync(join(tmpdir(), 'repackenv-mirror-network-'));
  mirrorDir = join(dir, 'mirrors', 'main');
  writeFileSync(join(dir, 'ca.pem'), upstream.ca.cert);
  upstream.scriptArtifact(file(upstream.package.bytes));
  expect((await run()).published?.generation).toBe(1);
  published = inodesBelow(mirrorDir);
  await scriptIndex(upstream.server, upstream.paths.subdir, 'noarch', [upstream.package, fresh]);
  scriptFresh(file(fresh.bytes));
  upstream.server.requests.length = 0;
});
afterEach(async () => {
  await upstream.close();
  await other.close();
  rmSync(dir, { recursive: true, force: true });
});

const indexPath = (end: '' | '.zst' | '.bz2' = ''): string => `${upstream.paths.index}${end}`;
const freshPath = (): string => `${upstream.paths.subdir}/${fresh.distFilename}`;
const scriptFresh = (...steps: ChaosStep[]): void => upstream.server.script(freshPath(), ...steps);
const scriptPlainIndex = (...steps: ChaosStep[]): void => {
  upstream.server.script(indexPath('.zst'), answer(404));
  upstream.server.script(indexPath(), ...steps);
};
const repodata = (...more: SamplePackage[]): string =>
  JSON.stringify(repodataOf('noarch', [upstream.package, fresh, ...more]));

function requestOf(changes: Partial<MirrorRequest> = {}, text = ''): MirrorRequest {
  const settings = parseMirrorText(
    `channels: [{url: "${upstream.channel.url}", token: true}]\nplatforms: [linux-64]\nmirror_dir: ${mirrorDir}\n${text}`,
    join(dir, 'mirror.yml'),
  );
  return {
    settings,
    papers: undefined,
    ...mirrorPlace(testRuntime().machine, settings),
    channels: declareMirrorChannels(settings, { baseUrl: 'https://conda.invalid', owner: undefined, hasToken: true }),
    token: new Secret(CHAOS_TOKEN),
    profiles: [],
    deltaDir: undefined,
    reset: false,
    allowShrink: false,
    keepGoing: false,
    channelPriority: 'flexible',
    engine: 'embedded',
    enginePath: undefined,
    keep: undefined,
    cacheDir: join(dir, 'cache'),
    allowHttp: [],
    maxIndexMb: 450,
    requestsPerSecond: undefined,
    proxy: undefined,
    noProxy: [],
    caFiles: [join(dir, 'ca.pem')],
    waitLockMs: 0,
    takeOverLock: false,
    prove: { kind: 'solve' },
    indexBz2: false,
    replace: [],
    signKey: undefined,
    siteFiles: false,
    attestations: false,
    adopt: false,
    dryRun: false,
    ...changes,
  };
}

function runtime(clock: FakeClock = fakeClock()): TestRuntime {
  return testRuntime({
    http: undiciHttp(),
    clock,
    machine: { randomId: () => `id-${process.hrtime.bigint()}-${++runs}` },
  });
}

function run(changes: Partial<MirrorRequest> = {}, rt: TestRuntime = runtime(), text = ''): Promise<MirrorReport> {
  const redactor = createRedactor();
  redactor.register(new Secret(CHAOS_TOKEN));
  return mirror({ ...rt, secrets: redactor }, requestOf(changes, text));
}

/** Fails so; the mirror is untouched to the last inode; no token in what is said or written; and the next run, all being well, succeeds. */
async function fails(code: ErrorCode, changes: Partial<MirrorRequest> = {}, rt = runtime()): Promise<RepackError> {
  const error = await run(changes, rt).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!isRepackError(error)) throw error ?? new Error('it succeeded');
  expect(error.code, `${error.what} ${error.details.join('\n')}`).toBe(code);
  expect(error.hint?.length).toBeGreaterThan(10);
  const said = JSON.stringify([error.what, error.where, error.hint, error.details, rt.collected]);
  for (const text of [CHAOS_TOKEN, CHAOS_TOKEN_WIRE, 'sentinel']) expect(said).not.toContain(text);
  expect(inodesBelow(mirrorDir)).toEqual(published);
  expect(filesThatContain(dir, 'sentinel')).toEqual([]);
  return error;
}

async function heals(): Promise<MirrorReport> {
  await scriptIndex(upstream.server, upstream.paths.subdir, 'noarch', [upstream.package, fresh]);
  scriptFresh(file(fresh.bytes));
  const report = await run();
  expect(report.published?.generation).toBe(2);
  await expectSound();
  return report;
}

async function expectSound(): Promise<Snapshot> {
  const { findings } = await verify({ ...testRuntime(), clock: systemClock() }, { dir: mirrorDir });
  expect(findings.filter(({ exit }) => exit)).toEqual([]);
  const files = snapshot(mirrorDir);
  expect(files.get(`noarch/${fresh.distFilename}`)?.sha256).toBe(fresh.record.sha256);
  return files;
}

it('N1 a host that is down is one line, over all subdirs', async () => {
  await upstream.server.close();
  const rt = runtime();
  const settings = { ...requestOf().settings, platforms: ['linux-64', 'win-64', 'osx-arm64', 'linux-aarch64'] };
  await run({ settings }, rt).catch(() => undefined);
  const retries = rt.collected.filter((event) => event.type === 'retry');
  expect(retries.length).toBeGreaterThan(8);
  expect(retries.filter(({ again }) => again !== true)).toHaveLength(1);
});

describe('N9 an index that is none', () => {
  it.each<[string, () => Promise<Buffer> | Buffer | ChaosStep, '' | '.zst']>([
    ['a login page', () => Buffer.from('<!DOCTYPE html><title>Sign in</title>'), ''],
    ['a login page in place of the .zst', () => Buffer.from('<html></html>'), '.zst'],
    ['gzip, which nobody asked for', () => gzipSync(Buffer.alloc(50_000_000)), ''],
    ['a zst bomb: 2 GB in 64 kB', () => zstBomb(16_384), '.zst'],
    ['a zst that claims 5 GB', () => zstClaim(5_000_000_000n), '.zst'],
    ['a length of 5 GB', () => answer(200, { 'content-length': '5000000000' }, '{'), ''],
    ['a key twice', () => Buffer.from('{"packages":{},"packages":{},"packages.conda":{}}'), ''],
    ['a file twice', () => Buffer.from('{"packages":{"a-1-0.tar.bz2":{},"a-1-0.tar.bz2":{}}}'), ''],
    ['another subdir', () => Buffer.from(JSON.stringify(repodataOf('win-64', []))), ''],
    ['an unknown version', () => Buffer.from(JSON.stringify(repodataOf('noarch', [], { repodataVersion: 9 }))), ''],
    ['cut short', () => Buffer.from(repodata().slice(0, -30)), ''],
    ['nothing', () => Buffer.alloc(0), ''],
  ])('N9 %s: E_REPODATA, the mirror stays', async (_name, body, end) => {
    const made = await body();
    const step = typeof made === 'function' ? made : file(made);
    if (end === '') scriptPlainIndex(step);
    else {
      // Nothing else to go on with (C5).
      upstream.server.script(indexPath('.zst'), step);
      upstream.server.script(indexPath(), answer(404));
    }
    const error = await fails('E_REPODATA');
    expect(error.where).toContain(`${upstream.channel.url}/noarch/repodata.json${end}`);
    await heals();
  });

  it('N9 B3 a record that is no record is refused by its name', async () => {
    const text = repodata().replace('"packages.conda":{', '"packages.conda":{"bad-1-0.conda":{"name":7},');
    scriptPlainIndex(file(text));
    const error = await fails('E_RECORD');
    expect(error.details.join('\n')).toContain('noarch/bad-1-0.conda');
    await heals();
  });
});

describe('N1–N8 the way to the channel', () => {
  it.each<[string, () => void, ErrorCode]>([
    [
      'N1 401 for the index',
      () => ['', '.zst', '.bz2'].forEach((end) => upstream.server.script(`${upstream.paths.index}${end}`, answer(401))),
      'E_TOKEN_REFUSED',
    ],
    [
      'N1 404 for everything',
      () => ['', '.zst', '.bz2'].forEach((end) => upstream.server.script(`${upstream.paths.index}${end}`, answer(404))),
      'E_TOKEN_REFUSED',
    ],
    ['N1 401 for the artifact', () => scriptFresh(answer(401)), 'E_TOKEN_REFUSED'],
    ['N2 503 without end', () => scriptFresh(answer(503)), 'E_UPSTREAM'],
    ['N2 429 that wants 10^9 seconds', () => scriptFresh(answer(429, { 'retry-after': '1000000000' })), 'E_UPSTREAM'],
    ['N3 reset before the headers, each time', () => scriptFresh(resetBeforeHeaders()), 'E_UPSTREAM'],
    [
      'N4 a longer body than stated',
      () => scriptFresh(file(Buffer.concat([fresh.bytes, Buffer.from('more')]))),
      'E_ARTIFACT_DIGEST',
    ],
    ['N7 a redirect to plain http', () => scriptFresh(redirect('http://127.0.0.2/fresh')), 'E_REDIRECT'],
    ['N7 a redirect to a file', () => scriptFresh(redirect('file:///etc/passwd')), 'E_REDIRECT'],
    ['N7 a redirect in a circle', () => scriptFresh(redirect(freshPath())), 'E_REDIRECT'],
    [
      'N8 base_url on another host',
      () =>
        scriptPlainIndex(
          file(JSON.stringify(repodataOf('noarch', [upstream.package, fresh], { baseUrl: `${other.url}/x/` }))),
        ),
      'E_REPODATA',
    ],
    ['N11 404 for a file that the index names', () => scriptFresh(answer(404)), 'E_ARTIFACT_MISSING'],
    [
      'N11 other bytes of the same size',
      () => scriptFresh(file(Buffer.alloc(fresh.bytes.length, 1))),
      'E_ARTIFACT_DIGEST',
    ],
  ])('%s', async (_name, script, code) => {
    script();
    await fails(code);
    expect(other.tokenReceipts('sentinel')).toEqual([]);
    await heals();
  });

  it.each<[string, () => void]>([
    ['N2 429 once', () => scriptFresh(answer(429, { 'retry-after': '3' }), file(fresh.bytes))],
    [
      'N3 cut in the middle, resumed',
      () =>
        scriptFresh(cutAfter(90_000, Buffer.from(fresh.bytes), { etag: '"a"' }), file(fresh.bytes, { etag: '"a"' })),
    ],
    [
      'N4 a wrong range in answer',
      () =>
        scriptFresh(
          cutAfter(90_000, Buffer.from(fresh.bytes), { etag: '"a"' }),
          raw(
            ['HTTP/1.1 206 Partial Content', 'content-range: bytes 5-9/10', 'content-length: 5'],
            Buffer.from('12345'),
          ),
          file(fresh.bytes, { etag: '"a"' }),
        ),
    ],
    [
      'N5 another ETag in between',
      () =>
        scriptFresh(
          cutAfter(90_000, Buffer.alloc(fresh.bytes.length, 7), { etag: '"old"' }),
          file(fresh.bytes, { etag: '"new"' }),
        ),
    ],
    ['N11 spoilt once on the way', () => scriptFresh(file(Buffer.alloc(fresh.bytes.length, 1)), file(fresh.bytes))],
  ])('%s: done all the same', async (_name, script) => {
    script();
    const report = await run();
    expect(report).toMatchObject({ fetched: { artifacts: 1 }, published: { generation: 2 } });
    await expectSound();
  });

  it('N6 a byte each half minute is given up', async () => {
    const clock = fakeClock();
    scriptFresh(drip(Buffer.from(fresh.bytes), () => clock.advance(31_000)));
    await fails('E_UPSTREAM', {}, runtime(clock));
    await heals();
  });

  it('N7 a redirect to another host is followed without the token', async () => {
    scriptFresh(redirect(`${other.url}/storage/fresh`));
    other.script('/storage/fresh', file(fresh.bytes));
    expect((await run()).published?.generation).toBe(2);
    expect(other.tokenReceipts('sentinel')).toEqual([]);
    await expectSound();
  });

  it('N10 a .zst that names what is gone: said, and the next run reads the .json', async () => {
    const [json] = [JSON.stringify(repodataOf('noarch', [upstream.package]))];
    upstream.server.script(indexPath(), file(json, { etag: '"json"' }));
    scriptFresh(answer(404));
    const error = await fails('E_ARTIFACT_MISSING');
    expect(error.hint).toMatch(/run the same command again/i);
    expect((await run()).published).toMatchObject({ unchanged: true, generation: 1 });
  });

  it('N12 a certificate of somebody else: E_TLS, and no insecure second try', async () => {
    const stranger = await makeTestCa();
    writeFileSync(join(dir, 'other-ca.pem'), stranger.cert);
    await fails('E_TLS', { caFiles: [join(dir, 'other-ca.pem')] });
    expect(upstream.server.requests).toEqual([]);
    await heals();
  });

  it('N12 a proxy that is not there', async () => {
    await fails('E_UPSTREAM', { proxy: 'http://127.0.0.1:9' });
    await heals();
  });

  it('N13 the channel comes back nearly empty: E_SHRINK, and the mirror stays', async () => {
    await scriptIndex(upstream.server, upstream.paths.subdir, 'noarch', []);
    const error = await fails('E_SHRINK');
    expect([error.exitCode, error.hint]).toEqual([5, expect.stringContaining('--allow-shrink')]);
    await heals();
  });
});

describe('N15 clocks that are wrong', () => {
  const DATES = [Date.UTC(1970, 0, 2), Date.UTC(2040, 0, 1)];

  it.each(DATES)('N15 our clock at %i: digests decide, and an unchanged mirror stays as it is', async (now) => {
    const report = await run({}, runtime(fakeClock(now)));
    expect(report.published?.generation).toBe(2);
    const first = await expectSound();
    const before = inodesBelow(mirrorDir);
    for (const later of DATES) {
      const again = await run({}, runtime(fakeClock(later)));
      expect(again).toMatchObject({ fetched: { artifacts: 0 }, published: { unchanged: true, bytesWritten: 0 } });
    }
    expect(inodesBelow(mirrorDir)).toEqual(before);
    // Whatever the clock says, what changed is newer than it was.
    expect(first.get('noarch/repodata.json')!.mtimeMs).toBeGreaterThan(
      Number(published.get('noarch/repodata.json')!.split(' ')[2]),
    );
  });

  it.each(['Fri, 01 Jan 2100 00:00:00 GMT', 'Thu, 01 Jan 1970 00:00:00 GMT', 'soon'])(
    'N15 Last-Modified: %s, and the content changes under it',
    async (lastModified) => {
      const headers = { 'last-modified': lastModified };
      await scriptIndex(upstream.server, upstream.paths.subdir, 'noarch', [upstream.package, fresh], headers);
      scriptFresh(file(fresh.bytes, headers));
      expect((await run()).published?.generation).toBe(2);
      await expectSound();
      // Unchanged by its date, changed by its content: a server that goes by dates answers 304, one by ETag the new index.
      const third = await makePackage({
        name: 'third',
        version: '1.0',
        noarch: 'generic',
        files: { 'share/third': '3' },
      });
      await scriptIndex(upstream.server, upstream.paths.subdir, 'noarch', [upstream.package, fresh, third], {
        ...headers,
        etag: '"third"',
      });
      upstream.server.script(`${upstream.paths.subdir}/${third.distFilename}`, file(third.bytes, headers));
      const report = await run({ reset: true });
      expect(report.published?.generation).toBe(3);
      await expectSound();
    },
  );
});

describe('a run that was broken off', () => {
  it('goes on with what it has: only what is missing is asked for', async () => {
    const more = await Promise.all(
      [1, 2, 3].map((number) =>
        makePackage({
          name: `more${number}`,
          version: '1.0',
          noarch: 'generic',
          files: { 'share/more': noise(9000 + number) },
        }),
      ),
    );
    await scriptIndex(upstream.server, upstream.paths.subdir, 'noarch', [upstream.package, fresh, ...more]);
    for (const each of more) upstream.server.script(`${upstream.paths.subdir}/${each.distFilename}`, file(each.bytes));
    scriptFresh(answer(404));
    await fails('E_ARTIFACT_MISSING');
    upstream.server.requests.length = 0;
    scriptFresh(file(fresh.bytes));
    const report = await run();
    expect(report.fetched).toMatchObject({ artifacts: 1, resumed: 3 });
    const artifacts = upstream.server.requests.filter(({ path }) => path.endsWith('.conda'));
    expect(artifacts.map(({ path }) => path)).toEqual([freshPath()]);
    await expectSound();
  });
});

/** RLE blocks of 128 kB, four bytes each, in a frame that does not say how much it is. */
function zstBomb(blocks: number): Buffer {
  const head = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58]);
  const size = 128 * 1024;
  const parts = Array.from({ length: blocks }, (_, at) => {
    const header = (size << 3) | (1 << 1) | (at === blocks - 1 ? 1 : 0);
    return Buffer.from([header & 0xff, (header >> 8) & 0xff, (header >> 16) & 0xff, 0x20]);
  });
  return Buffer.concat([head, ...parts]);
}

/** A frame whose header states its content's size, and one small block. */
function zstClaim(bytes: bigint): Buffer {
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(bytes);
  return Buffer.concat([
    Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xc0, 0x58]),
    size,
    Buffer.from([0x09, 0x00, 0x00, 0x20]),
  ]);
}
