import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  answer,
  cutAfter,
  file,
  raw,
  resetBeforeHeaders,
  untilClose,
  type ChaosStep,
} from '../helpers/chaos-server.js';
import { startChaosUpstream, type ChaosUpstream } from '../helpers/chaos-upstream.js';
import { failureOf } from '../helpers/gateway.js';

let upstream: ChaosUpstream;
let bytes: Uint8Array;
beforeEach(async () => {
  upstream = await startChaosUpstream();
  bytes = upstream.package.bytes;
});
afterEach(() => upstream.close());

const STRONG = { etag: '"v1"' };
const DATED = { 'last-modified': 'Fri, 02 Jan 2026 03:04:05 GMT' };

/** What each request for the artifact asked: `all`, or `rest if V` (how many bytes of a broken answer arrive is chance). */
function asked(): string[] {
  return upstream.server
    .asked(upstream.paths.artifact)
    .map(({ headers }) =>
      headers.range === undefined
        ? 'all'
        : `${headers.range.replace(/^bytes=[1-9]\d*-$/, 'rest')} if ${String(headers['if-range'])}`,
    );
}

async function downloads(...steps: ChaosStep[]): Promise<number[]> {
  upstream.scriptArtifact(...steps);
  const gateway = await upstream.open();
  const progress: number[] = [];
  const stored = await gateway.download(upstream.planned, (count) => progress.push(count));
  expect(stored).toMatchObject({ sha256: upstream.package.record.sha256, size: bytes.length });
  expect(progress.reduce((sum, count) => sum + count, 0)).toBe(bytes.length);
  return gateway.rt.clock.sleeps.slice();
}

describe('N3 a connection that breaks', () => {
  it('N3 before the headers: asked again', async () => {
    await downloads(resetBeforeHeaders(), file(bytes));
    expect(asked()).toEqual(['all', 'all']);
  });

  it('N3 mid-body: goes on from the verified offset, by strong ETag', async () => {
    await downloads(cutAfter(1000, bytes, STRONG), cutAfter(500, bytes, STRONG), file(bytes, STRONG));
    expect(asked()).toEqual(['all', 'rest if "v1"', 'rest if "v1"']);
  });

  it('N3 mid-body: goes on by Last-Modified', async () => {
    await downloads(cutAfter(1000, bytes, DATED), file(bytes, DATED));
    expect(asked()).toEqual(['all', 'rest if Fri, 02 Jan 2026 03:04:05 GMT']);
  });

  it.each([
    ['without ETag and date', {}],
    ['with a weak ETag', { etag: 'W/"v1"' }],
  ])('N3 mid-body, %s: begins anew', async (_name, headers) => {
    await downloads(cutAfter(1000, bytes, headers), file(bytes, headers));
    expect(asked()).toEqual(['all', 'all']);
  });

  it('N3 after the last byte: what is there is enough', async () => {
    await downloads(cutAfter(bytes.length, bytes, STRONG), answer(500));
    expect(asked().length).toBeLessThanOrEqual(1);
  });

  it('N3 early close without a length: the record’s size tells, and it goes on', async () => {
    await downloads(untilClose(bytes.subarray(0, 2000), STRONG), file(bytes, STRONG));
    expect(asked()).toEqual(['all', 'rest if "v1"']);
  });

  it('N3 no length at all, and whole', async () => {
    await downloads(untilClose(bytes));
    expect(asked()).toEqual(['all']);
  });

  it('N3 progress gives the tries back; without progress they end', async () => {
    const piece = 70_000;
    const steps = Array.from({ length: 4 }, () => cutAfter(piece, bytes, STRONG));
    upstream.scriptArtifact(...steps, file(bytes, STRONG));
    const gateway = await upstream.open({ limits: { attempts: 2, progressBytes: 1000 } });
    await gateway.download(upstream.planned);
    expect(asked()).toHaveLength(5);
    upstream.server.requests.length = 0;
    upstream.scriptArtifact(cutAfter(10, bytes, STRONG));
    const other = await upstream.open({ limits: { attempts: 3 } });
    expect((await failureOf(other.download(upstream.planned))).code).toBe('E_UPSTREAM');
    expect(asked()).toHaveLength(3);
  });

  it('N3 the digest decides: a joined file with a wrong byte is fetched whole, once', async () => {
    const wrong = Buffer.from(bytes);
    wrong[500] = wrong[500]! ^ 1;
    await downloads(cutAfter(1000, wrong, STRONG), file(bytes, STRONG), file(bytes, STRONG));
    expect(asked()).toEqual(['all', 'rest if "v1"', 'all']);
  });

  it('N3 a repodata.json that breaks off goes on, too', async () => {
    const index = `${upstream.paths.index}.zst`;
    const whole = Buffer.concat([
      Buffer.from('{"info":{"subdir":"noarch"},"packages":{},"packages.conda":{},"removed":["'),
      Buffer.alloc(5000, 'x'),
      Buffer.from('"],"repodata_version":1}'),
    ]);
    upstream.server.script(index, answer(404));
    upstream.server.script(upstream.paths.index, cutAfter(300, whole, STRONG), file(whole, STRONG));
    const gateway = await upstream.open();
    expect((await gateway.repodata(upstream.channel, 'noarch'))?.size).toBe(0);
    expect(upstream.server.asked(upstream.paths.index).map(({ headers }) => headers.range)).toEqual([
      undefined,
      expect.stringMatching(/^bytes=[1-9]/),
    ]);
  });
});

