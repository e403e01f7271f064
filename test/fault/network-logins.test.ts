import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ChannelLogin } from '../../src/base/channel-login.js';
import { isRepackError } from '../../src/base/errors.js';
import { holdsSecret } from '../../src/base/secret-forms.js';
import { readChannelLogins } from '../../src/config/channel-logins.js';
import { nextHop } from '../../src/gateway/redirect.js';
import { channelAt, type Channel } from '../../src/conda/channel/channel.js';
import { answer, file, redirect, startChaosServer, type ChaosServer, type ChaosStep } from '../helpers/chaos-server.js';
import { scriptIndex, startChaosUpstream, type ChaosUpstream } from '../helpers/chaos-upstream.js';
import { allTextOf, failureOf, plannedOf, type TestGateway } from '../helpers/gateway.js';
import { holds, spellingsOf } from '../helpers/secret-traces.js';
import { testRuntime } from '../helpers/runtime.js';
import { repodataOf } from '../../scripts/lib/sample-upstream.js';

const PASSWORD = 's3nt1nel/pä ss:w%41';
const BASIC = `Basic ${Buffer.from(`anna:${PASSWORD}`).toString('base64')}`;
const SPELLINGS = [...spellingsOf(PASSWORD), ...spellingsOf(`anna:${PASSWORD}`)];

let upstream: ChaosUpstream;
/** Another host, which must never see the login. */
let other: ChaosServer;
let channel: Channel;
beforeEach(async () => {
  upstream = await startChaosUpstream();
  other = await startChaosServer({ certificate: upstream.certificate, host: '127.0.0.2' });
  channel = channelAt(`${upstream.server.url}/artifactory/api/conda/private`);
});
afterEach(async () => {
  await upstream.close();
  await other.close();
});

async function loginsOf(given: Record<string, string>): Promise<ChannelLogin[]> {
  const env = Object.fromEntries(Object.values(given).map((text, at) => [`L${at}`, text]));
  const channelLogins = Object.keys(given).map((host, at) => `${host}=env:L${at}`);
  return (await readChannelLogins(testRuntime({ env }), { channelLogins, netrc: false })).logins;
}

/** As servers that people run do: with the right header what lies there, else 401 and nothing. */
function only(header: string, value: string, step: ChaosStep): ChaosStep {
  return (request, response) =>
    (request.headers[header] === value ? step : answer(401, { 'www-authenticate': 'Basic realm="x"' }))(
      request,
      response,
    );
}

function scriptPrivate(header = 'authorization', value = BASIC): void {
  const { server, package: pkg } = upstream;
  const folder = new URL(`${channel.url}/noarch`).pathname;
  const json = JSON.stringify(repodataOf('noarch', [pkg]));
  server.script(`${folder}/repodata.json.zst`, only(header, value, answer(404)));
  server.script(`${folder}/repodata.json`, only(header, value, file(json)));
  server.script(`${folder}/${pkg.distFilename}`, only(header, value, file(pkg.bytes)));
}

async function open(logins: Record<string, string>, more: readonly Channel[] = []): Promise<TestGateway> {
  return upstream.open({ token: null, channels: [channel, ...more], logins: await loginsOf(logins) });
}

async function download(gateway: TestGateway): Promise<void> {
  const stored = await gateway.download(plannedOf(channel, upstream.package));
  expect(stored.sha256).toBe(upstream.package.record.sha256);
}

function expectUntold(gateway: TestGateway): void {
  expect(other.requests.filter(({ headers }) => headers['authorization'] ?? headers['x-api-key'])).toEqual([]);
  expect(holds(JSON.stringify(other.requests), SPELLINGS)).toBe(false);
  expect(holds(JSON.stringify(gateway.rt.collected), SPELLINGS)).toBe(false);
  for (const spelling of SPELLINGS) expect(gateway.filesWith(spelling)).toEqual([]);
}

