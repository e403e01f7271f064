import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { answer, file } from '../helpers/chaos-server.js';
import { scriptIndex, startChaosUpstream, type ChaosUpstream } from '../helpers/chaos-upstream.js';
import {
  allTextOf,
  baseChannel,
  CHAOS_TOKEN,
  CHAOS_TOKEN_WIRE,
  failureOf,
  labelChannel,
  openTestGateway,
  ownerChannel,
} from '../helpers/gateway.js';

let upstream: ChaosUpstream;
beforeEach(async () => {
  upstream = await startChaosUpstream();
});
afterEach(() => upstream.close());

const LABEL = `/t/${CHAOS_TOKEN_WIRE}/prometeia/label/halkbank`;

describe('N1 a host that refuses the token', () => {
  it.each([401, 403, 404])('N1 %i says "token or label", without the token', async (status) => {
    for (const subdir of ['noarch', 'linux-64']) {
      for (const end of ['', '.zst', '.bz2'])
        upstream.server.script(`/t/${CHAOS_TOKEN_WIRE}/prometeia/${subdir}/repodata.json${end}`, answer(status));
    }
    const gateway = await upstream.open();
    const error = await failureOf(gateway.repodata(upstream.channel, 'linux-64'));
    expect([error.code, error.exitCode]).toEqual(['E_TOKEN_REFUSED', 7]);
    expect(error.what).toMatch(/token or label/);
    expect(error.where).toContain(upstream.channel.url);
    expect(allTextOf(error)).not.toContain(CHAOS_TOKEN);
    expect(allTextOf(error)).not.toContain(CHAOS_TOKEN_WIRE);
    expect(JSON.stringify(gateway.rt.collected)).not.toContain('sentinel');
  });

  it.each([203, 204, 205, 300, 304, 305, 406, 418, 451, 501, 505, 511])(
    'N1 %i is no verdict on the token',
    async (status) => {
      for (const end of ['', '.zst', '.bz2'])
        upstream.server.script(`/t/${CHAOS_TOKEN_WIRE}/prometeia/linux-64/repodata.json${end}`, answer(status));
      const gateway = await upstream.open();
      const error = await failureOf(gateway.repodata(upstream.channel, 'linux-64'));
      expect([error.code, error.exitCode]).toEqual(['E_UPSTREAM', 7]);
      expect(error.what).toContain(String(status));
      expect(error.what).not.toMatch(/token|label/);
    },
  );

  it('N1 a label that does not exist is told from a wrong token by the owner’s channel', async () => {
    const label = labelChannel(upstream.server.url);
    const gateway = await upstream.open({ channels: [label, upstream.channel] });
    const error = await failureOf(gateway.repodata(label, 'linux-64'));
    expect([error.code, error.where]).toEqual(['E_UPSTREAM_NOT_FOUND', `${label.url}/linux-64`]);
    expect(error.what).toMatch(/no label channel prometeia\/label\/halkbank/);
    upstream.server.script(`${upstream.paths.subdir}/repodata.json.zst`, answer(404));
    upstream.server.script(`${upstream.paths.subdir}/repodata.json`, answer(404));
    const other = await upstream.open({ channels: [label, upstream.channel] });
    expect((await failureOf(other.repodata(label, 'linux-64'))).code).toBe('E_TOKEN_REFUSED');
  });

  it('N1 without a token the channel is named, not the token', async () => {
    const base = baseChannel(upstream.server.url);
    const gateway = await upstream.open({ channels: [base] });
    const error = await failureOf(gateway.repodata(base, 'linux-64'));
    expect(error.code).toBe('E_UPSTREAM_NOT_FOUND');
    expect(error.what).not.toMatch(/token/);
  });

  it('a missing subdir beside noarch, and a missing noarch beside a subdir, are no errors', async () => {
    const gateway = await upstream.open();
    expect(await gateway.repodata(upstream.channel, 'linux-64')).toBeUndefined();
    expect((await gateway.repodata(upstream.channel, 'noarch'))?.size).toBe(1);
    const label = labelChannel(upstream.server.url);
    await scriptIndex(upstream.server, `${LABEL}/linux-64`, 'linux-64', []);
    const other = await upstream.open({ channels: [label] });
    expect((await other.repodata(label, 'linux-64'))?.size).toBe(0);
    expect(await other.repodata(label, 'noarch')).toBeUndefined();
  });

  it('the token goes to the channels it belongs to, and to no other on the same host', async () => {
    const base = baseChannel(upstream.server.url);
    await scriptIndex(upstream.server, '/pkgs/main/noarch', 'noarch', []);
    const gateway = await upstream.open({ channels: [upstream.channel, base] });
    await gateway.repodata(upstream.channel, 'noarch');
    await gateway.repodata(base, 'noarch');
    expect(upstream.server.tokenReceipts(CHAOS_TOKEN_WIRE)).toEqual([`GET ${upstream.paths.subdir}/repodata.json.zst`]);
    expect(upstream.server.requests.map(({ path }) => path)).toContain('/pkgs/main/noarch/repodata.json.zst');
  });

  it('a channel that is not declared is not asked', async () => {
    const gateway = await upstream.open();
    const foreign = ownerChannel(upstream.server.url, { url: `${upstream.server.url}/someone-else` });
    expect((await failureOf(gateway.repodata(foreign, 'noarch'))).code).toBe('E_SOURCE_NOT_ALLOWED');
    expect(upstream.server.requests).toEqual([]);
  });
});

