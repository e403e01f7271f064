import { rmSync } from 'node:fs';
import { request, type IncomingMessage } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { repodataOf } from '../../../../scripts/lib/sample-upstream.js';
import type { EngineAccess } from '../../../../src/conda/channel/engine-access.js';
import { answer, cutAfter, file } from '../../../helpers/chaos-server.js';
import { startChaosUpstream, type ChaosUpstream } from '../../../helpers/chaos-upstream.js';
import { CHAOS_TOKEN_WIRE, type TestGateway } from '../../../helpers/gateway.js';

let upstream: ChaosUpstream;
let gateway: TestGateway;
let access: EngineAccess;
beforeEach(async () => {
  upstream = await startChaosUpstream();
  gateway = await upstream.open({ limits: { attempts: 2 }, keepCache: true });
  access = await gateway.listen();
});
afterEach(async () => {
  await upstream.close();
  rmSync(gateway.cacheDir, { recursive: true, force: true });
});

const STRONG = { etag: '"v1"' };
const artifactUrl = (): string => `${access.channels[0]!.url}/noarch/${upstream.package.distFilename}`;

function ask(url: string): Promise<IncomingMessage> {
  const { hostname, port, username, password } = new URL(access.proxyUrl);
  const headers = { 'proxy-authorization': `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` };
  return new Promise((resolve, reject) =>
    request({ hostname, port, path: url, headers, agent: false }, resolve).on('error', reject).end(),
  );
}

async function bodyOf(response: IncomingMessage): Promise<{ bytes: Buffer; broken: boolean }> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of response) chunks.push(chunk as Buffer);
    return { bytes: Buffer.concat(chunks), broken: false };
  } catch {
    return { bytes: Buffer.concat(chunks), broken: true };
  }
}

describe('an engine that fetches through the gateway', () => {
  it('gets first bytes before the upstream has sent the last', async () => {
    const { bytes } = upstream.package;
    let finish = (): void => {};
    upstream.scriptArtifact((_request, response) => {
      response.writeHead(200, { 'content-length': String(bytes.length) });
      response.write(bytes.subarray(0, 200_000));
      finish = () => void response.end(bytes.subarray(200_000));
    });
    const response = await ask(artifactUrl());
    expect(response.headers['content-length']).toBe(String(bytes.length));
    await new Promise((resolve) => response.once('readable', resolve));
    expect((response.read() as Buffer).length).toBeGreaterThan(0);
    finish();
    expect((await bodyOf(response)).broken).toBe(false);
  });

  it('N3 does not notice that the upstream broke off and went on', async () => {
    upstream.scriptArtifact(cutAfter(100_000, upstream.package.bytes, STRONG), file(upstream.package.bytes, STRONG));
    const { bytes, broken } = await bodyOf(await ask(artifactUrl()));
    expect([bytes.equals(upstream.package.bytes), broken]).toEqual([true, false]);
    expect(gateway.failures()).toEqual([]);
  });

  it('N5 does not notice a restart either, when the bytes are the same', async () => {
    upstream.scriptArtifact(cutAfter(100_000, upstream.package.bytes), file(upstream.package.bytes));
    const { bytes, broken } = await bodyOf(await ask(artifactUrl()));
    expect([bytes.equals(upstream.package.bytes), broken]).toEqual([true, false]);
  });

  it('N11 never gets a whole-looking file with a wrong digest; the true cause is kept', async () => {
    upstream.scriptArtifact(file(Buffer.from(upstream.package.bytes).fill(1, 200_000, 200_100)));
    const { broken } = await bodyOf(await ask(artifactUrl()));
    expect(broken).toBe(true);
    await expect.poll(() => gateway.failures().map(({ code }) => code)).toEqual(['E_ARTIFACT_DIGEST']);
    expect(await gateway.store.find({ sha256: upstream.package.record.sha256! })).toBeUndefined();
  });

  it('N11 N1 gets 404 for what the upstream lacks, and 502 where it fails; each cause once, without the token', async () => {
    upstream.scriptArtifact(answer(404));
    expect((await ask(artifactUrl())).statusCode).toBe(404);
    expect((await ask(artifactUrl())).statusCode).toBe(404);
    expect((await ask(`${access.channels[0]!.url}/linux-64/repodata.json`)).statusCode).toBe(200);
    upstream.server.script(`/t/${CHAOS_TOKEN_WIRE}/prometeia/win-64/repodata.json.zst`, answer(500));
    expect((await ask(`${access.channels[0]!.url}/win-64/repodata.json`)).statusCode).toBe(502);
    expect(gateway.failures().map(({ code }) => code)).toEqual(['E_ARTIFACT_MISSING', 'E_UPSTREAM']);
    expect(JSON.stringify(gateway.failures().map(({ what, where, hint }) => [what, where, hint]))).not.toContain(
      'sentinel',
    );
  });

  it('N8 sees no base_url: it asks beside the index, and the gateway where the artifacts lie', async () => {
    const index = repodataOf('noarch', [upstream.package], { baseUrl: 'store/' });
    upstream.server.script(`${upstream.paths.index}.zst`, answer(404));
    upstream.server.script(upstream.paths.index, file(JSON.stringify(index)));
    upstream.server.script(
      `${upstream.paths.subdir}/store/${upstream.package.distFilename}`,
      file(upstream.package.bytes),
    );
    const seen = JSON.parse(
      (await bodyOf(await ask(`${access.channels[0]!.url}/noarch/repodata.json`))).bytes.toString(),
    );
    expect(seen).toEqual({ ...index, info: { subdir: 'noarch' } });
    expect((await bodyOf(await ask(artifactUrl()))).bytes.equals(upstream.package.bytes)).toBe(true);
  });

  it('is broken off by close(), and nothing is left in the store', async () => {
    upstream.scriptArtifact((_request, response) => {
      response.writeHead(200, { 'content-length': String(upstream.package.bytes.length) });
      response.write(upstream.package.bytes.subarray(0, 100_000));
    });
    const response = await ask(artifactUrl());
    const body = bodyOf(response);
    await gateway.close();
    expect((await body).broken).toBe(true);
    expect(gateway.filesWith('PK')).toEqual([]);
  });
});