describe('C9: a channel behind a login', () => {
  it.each<[string, string, string, string]>([
    ['Artifactory, Nexus, nginx: Basic', `anna:${PASSWORD}`, 'authorization', BASIC],
    ['prefix.dev, Artifactory: Bearer', 'pfx_vr2XPfxpByKvGV', 'authorization', 'Bearer pfx_vr2XPfxpByKvGV'],
    ['quetz: X-API-Key', 'x-api-key:E_KaBFst', 'x-api-key', 'E_KaBFst'],
    [
      'Google: Basic with a token',
      'oauth2accesstoken:ya29.x',
      'authorization',
      `Basic ${Buffer.from('oauth2accesstoken:ya29.x').toString('base64')}`,
    ],
  ])('%s: indexes and packages come', async (_title, text, header, value) => {
    scriptPrivate(header, value);
    const gateway = await open({ localhost: text });
    await download(gateway);
    expect(upstream.server.requests.every(({ headers }) => headers[header] === value)).toBe(true);
    expect(gateway.rt.collected.filter(({ type }) => type === 'warning')).toEqual([]);
  });

  it('by host and port; the channel of another host gets none', async () => {
    scriptPrivate();
    const open2 = channelAt(`${other.url}/public`);
    await scriptIndex(other, '/public/noarch', 'noarch', []);
    const gateway = await open({ [`localhost:${upstream.server.port}`]: `anna:${PASSWORD}` }, [open2]);
    await download(gateway);
    await gateway.repodata(open2, 'noarch');
    expect(other.requests.length).toBeGreaterThan(0);
    expectUntold(gateway);
  });

  it('in the engine’s case the proxy adds it', async () => {
    scriptPrivate();
    const gateway = await open({ localhost: `anna:${PASSWORD}` });
    const { proxyUrl, channels } = await gateway.listen();
    expect(holds(JSON.stringify([proxyUrl, channels]), SPELLINGS)).toBe(false);
    const proxy = new URL(proxyUrl);
    const asked = new URL(`${channels[0]!.url}/noarch/repodata.json`);
    const { request } = await import('node:http');
    const status = await new Promise((resolve, reject) => {
      const credentials = Buffer.from(`${proxy.username}:${proxy.password}`).toString('base64');
      const sent = request(
        {
          host: proxy.hostname,
          port: proxy.port,
          path: asked.href,
          headers: { host: asked.host, 'proxy-authorization': `Basic ${credentials}` },
        },
        (got) => (got.resume(), resolve(got.statusCode)),
      );
      sent.on('error', reject).end();
    });
    expect(status).toBe(200);
  });

  it('over plain http beyond loopback: with a warning', async () => {
    const plain = channelAt('http://0.0.0.0:9/private');
    const gateway = await upstream.open({
      token: null,
      channels: [plain],
      allowHttp: ['0.0.0.0'],
      logins: await loginsOf({ '0.0.0.0': 'anna:pw' }),
    });
    expect(gateway.rt.collected).toContainEqual({
      type: 'warning',
      message: expect.stringMatching(/^the login for 0\.0\.0\.0:9 goes over plain http/),
    });
  });
});

describe('C9: what is said', () => {
  it.each([401, 403])('%i on a host with a login: whose was refused', async (status) => {
    upstream.server.script('/', answer(status));
    const gateway = await open({ localhost: `anna:${PASSWORD}` });
    for (const subdir of ['linux-64', 'noarch'])
      for (const name of ['repodata.json.zst', 'repodata.json.bz2', 'repodata.json'])
        upstream.server.script(`${new URL(channel.url).pathname}/${subdir}/${name}`, answer(status));
    const error = await failureOf(gateway.repodata(channel, 'linux-64'));
    expect([error.code, error.exitCode]).toEqual(['E_LOGIN_REFUSED', 7]);
    expect(error.what).toContain(
      `localhost:${upstream.server.port} answered ${status}: it refused the login (user anna, env:L0)`,
    );
    expect(holds(allTextOf(error), SPELLINGS)).toBe(false);
  });

  it.each([401, 403])('%i for a package', async (status) => {
    scriptPrivate();
    upstream.server.script(`${new URL(channel.url).pathname}/noarch/${upstream.package.distFilename}`, answer(status));
    const error = await failureOf(download(await open({ localhost: `anna:${PASSWORD}` })));
    expect(error.code).toBe('E_LOGIN_REFUSED');
  });

  it.each<[string, Record<string, string>]>([
    ['none', {}],
    ['one for another host', { 'art.example.com': `anna:${PASSWORD}` }],
    ['one for another port', { 'localhost:1': `anna:${PASSWORD}` }],
  ])('401 with %s: how to give it', async (_title, given) => {
    scriptPrivate();
    const error = await failureOf(download(await open(given)));
    expect(error.hint).toContain(`--channel-login localhost:${upstream.server.port}=env:NAME`);
    for (const host of Object.keys(given)) expect(error.hint).toContain(`given are those for ${host}`);
    expect(upstream.server.requests.filter(({ headers }) => headers['authorization'])).toEqual([]);
  });

  it('404 on a host with a login: that it may not open it', async () => {
    const error = await failureOf((await open({ localhost: 'anna:pw' })).repodata(channel, 'linux-64'));
    expect([error.code, error.hint]).toEqual([
      'E_UPSTREAM_NOT_FOUND',
      expect.stringMatching(/the login \(user anna, env:L0\) does not open it/),
    ]);
  });
});

