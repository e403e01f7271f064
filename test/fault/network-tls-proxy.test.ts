import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeTestCa } from '../helpers/certificates.js';
import { file, startChaosServer, type ChaosServer } from '../helpers/chaos-server.js';
import { makePackage } from '../../scripts/lib/sample-upstream.js';
import { scriptIndex, startChaosUpstream, type ChaosUpstream } from '../helpers/chaos-upstream.js';
import {
  allTextOf,
  baseChannel,
  CHAOS_TOKEN_WIRE,
  failureOf,
  openTestGateway,
  ownerChannel,
  type TestGateway,
} from '../helpers/gateway.js';
import { startOuterProxy, type OuterProxy, type OuterProxyOptions } from '../helpers/outer-proxy.js';

let upstream: ChaosUpstream;
const closing: { close(): Promise<void> }[] = [];
beforeEach(async () => {
  upstream = await startChaosUpstream();
  upstream.scriptArtifact(file(upstream.package.bytes));
});
afterEach(async () => {
  for (const each of closing.splice(0)) await each.close();
  await upstream.close();
});

const DAY_MS = 86_400_000;
const USER = 'user%40corp:p%3Ass%2Fw';

describe('N12 certificates', () => {
  const refusal = async (server: ChaosServer, ca: readonly string[]): Promise<string> => {
    closing.push(server);
    const channel = ownerChannel(server.url);
    const gateway = await openTestGateway({ channels: [channel], ca });
    closing.unshift(gateway);
    const error = await failureOf(gateway.repodata(channel, 'noarch'));
    expect([error.code, error.exitCode]).toEqual(['E_TLS', 7]);
    expect(error.where).toContain(channel.url);
    expect(error.hint).toMatch(/no insecure mode/);
    expect(allTextOf(error)).not.toContain('sentinel');
    // Not one request came through, with or without the token: nothing is tried insecurely.
    expect(server.requests).toEqual([]);
    expect(gateway.rt.clock.sleeps).toEqual([]);
    return `${error.what}. ${error.hint}`;
  };

  it('N12 an own CA that is not given: says which option gives it', async () => {
    expect(await refusal(await startChaosServer({ certificate: upstream.certificate }), [])).toMatch(
      /authority this program does not know.*--ca-file/,
    );
  });

  it('N12 another own CA than the one given', async () => {
    const { cert } = await makeTestCa('another');
    expect(await refusal(await startChaosServer({ certificate: upstream.certificate }), [cert])).toMatch(
      /authority this program does not know/,
    );
  });

  it('N12 an expired certificate', async () => {
    const certificate = await upstream.ca.issue({
      hosts: ['localhost'],
      notBefore: new Date(Date.now() - 2 * DAY_MS),
      notAfter: new Date(Date.now() - DAY_MS),
    });
    expect(await refusal(await startChaosServer({ certificate }), [upstream.ca.cert])).toMatch(/has expired/);
  });

  it('N12 a certificate that is not valid yet', async () => {
    const certificate = await upstream.ca.issue({
      hosts: ['localhost'],
      notBefore: new Date(Date.now() + DAY_MS),
      notAfter: new Date(Date.now() + 2 * DAY_MS),
    });
    expect(await refusal(await startChaosServer({ certificate }), [upstream.ca.cert])).toMatch(/not valid yet/);
  });

  it('N12 a certificate for another host', async () => {
    const certificate = await upstream.ca.issue({ hosts: ['conda.example'] });
    expect(await refusal(await startChaosServer({ certificate }), [upstream.ca.cert])).toMatch(/made for another host/);
  });

  it('N12 a server that does not speak TLS', async () => {
    const plain = await startChaosServer();
    const server = { ...plain, url: plain.url.replace('http:', 'https:') };
    expect(await refusal(server, [upstream.ca.cert])).toMatch(/No secure connection/);
  });

  it('N12 the own CA given: works', async () => {
    const gateway = await upstream.open();
    expect((await gateway.repodata(upstream.channel, 'noarch'))?.size).toBe(1);
  });
});

