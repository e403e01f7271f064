import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { file, redirect, startChaosServer, type ChaosServer } from '../helpers/chaos-server.js';
import { repodataOf } from '../../scripts/lib/sample-upstream.js';
import { scriptIndex, startChaosUpstream, type ChaosUpstream } from '../helpers/chaos-upstream.js';
import { allTextOf, CHAOS_TOKEN, CHAOS_TOKEN_WIRE, failureOf } from '../helpers/gateway.js';

let upstream: ChaosUpstream;
/** A second host: its origin differs from the channel's. */
let other: ChaosServer;
let plain: ChaosServer;
beforeEach(async () => {
  upstream = await startChaosUpstream();
  other = await startChaosServer({ certificate: upstream.certificate, host: '127.0.0.2' });
  plain = await startChaosServer({ host: '127.0.0.1' });
});
afterEach(async () => {
  await upstream.close();
  await other.close();
  await plain.close();
});

async function download(): Promise<void> {
  const gateway = await upstream.open();
  const stored = await gateway.download(upstream.planned);
  expect(stored.sha256).toBe(upstream.package.record.sha256);
}

async function refusal(): Promise<string> {
  const gateway = await upstream.open();
  const error = await failureOf(gateway.download(upstream.planned));
  expect([error.code, error.exitCode]).toEqual(['E_REDIRECT', 7]);
  expect(error.where).not.toContain(CHAOS_TOKEN_WIRE);
  for (const secret of [CHAOS_TOKEN, CHAOS_TOKEN_WIRE, 'signature']) expect(allTextOf(error)).not.toContain(secret);
  expect(JSON.stringify(gateway.rt.collected)).not.toContain('sentinel');
  expect(upstream.server.asked(upstream.paths.artifact)).toHaveLength(1);
  return error.what;
}

describe('N7 redirects that are followed', () => {
  it('N7 to another host: without the token', async () => {
    upstream.scriptArtifact(redirect(`${other.url}/cdn/file?signature=s3cr3t`));
    other.script('/cdn/file?signature=s3cr3t', file(upstream.package.bytes));
    await download();
    expect(other.requests).toHaveLength(1);
    expect(other.tokenReceipts(CHAOS_TOKEN)).toEqual([]);
    expect(other.tokenReceipts(CHAOS_TOKEN_WIRE)).toEqual([]);
  });

  it('N7 to another host by the path with the token in it: taken out', async () => {
    upstream.scriptArtifact(redirect(`${other.url}${upstream.paths.artifact}`));
    other.script(`/prometeia/noarch/${upstream.package.distFilename}`, file(upstream.package.bytes));
    await download();
    expect(other.tokenReceipts(CHAOS_TOKEN_WIRE)).toEqual([]);
  });

  it.each([301, 302, 303, 307, 308])('N7 %i on the same host, relative', async (status) => {
    upstream.scriptArtifact(redirect(`/t/${CHAOS_TOKEN_WIRE}/prometeia/store/x`, status));
    upstream.server.script(`/t/${CHAOS_TOKEN_WIRE}/prometeia/store/x`, file(upstream.package.bytes));
    await download();
  });

  it('N7 a broken transfer is asked anew at the channel, and goes on behind the redirect', async () => {
    const etag = { etag: '"v1"' };
    upstream.scriptArtifact(redirect(`${other.url}/a`), redirect(`${other.url}/b`));
    other.script('/a', (request, response) => {
      response.writeHead(200, { ...etag, 'content-length': String(upstream.package.bytes.length) });
      response.write(upstream.package.bytes.subarray(0, 1000), () => setImmediate(() => request.socket.destroy()));
    });
    other.script('/b', file(upstream.package.bytes, etag));
    await download();
    expect(other.requests.map(({ path, headers }) => [path, headers['if-range']])).toEqual([
      ['/a', undefined],
      ['/b', '"v1"'],
    ]);
  });
});