describe('N2 a host that wants us to wait', () => {
  const later = new Date(Date.UTC(2026, 0, 2, 3, 4, 5) + 7000).toUTCString();

  it.each([
    ['429, in seconds', 429, '3', 3000],
    ['503, as a date', 503, later, 7000],
    ['503, a date in the past', 503, 'Fri, 02 Jan 2015 03:04:05 GMT', 0],
    ['429, negative: our own wait', 429, '-5', 500],
    ['503, 10^9: the cap', 503, '1000000000', 120_000],
    ['503, not understood', 503, 'soon', 500],
    ['503, without', 503, undefined, 500],
    ['500, without', 500, undefined, 500],
  ])('N2 %s', async (_name, status, retryAfter, waitMs) => {
    upstream.scriptArtifact(
      answer(status, retryAfter === undefined ? {} : { 'retry-after': retryAfter }),
      file(upstream.package.bytes),
    );
    const gateway = await upstream.open();
    const stored = await gateway.download(upstream.planned);
    expect(stored.sha256).toBe(upstream.package.record.sha256);
    expect(gateway.rt.clock.sleeps).toEqual([waitMs]);
    expect(gateway.rt.collected).toContainEqual(
      expect.objectContaining({ type: 'retry', attempt: 1, waitMs, url: upstream.planned.url }),
    );
  });

  it('N2 backs off further each time, then gives up and says so', async () => {
    upstream.scriptArtifact(answer(503));
    const gateway = await upstream.open();
    const error = await failureOf(gateway.download(upstream.planned));
    expect([error.code, error.where]).toEqual(['E_UPSTREAM', upstream.planned.url]);
    expect(error.what).toMatch(/503/);
    expect(gateway.rt.clock.sleeps).toEqual([500, 1000, 2000, 4000]);
    expect(allTextOf(error)).not.toContain('sentinel');
  });

  it('N2 the total deadline ends it before the tries are used up', async () => {
    upstream.scriptArtifact(answer(503, { 'retry-after': '200' }));
    const gateway = await upstream.open({ limits: { deadlineMs: 250_000, attempts: 100 } });
    expect((await failureOf(gateway.download(upstream.planned))).code).toBe('E_UPSTREAM');
    expect(gateway.rt.clock.sleeps).toEqual([120_000, 120_000]);
  });

  it('N2 a wait ends at once when the run is interrupted', async () => {
    upstream.scriptArtifact(answer(503));
    const gateway = await upstream.open();
    const reason = new Error('Ctrl-C');
    gateway.rt.events.emit = (event) => {
      if (event.type === 'retry') gateway.rt.abort(reason);
    };
    await expect(gateway.download(upstream.planned)).rejects.toBe(reason);
  });

  it.each([400, 402, 405, 451, 501, 505])('%i is not asked again', async (status) => {
    upstream.scriptArtifact(answer(status));
    const gateway = await upstream.open();
    expect((await failureOf(gateway.download(upstream.planned))).exitCode).toBe(4);
    expect(upstream.server.asked(upstream.paths.artifact)).toHaveLength(1);
  });

  it('repodata waits too', async () => {
    const path = `${upstream.paths.index}.zst`;
    upstream.server.script(path, answer(429, { 'retry-after': '2' }), answer(404));
    const gateway = await openTestGateway({ channels: [upstream.channel], ca: [upstream.ca.cert] });
    expect((await gateway.repodata(upstream.channel, 'noarch'))?.size).toBe(1);
    expect(gateway.rt.clock.sleeps).toEqual([2000]);
    await gateway.close();
  });
});
