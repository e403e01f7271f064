import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { answer, drip, file, stallAfter, type ChaosStep } from '../helpers/chaos-server.js';
import { startChaosUpstream, type ChaosUpstream } from '../helpers/chaos-upstream.js';
import { failureOf } from '../helpers/gateway.js';
import { fakeClock, testRuntime, type TestRuntime } from '../helpers/runtime.js';
import { undiciHttp } from '../../src/runtime/http.js';

let upstream: ChaosUpstream;
let rt: TestRuntime;
beforeEach(async () => {
  upstream = await startChaosUpstream();
  rt = testRuntime({ http: undiciHttp(), clock: fakeClock() });
});
afterEach(() => upstream.close());

const STRONG = { etag: '"v1"' };

describe('a host that takes few requests', () => {
  it.each<[what: string, perSecond: number | undefined, apart: number[]]>([
    ['gets them apart, whichever gateway they come from, each try too', 4, [250]],
    ['gets as many as come where nothing is said', undefined, []],
  ])('%s', async (_what, requestsPerSecond, apart) => {
    upstream.scriptArtifact(answer(503), file(upstream.package.bytes));
    for (const _ of [1, 2]) {
      const gateway = await upstream.open({ rt, requestsPerSecond, limits: { firstDelayMs: 0 } });
      await gateway.download(upstream.planned);
    }
    const asked = upstream.server.requests.length;
    expect(asked).toBeGreaterThan(3);
    const waited = rt.clock.sleeps.filter((ms) => ms > 0);
    expect(waited).toEqual(Array.from({ length: apart.length * (asked - 1) }, () => 250));
  });
});

describe('N6 a server that hardly sends', () => {
  it('N6 one byte a second is broken off, each time, and named', async () => {
    upstream.scriptArtifact(drip(upstream.package.bytes, () => rt.clock.advance(1000)));
    const gateway = await upstream.open({
      rt,
      limits: { attempts: 2, rateWindowMs: 10_000, minimumBytesPerSecond: 100 },
    });
    const error = await failureOf(gateway.download(upstream.planned));
    expect([error.code, error.where]).toEqual(['E_UPSTREAM', upstream.planned.url]);
    expect(error.what).toMatch(/too slowly/);
    expect(rt.collected).toContainEqual(
      expect.objectContaining({ type: 'retry', reason: expect.stringMatching(/bytes a second/) }),
    );
    expect(upstream.server.asked(upstream.paths.artifact)).toHaveLength(2);
  });

  it('N6 a stall before the first byte ends by the idle timeout, and the next try succeeds', async () => {
    upstream.scriptArtifact(() => {}, file(upstream.package.bytes));
    const gateway = await upstream.open({ rt, limits: { idleTimeoutMs: 150 } });
    expect((await gateway.download(upstream.planned)).size).toBe(upstream.package.bytes.length);
    expect(rt.collected).toContainEqual(expect.objectContaining({ type: 'retry', reason: 'UND_ERR_HEADERS_TIMEOUT' }));
  });

  it('N6 a stall at 99 % goes on from there', async () => {
    const { bytes } = upstream.package;
    const most = Math.floor(bytes.length * 0.99);
    upstream.scriptArtifact(stallAfter(most, bytes, STRONG), file(bytes, STRONG));
    const gateway = await upstream.open({ rt, limits: { idleTimeoutMs: 300 } });
    expect((await gateway.download(upstream.planned)).sha256).toBe(upstream.package.record.sha256);
    expect(upstream.server.asked(upstream.paths.artifact).map(({ headers }) => headers.range)).toEqual([
      undefined,
      `bytes=${most}-`,
    ]);
    expect(rt.collected).toContainEqual(expect.objectContaining({ type: 'retry', reason: 'UND_ERR_BODY_TIMEOUT' }));
  });

  it('N6 a server that never answers is given up, with exit code 7', async () => {
    upstream.scriptArtifact(() => {});
    const gateway = await upstream.open({ rt, limits: { idleTimeoutMs: 100, attempts: 2 } });
    const error = await failureOf(gateway.download(upstream.planned));
    expect([error.code, error.exitCode]).toEqual(['E_UPSTREAM', 7]);
  });
});

describe('N6 an index that hardly comes, in two subdirs', () => {
  const subdirs = ['noarch', 'linux-64'];

  it('N6 a byte a second: each try ends, its connection is closed, and so does the run, with exit code 7', async () => {
    let open = 0;
    const step: ChaosStep = async (request, response) => {
      open += 1;
      response.on('close', () => (open -= 1));
      // Without an end, but of a length that would be worth finishing.
      await drip(Buffer.alloc(16_000, ' '), () => rt.clock.advance(1000))(request, response);
    };
    for (const subdir of subdirs)
      for (const name of ['repodata.json.zst', 'repodata.json.bz2', 'repodata.json'])
        upstream.server.script(upstream.paths.subdir.replace('noarch', `${subdir}/${name}`), step);
    const gateway = await upstream.open({
      rt,
      limits: { maxConnectionsPerOrigin: 2, rateWindowMs: 10_000, finishTimeoutMs: 20, answerTimeoutMs: 5_000 },
    });
    const errors = await Promise.all(subdirs.map((subdir) => failureOf(gateway.repodata(upstream.channel, subdir))));
    for (const error of errors) expect([error.code, error.exitCode]).toEqual(['E_UPSTREAM', 7]);
    for (const subdir of subdirs)
      expect(upstream.server.requests.filter(({ path }) => path.includes(`/${subdir}/`))).toHaveLength(5);
    await expect.poll(() => open).toBe(0);
  });

  /** Just fast enough, and each try gets on far enough to have its tries back. */
  const creeping: ChaosStep = async (_request, response) => {
    response.writeHead(200, { etag: '"v1"', 'content-length': String(upstream.package.bytes.length) });
    for (let at = 0; at < upstream.package.bytes.length && !response.destroyed; at += 2000) {
      rt.clock.advance(1900);
      response.write(upstream.package.bytes.subarray(at, at + 2000));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    response.end();
  };

  it.each([
    [
      'the file',
      { fileDeadlineMs: 60_000, patientBytes: 1e9 },
      /^localhost:\d+ is too slow: 3\d{5} bytes are not here/,
    ],
    ['the run', { runDeadlineMs: 60_000 }, /too slow: what this run fetches is not here after 1 minute$/],
  ])('N6 a server that is never slow enough to be broken off: %s has a deadline', async (_name, limits, what) => {
    upstream.scriptArtifact(creeping);
    const gateway = await upstream.open({ rt, limits: { minimumBytesPerSecond: 10, ...limits } });
    const error = await failureOf(gateway.download(upstream.planned));
    expect([error.code, error.exitCode, error.what]).toEqual(['E_UPSTREAM', 7, expect.stringMatching(what)]);
    expect(upstream.server.asked(upstream.paths.artifact)).toHaveLength(1);
  });
});