describe('N7 redirects that are refused', () => {
  it('N7 from https to http, also on loopback', async () => {
    upstream.scriptArtifact(redirect(`${plain.url}/file`));
    expect(await refusal()).toMatch(/from https to plain http/);
    expect(plain.requests).toEqual([]);
  });

  it.each([
    ['file:', 'file:///etc/passwd', /scheme "file:"/],
    ['data:', 'data:text/plain,x', /scheme "data:"/],
    ['nothing readable', 'https://[', /no readable URL/],
  ])('N7 to %s', async (_name, location, why) => {
    upstream.scriptArtifact(redirect(location));
    expect(await refusal()).toMatch(why);
  });

  it('N7 without Location', async () => {
    upstream.scriptArtifact((_request, response) => void response.writeHead(302).end());
    expect(await refusal()).toMatch(/no readable URL/);
  });

  it('N7 round in a circle', async () => {
    upstream.scriptArtifact(redirect(`${other.url}/a`));
    other.script('/a', redirect(`${other.url}/b`));
    other.script('/b', redirect(`${other.url}/a`));
    expect(await refusal()).toMatch(/in a circle/);
  });

  it('N7 twenty hops', async () => {
    upstream.scriptArtifact(redirect(`${other.url}/1`));
    for (let hop = 1; hop < 20; hop += 1) other.script(`/${hop}`, redirect(`/${hop + 1}`));
    expect(await refusal()).toMatch(/9th in a row/);
    expect(other.requests).toHaveLength(8);
  });

  it('N7 J6 to another host with the token in the query', async () => {
    upstream.scriptArtifact(redirect(`${other.url}/file?signature=${CHAOS_TOKEN_WIRE}`));
    expect(await refusal()).toMatch(/would carry the token to 127\.0\.0\.2/);
    expect(other.requests).toEqual([]);
  });

  const echoed = `/t/${CHAOS_TOKEN_WIRE}/prometeia/noarch/x.conda`;
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  it.each<[string, string]>([
    ['J6 a login page that gets the path to come back to', `/login?next=${encodeURIComponent(echoed)}`],
    ['J6 encoded three times', `/login?next=${encodeURIComponent(encodeURIComponent(echoed))}`],
    ['J6 lower-case escapes', `/login?next=${encodeURIComponent(echoed).toLowerCase()}`],
    ['J6 every character escaped', `/login/${percentOf(CHAOS_TOKEN)}/x`],
    ['J6 beside a malformed escape', `${echoed}?sig=100%zz&again=${encodeURIComponent(CHAOS_TOKEN_WIRE)}`],
    ['J6 base64', `/login?state=${encodeURIComponent(base64(`/t/${CHAOS_TOKEN}/prometeia`))}`],
    ['J6 base64 for URLs, of the path as sent', `/login?state=${Buffer.from(`x${echoed}`).toString('base64url')}`],
    ['J6 base64 twice', `/login?state=${encodeURIComponent(base64(base64(echoed)))}`],
    ['J6 hex', `/login?state=${Buffer.from(CHAOS_TOKEN).toString('hex')}`],
    ['J6 hex in upper case', `/login?state=a${Buffer.from(echoed).toString('hex').toUpperCase()}`],
  ])('%s', async (_name, location) => {
    upstream.scriptArtifact(redirect(`${other.url}${location}`));
    expect(await refusal()).toMatch(/would carry the token to 127\.0\.0\.2/);
    expect(other.requests).toEqual([]);
  });

  it('J6 as the name of the host: not even asked for its address', async () => {
    // "%" can stand in no host, so another token.
    const token = 'Xx-0123.4567_89ab-Sentinel';
    const subdir = upstream.paths.subdir.replace(CHAOS_TOKEN_WIRE, token);
    await scriptIndex(upstream.server, subdir, upstream.package.subdir, [upstream.package]);
    upstream.server.script(`${subdir}/${upstream.package.distFilename}`, redirect(`https://${token}.example.com/x`));
    const gateway = await upstream.open({ token });
    const error = await failureOf(gateway.download(upstream.planned));
    expect([error.code, error.what]).toEqual(['E_REDIRECT', expect.stringMatching(/carry the token to another host/)]);
  });

  it('J6 a malformed escape beside the path with the token: taken out of it, followed', async () => {
    upstream.scriptArtifact(redirect(`${other.url}${echoed}?sig=100%zz`));
    other.script('/prometeia/noarch/x.conda?sig=100%zz', file(upstream.package.bytes));
    await download();
    expect(other.tokenReceipts(CHAOS_TOKEN_WIRE)).toEqual([]);
  });
});

describe('N8 J6 URLs of other hosts that an index makes', () => {
  it.each([
    ['as it is', CHAOS_TOKEN_WIRE],
    ['in base64', Buffer.from(CHAOS_TOKEN).toString('base64url')],
  ])('a base_url within a public channel with the token in it, %s', async (_name, form) => {
    const open = { ...upstream.channel, url: `${other.url}/public`, name: 'public', authenticated: false };
    const index = {
      ...repodataOf('noarch', [upstream.package]),
      info: { subdir: 'noarch', base_url: `${open.url}/${form}` },
    };
    upstream.server.script(`${upstream.paths.index}.zst`, (_request, response) => void response.writeHead(404).end());
    upstream.server.script(upstream.paths.index, file(JSON.stringify(index)));
    const gateway = await upstream.open({ channels: [upstream.channel, open] });
    const error = await failureOf(gateway.download(upstream.planned));
    expect(error.code).toBe('E_REDIRECT');
    expect(allTextOf(error)).not.toContain(form);
    expect(other.requests).toEqual([]);
  });

  it('a validator that repeats the token', async () => {
    const etag = { etag: `"${CHAOS_TOKEN}"` };
    upstream.scriptArtifact(redirect(`${upstream.server.url}/t/${CHAOS_TOKEN_WIRE}/a`), redirect(`${other.url}/b`));
    upstream.server.script(`/t/${CHAOS_TOKEN_WIRE}/a`, (request, response) => {
      response.writeHead(200, { ...etag, 'content-length': String(upstream.package.bytes.length) });
      response.write(upstream.package.bytes.subarray(0, 1000), () => setImmediate(() => request.socket.destroy()));
    });
    const gateway = await upstream.open();
    const error = await failureOf(gateway.download(upstream.planned));
    expect([error.code, other.requests]).toEqual(['E_REDIRECT', []]);
  });
});

function percentOf(text: string): string {
  return Buffer.from(text).toString('hex').replace(/../g, '%$&');
}
