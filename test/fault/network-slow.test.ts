import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { drip, file, stallAfter } from '../helpers/chaos-server.js';
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