describe('N12 the outer proxy', () => {
  const through = async (
    options: OuterProxyOptions,
    more: Parameters<ChaosUpstream['open']>[0] = {},
  ): Promise<[TestGateway, OuterProxy]> => {
    const proxy = await startOuterProxy(options);
    closing.push(proxy);
    return [await upstream.open({ proxy: proxy.url, ...more }), proxy];
  };

  it.each<[string, OuterProxyOptions]>([
    ['open to all', {}],
    ['with credentials', { credentials: USER }],
    ['with a user name and no password', { credentials: 'user:' }],
  ])('N12 https goes through CONNECT: %s', async (_name, options) => {
    const [gateway, proxy] = await through(options);
    expect((await gateway.download(upstream.planned)).size).toBe(upstream.package.bytes.length);
    expect(new Set(proxy.passed.map(({ request, authorized }) => `${request} ${authorized}`))).toEqual(
      new Set([`CONNECT localhost:${upstream.server.port} true`]),
    );
    // The token passes inside the tunnel only.
    expect(JSON.stringify(proxy.passed)).not.toContain('sentinel');
  });

  it('N12 the way to the proxy is TLS with the own CA', async () => {
    const [gateway, proxy] = await through({ certificate: upstream.certificate, credentials: USER });
    expect((await gateway.download(upstream.planned)).size).toBe(upstream.package.bytes.length);
    expect(proxy.passed[0]?.request).toBe(`CONNECT localhost:${upstream.server.port}`);
  });

  it('N12 http is asked of the proxy in absolute form, not by a tunnel', async () => {
    const plain = await startChaosServer();
    closing.push(plain);
    await scriptIndex(plain, '/pkgs/main/noarch', 'noarch', [await makePackage({ name: 'six', version: '1' })]);
    const base = baseChannel(plain.url);
    const [gateway, proxy] = await through({ credentials: USER }, { channels: [base] });
    expect((await gateway.repodata(base, 'noarch'))?.size).toBe(1);
    expect(proxy.passed).toEqual([{ request: `GET ${base.url}/noarch/repodata.json.zst`, authorized: true }]);
    expect(plain.requests[0]?.headers['proxy-authorization']).toBeUndefined();
  });

  it.each([
    ['the host', ['localhost']],
    ['the host and port', ['localhost:PORT']],
    ['everything', ['*']],
  ])('N12 no_proxy names %s: direct', async (_name, noProxy) => {
    const [gateway, proxy] = await through(
      {},
      { noProxy: noProxy.map((entry) => entry.replace('PORT', String(upstream.server.port))) },
    );
    await gateway.download(upstream.planned);
    expect(proxy.passed).toEqual([]);
  });

  it.each<[string, OuterProxyOptions, (url: string) => string, RegExp]>([
    ['wants a password', { credentials: USER }, (url) => url.replace(`${USER}@`, ''), /refused.*407/],
    [
      'wants another password',
      { credentials: USER },
      (url) => url.replace(USER, 'user:sentinel-password'),
      /refused.*407/,
    ],
    ['forbids the host', { refuseWith: 403 }, (url) => url, /refused.*403/],
  ])('N12 a proxy that %s: E_UPSTREAM, once, without the credentials', async (_name, options, urlOf, what) => {
    const proxy = await startOuterProxy(options);
    closing.push(proxy);
    const gateway = await upstream.open({ proxy: urlOf(proxy.url) });
    const error = await failureOf(gateway.repodata(upstream.channel, 'noarch'));
    expect([error.code, error.exitCode]).toEqual(['E_UPSTREAM', 7]);
    expect(error.what).toMatch(what);
    for (const secret of ['sentinel', 'p%3Ass', 'p:ss', CHAOS_TOKEN_WIRE])
      expect(allTextOf(error)).not.toContain(secret);
    expect(proxy.passed).toHaveLength(1);
  });

  it('N12 407 to plain http', async () => {
    const plain = await startChaosServer();
    closing.push(plain);
    const base = baseChannel(plain.url);
    const proxy = await startOuterProxy({ credentials: USER });
    closing.push(proxy);
    const gateway = await upstream.open({ channels: [base], proxy: proxy.url.replace(`${USER}@`, '') });
    expect((await failureOf(gateway.repodata(base, 'noarch'))).what).toMatch(/proxy refused.*407/);
  });

  it('N12 a proxy that is not there: E_UPSTREAM after the tries', async () => {
    const proxy = await startOuterProxy();
    await proxy.close();
    const gateway = await upstream.open({ proxy: proxy.url });
    const error = await failureOf(gateway.repodata(upstream.channel, 'noarch'));
    expect([error.code, error.what]).toEqual(['E_UPSTREAM', expect.stringMatching(/refuses connections/)]);
    expect(gateway.rt.clock.sleeps).toHaveLength(4);
  });

  it('N12 the certificate is checked behind a tunnel, too', async () => {
    const [gateway] = await through({}, { ca: [] });
    expect((await failureOf(gateway.repodata(upstream.channel, 'noarch'))).code).toBe('E_TLS');
    expect(upstream.server.requests).toEqual([]);
  });

  it.each(['ftp://proxy:1', 'http://user:sentinel@[', 'socks5://proxy:1080'])(
    'N12 a proxy URL that can not be used is E_CONFIG: %#',
    async (proxy) => {
      const error = await failureOf(upstream.open({ proxy }));
      expect(error.code).toBe('E_CONFIG');
      expect(allTextOf(error)).not.toContain('sentinel');
    },
  );
});

describe('a host that can not be reached', () => {
  it('no such name: E_UPSTREAM, not tried again', async () => {
    const channel = ownerChannel('https://no-such-host.invalid');
    const gateway = await upstream.open({ channels: [channel] });
    const error = await failureOf(gateway.repodata(channel, 'noarch'));
    expect([error.code, error.exitCode]).toEqual(['E_UPSTREAM', 7]);
    expect(error.what).toContain('no-such-host.invalid');
  });
});