describe('C9 N7 J6: redirects', () => {
  const artifact = (): string => `${new URL(channel.url).pathname}/noarch/${upstream.package.distFilename}`;

  it('to the same host keep the login', async () => {
    scriptPrivate();
    upstream.server.script(artifact(), redirect('/store/x'));
    upstream.server.script('/store/x', only('authorization', BASIC, file(upstream.package.bytes)));
    await download(await open({ localhost: `anna:${PASSWORD}` }));
  });

  it.each<[string, Record<string, string>]>([
    ['that has none', {}],
    ['that has one of its own', { '127.0.0.2': 'bob:an0ther' }],
  ])('to a host %s go without', async (_title, more) => {
    scriptPrivate();
    upstream.server.script(artifact(), redirect(`${other.url}/cdn/x?signature=y`));
    other.script('/cdn/x?signature=y', file(upstream.package.bytes));
    const gateway = await open({ localhost: `anna:${PASSWORD}`, ...more });
    await download(gateway);
    expect(other.requests).toHaveLength(1);
    expectUntold(gateway);
  });

  it('to another port of the host go without', async () => {
    const port = await startChaosServer({ certificate: upstream.certificate });
    scriptPrivate();
    upstream.server.script(artifact(), redirect(`${port.url}/x`));
    port.script('/x', file(upstream.package.bytes));
    await download(await open({ localhost: `anna:${PASSWORD}` }));
    expect(port.requests.map(({ headers }) => headers['authorization'])).toEqual([undefined]);
    await port.close();
  });

  it.each<[string, (login: string) => string]>([
    ['the header', () => `/login?auth=${encodeURIComponent(BASIC)}`],
    ['the password', () => `/login?pw=${encodeURIComponent(PASSWORD)}`],
    ['the password twice encoded', () => `/login?pw=${encodeURIComponent(encodeURIComponent(PASSWORD))}&x=100%zz`],
    ['user and password in hex', () => `/${Buffer.from(`anna:${PASSWORD}`).toString('hex')}`],
  ])('that repeat %s to another host are refused', async (_title, location) => {
    scriptPrivate();
    upstream.server.script(artifact(), redirect(`${other.url}${location('')}`));
    const gateway = await open({ localhost: `anna:${PASSWORD}` });
    const error = await failureOf(download(gateway));
    expect([error.code, error.what]).toEqual([
      'E_REDIRECT',
      expect.stringMatching(/would carry a login to 127\.0\.0\.2/),
    ]);
    expect(holds(allTextOf(error), SPELLINGS)).toBe(false);
    expect(other.requests).toEqual([]);
  });

  it('user information in a redirect is not taken', async () => {
    scriptPrivate();
    upstream.server.script(artifact(), redirect(`${other.url.replace('//', '//eve:secret@')}/x`));
    other.script('/x', file(upstream.package.bytes));
    const gateway = await open({ localhost: `anna:${PASSWORD}` });
    await download(gateway);
    expectUntold(gateway);
  });

  const users = fc
    .string({ unit: 'grapheme', maxLength: 12 })
    .filter((text) => !/[:\p{Cc}\p{Cs}]/u.test(text) && text.trim() === text);
  const passwords = fc
    .string({ unit: 'grapheme', minLength: 8, maxLength: 40 })
    .filter(
      (text) => !/[\p{Cc}\p{Cs}]/u.test(text) && text.trim() === text && !/^(https?|login|other|host)/.test(text),
    );
  const forms: ((text: string) => string)[] = [
    (text) => encodeURIComponent(text),
    (text) => encodeURIComponent(encodeURIComponent(text)),
    (text) => Buffer.from(text).toString('hex'),
    (text) => encodeURIComponent(Buffer.from(text).toString('base64')),
    (text) => Buffer.from(`x${text}y`).toString('base64url'),
    (text) => Buffer.from(text).toString('hex').replace(/../g, '%$&'),
  ];

  it('no login, in no form, reaches another host', async () => {
    await fc.assert(
      fc.asyncProperty(
        users,
        passwords,
        fc.nat(forms.length - 1),
        fc.boolean(),
        async (user, password, form, whole) => {
          const logins = await loginsOf({ 'chan.example': `basic:${user}:${password}` });
          const [login] = logins;
          const text = forms[form]!(whole ? `${user}:${password}` : password);
          const from = new URL('https://chan.example/c/noarch/a.conda');
          const rules = { token: undefined, tokenBase: '', allowHttp: [], logins };
          const openings = { tokenOrigin: undefined, login, loginHost: 'chan.example' };
          for (const location of [
            `https://other.example/x?next=${text}`,
            `https://other.example/${text}/x?sig=100%zz`,
          ]) {
            try {
              const to = nextHop({ from, location, seen: new Set(), maxRedirects: 8, rules, ...openings });
              expect(to.host).toBe('other.example');
              for (const secret of login!.secrets) expect(holdsSecret(to.href, secret), to.href).toBe(false);
              expect(to.href).not.toContain(text);
            } catch (error) {
              if (!isRepackError(error)) throw error;
              expect(error.code).toBe('E_REDIRECT');
            }
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});