describe('N4 a server that counts wrongly', () => {
  const range = (text: string, body: Uint8Array): ChaosStep =>
    raw(
      [
        'HTTP/1.1 206 Partial Content',
        'etag: "v1"',
        `content-range: ${text}`,
        `content-length: ${body.length}`,
        'connection: close',
      ],
      body,
    );
  const total = (): number => bytes.length;

  it.each<[string, () => ChaosStep]>([
    ['a part from another offset', () => range(`bytes 900-${total() - 1}/${total()}`, bytes.subarray(900))],
    ['a part of a file of another size', () => range(`bytes 1000-${total() - 1}/${total() + 5}`, bytes.subarray(1000))],
    ['a part that ends early', () => range(`bytes 1000-1999/${total()}`, bytes.subarray(1000, 2000))],
    [
      'a part without Content-Range',
      () => raw(['HTTP/1.1 206 Partial Content', 'content-length: 5', 'connection: close'], bytes.subarray(0, 5)),
    ],
    ['416', () => answer(416, { 'content-range': 'bytes */5' })],
  ])('N4 %s: never joined, begun anew', async (_name, step) => {
    await downloads(cutAfter(1000, bytes, STRONG), step(), file(bytes, STRONG));
    expect(asked()).toEqual(['all', 'rest if "v1"', 'all']);
  });

  it('N4 200 to a Range request: the whole replaces what was there', async () => {
    const whole: ChaosStep = (_request, response) => void response.writeHead(200, STRONG).end(bytes);
    await downloads(cutAfter(1000, bytes, STRONG), whole);
    expect(asked()).toEqual(['all', 'rest if "v1"']);
  });

  it('N4 a part though the whole was asked for: asked again', async () => {
    await downloads(range(`bytes 0-9/${total()}`, bytes.subarray(0, 10)), file(bytes, STRONG));
    expect(asked()).toEqual(['all', 'all']);
  });

  it.each<[string, () => ChaosStep]>([
    [
      'Content-Length above the record’s size',
      () => raw(['HTTP/1.1 200 OK', `content-length: ${total() + 9}`, 'connection: close'], bytes),
    ],
    [
      'Content-Length below it',
      () => raw(['HTTP/1.1 200 OK', `content-length: ${total() - 9}`, 'connection: close'], bytes),
    ],
    ['a longer body, without a length', () => untilClose(Buffer.concat([bytes, Buffer.from('more')]))],
  ])('N4 %s: once more past the caches, then E_ARTIFACT_DIGEST', async (_name, step) => {
    upstream.scriptArtifact(step());
    const gateway = await upstream.open();
    const error = await failureOf(gateway.download(upstream.planned));
    expect([error.code, error.exitCode, error.where]).toEqual(['E_ARTIFACT_DIGEST', 4, upstream.planned.url]);
    expect(upstream.server.asked(upstream.paths.artifact).map(({ headers }) => headers['cache-control'])).toEqual([
      undefined,
      'no-cache',
    ]);
    expect(await gateway.store.find({ sha256: upstream.package.record.sha256! })).toBeUndefined();
  });

  it('N4 an answer that is not HTTP is asked for again', async () => {
    await downloads(raw(['garbage']), file(bytes));
  });
});

describe('N5 a file that changes between two parts', () => {
  it('N5 If-Range makes the server send the new one whole', async () => {
    const before = Buffer.from(bytes).fill(7);
    await downloads(cutAfter(1000, before, { etag: '"v0"' }), file(bytes, STRONG));
    expect(asked()).toEqual(['all', 'rest if "v0"']);
  });

  it('N5 a server that ignores If-Range is caught by its ETag', async () => {
    const careless: ChaosStep = (_request, response) =>
      void response
        .writeHead(206, { ...STRONG, 'content-range': `bytes 1000-${bytes.length - 1}/${bytes.length}` })
        .end(bytes.subarray(1000));
    const before = Buffer.from(bytes).fill(7);
    await downloads(cutAfter(1000, before, { etag: '"v0"' }), careless, file(bytes, STRONG));
    expect(asked()).toEqual(['all', 'rest if "v0"', 'all']);
  });
});
