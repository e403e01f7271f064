import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { bucketClient } from '../../src/push/bucket/client.js';
import { bucketAccess } from '../../src/push/bucket/credentials.js';
import { toBucket } from '../../src/push/bucket/to-bucket.js';
import type { Cargo } from '../../src/push/cargo.js';
import { systemClock } from '../../src/runtime/clock.js';
import { undiciHttp } from '../../src/runtime/http.js';
import type { Runtime } from '../../src/runtime/runtime.js';
import { startBuckets, type FarBuckets } from '../helpers/far-servers.js';
import { describeWithLayers } from '../helpers/layers.js';
import { FIRST, openPushLab, pushHere, SECOND, type PushLab } from '../helpers/pushing.js';
import { fakeClock, testRuntime } from '../helpers/runtime.js';
import { breaches, digests } from '../helpers/tiny-channel.js';

const PREFIX = 'conda/of us';

describeWithLayers(['versitygw'], 'push to a bucket of a real S3 server', () => {
  let far: FarBuckets;
  let servers: PushLab;
  let lab: PushLab;
  beforeAll(async () => {
    servers = await openPushLab();
    far = await startBuckets(
      servers.dir,
      Array.from({ length: 30 }, (_, n) => `deliveries-${n}`),
    );
  });
  afterAll(async () => {
    await far.close();
    await servers.close();
  });
  let bucket: string;
  let count = 0;
  beforeEach(async () => {
    lab = await openPushLab();
    bucket = `deliveries-${count++}`;
  });
  afterEach(() => lab.close());

  const there = (): string => join(far.folder(bucket), PREFIX, 'acme');
  const target = (): string => `s3://${bucket}/${PREFIX}`;
  /** A signed request counts by the clock of this machine. */
  const real = (env: Record<string, string> = {}): Partial<Runtime> => ({
    http: undiciHttp(),
    env: { ...far.env, ...env },
    clock: { ...systemClock(), sleep: async () => undefined },
  });
  const send: typeof pushHere = (from, to, options) => pushHere(from, to, { rt: real(), ...options });

  it('brings the label, then what changed, then nothing; no index ever names what is not there', async () => {
    await lab.publish(FIRST, { bz2: true });
    expect(await send(lab, target())).toMatchObject({ unchanged: false, before: null });
    expect(await digests(there())).toEqual(await digests(lab.labelDir));

    await lab.publish(SECOND);
    await mkdir(join(far.folder(bucket), PREFIX, 'acme.test'));
    await writeFile(join(far.folder(bucket), PREFIX, 'acme.test', 'x'), 'another customer');
    const steps: string[] = [];
    const onStep = async (step: string): Promise<void> => {
      steps.push(step);
      expect(await breaches(there()), step).toEqual([]);
    };
    const second = await send(lab, target(), { onStep });
    expect(second.put).not.toContain('acme/linux-64/b-1-0.conda');
    for (const part of ['reduced', 'noarch-packed', 'indexes-packed', 'gone']) expect(steps).toContain(`push:${part}`);
    expect(await digests(there())).toEqual(await digests(lab.labelDir));
    expect((await readdir(join(far.folder(bucket), PREFIX))).sort()).toEqual([
      'acme',
      'acme.INSTALL.md',
      'acme.test',
      'acme.verify.ps1',
      'acme.verify.sh',
    ]);
    expect(await send(lab, target())).toMatchObject({ unchanged: true, bytes: 0, put: [], gone: [] });
  }, 60_000);

  it.each(['a+b', 'a!b', "q'q", 'p(1)', 'x*y', 'sp ace', 'a%2Bb', 'ü', 'a=b&c', 'a@b,c;d:e$f', 'til~de'])(
    'a key with %s is signed as it is sent',
    async (name) => {
      const carrier = await carrierFor(real());
      const cargo = cargoOf(`acme/noarch/${name}`, Buffer.from(name));
      await carrier.put([cargo], async () => undefined);
      expect(await readFile(join(there(), 'noarch', name), 'utf8')).toBe(name);
      const { files } = await carrier.look();
      expect([...files.keys()]).toEqual([cargo.path]);
      expect(await carrier.holds(cargo, files.get(cargo.path)!, false)).toBe(true);
      await carrier.remove([cargo.path], async () => undefined);
      expect((await carrier.look()).files.size).toBe(0);
      await carrier.close();
    },
  );

  it('what is large goes in parts, and is known again; parts of a push that was killed are taken away', async () => {
    const rt = real();
    const bytes = Buffer.alloc((11 << 20) + 17, 'abc');
    const cargo = cargoOf('acme/noarch/large-1-0.conda', bytes);
    const carrier = await carrierFor(rt, 5 << 20);
    await carrier.put([cargo], async () => undefined);
    const file = (await carrier.look()).files.get(cargo.path)!;
    expect(file.md5).toMatch(/-3$/);
    expect(await carrier.holds(cargo, file, false)).toBe(true);
    expect(
      createHash('sha256')
        .update(await readFile(join(there(), 'noarch/large-1-0.conda')))
        .digest('hex'),
    ).toBe(cargo.sha256);

    const broken: Cargo = { ...cargo, path: 'acme/noarch/other-1-0.conda', from: { file: '', pieces: cut } };
    async function* cut(): AsyncGenerator<Uint8Array> {
      yield bytes.subarray(0, 6 << 20);
      throw new Error('it is not as the manifest says');
    }
    await expect(carrier.put([broken], async () => undefined)).rejects.toThrow('as the manifest says');
    const { client } = await clientFor(rt);
    const key = `${PREFIX}/acme/noarch/other-1-0.conda`;
    await client.ask({ method: 'POST', key, query: { uploads: '' } });
    const uploads = async () => (await client.ask({ method: 'GET', key: '', query: { uploads: '' } })).text;
    expect(await uploads()).toContain('<Upload>');
    await carrier.look();
    expect(await uploads()).not.toContain('<Upload>');
  }, 60_000);

  it('two hosts at the same time: the manifest of one only is taken', async () => {
    await lab.publish(FIRST);
    let other = true;
    const onStep = async (step: string): Promise<void> => {
      if (step !== 'push:indexes' || !other) return;
      other = false;
      const { bytes, ...theirs } = { bytes: Buffer.from('of another host'), key: `${PREFIX}/acme/manifest.json` };
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      const { client } = await clientFor(real());
      await client.ask({ method: 'PUT', ...theirs, body: { size: bytes.length, sha256, bytes: () => bytes } });
    };
    await expect(send(lab, target(), { onStep })).rejects.toMatchObject({ code: 'E_PUSH' });
  });

  it.each<[what: string, code: string, said: RegExp, rt: () => Partial<Runtime>, to?: () => string]>([
    ['a bucket that is not there', 'E_TARGET', /no such bucket/, () => real(), () => 's3://nowhere/x'],
    ['a wrong secret', 'E_LOGIN_REFUSED', /refuses these keys/, () => real({ AWS_SECRET_ACCESS_KEY: 'wrong' })],
    ['a wrong id', 'E_LOGIN_REFUSED', /refuses these keys/, () => real({ AWS_ACCESS_KEY_ID: 'nobody' })],
    ['a clock that is wrong', 'E_LOGIN_REFUSED', /clock/, () => ({ ...real(), clock: fakeClock() })],
    ['no keys', 'E_LOGIN_REFUSED', /no keys/, () => ({ ...real(), env: { AWS_ENDPOINT_URL: far.url } })],
    ['nobody listens', 'E_UPSTREAM', /reached/, () => real({ AWS_ENDPOINT_URL: 'http://127.0.0.1:1' })],
    ['an endpoint that is no URL', 'E_CONFIG', /endpoint/, () => real({ AWS_ENDPOINT_URL: 'minio:9000' })],
    ['plain http', 'E_CHANNEL_HTTP', /plain http/, () => real({ AWS_ENDPOINT_URL: 'http://minio.example.com' })],
  ])('%s', async (_what, code, said, rt, to = target) => {
    await lab.publish(FIRST);
    const failed = pushHere(lab, to(), { rt: rt() });
    await expect(failed).rejects.toMatchObject({ code });
    await expect(failed).rejects.toThrow(said);
    await expect(failed).rejects.not.toThrow(/only\/for/);
  });

  it('503, 500, 429, a cut connection: tried again; the bytes are the same', async () => {
    await lab.publish(FIRST);
    let requests = 0;
    const relay = await relayTo(far.url, (request, response) => {
      const turn = requests++ % 5;
      if (turn === 0) response.writeHead(503).end('<Error><Code>SlowDown</Code></Error>');
      else if (turn === 1) request.socket.destroy();
      else if (turn === 2) response.writeHead([500, 429][requests % 2]!).end();
      return turn > 2;
    });
    try {
      await pushHere(lab, target(), { rt: real(), endpoint: relay.url });
      expect(await digests(there())).toEqual(await digests(lab.labelDir));
      expect(requests).toBeGreaterThan(30);
    } finally {
      await relay.close();
    }
  }, 60_000);

  it('a server that stays busy: E_PUSH, and the next push ends well', async () => {
    await lab.publish(FIRST);
    let puts = 0;
    const relay = await relayTo(far.url, (request, response) => {
      if (request.method !== 'PUT' || puts++ < 4) return true;
      response.writeHead(503).end('<Error><Code>SlowDown</Code></Error>');
      return false;
    });
    const failed = pushHere(lab, target(), { rt: real(), endpoint: relay.url });
    await expect(failed).rejects.toMatchObject({ code: 'E_PUSH', what: expect.stringContaining('503 SlowDown') });
    await relay.close();
    await send(lab, target());
    expect(await digests(there())).toEqual(await digests(lab.labelDir));
  }, 60_000);

  it('keys of a profile', async () => {
    await lab.publish(FIRST);
    const { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret } = far.env;
    const home = join(lab.dir, 'home');
    await mkdir(join(home, '.aws'), { recursive: true });
    const other = '[default]\naws_access_key_id = x\naws_secret_access_key = y\n';
    await writeFile(
      join(home, '.aws/credentials'),
      `${other}[us]\naws_access_key_id = ${id}\naws_secret_access_key=${secret}\n`,
    );
    await writeFile(join(home, '.aws/config'), `[profile us]\nregion = us-east-1\nendpoint_url = ${far.url}\n`);
    const machine = { ...testRuntime().machine, homedir: home };
    await pushHere(lab, target(), { rt: { ...real(), env: { AWS_PROFILE: 'us' }, machine } });
    expect(await digests(there())).toEqual(await digests(lab.labelDir));
  });

  async function clientFor(rt: Partial<Runtime>) {
    const machine = { ...testRuntime(), ...rt };
    const http = machine.http.client({
      proxy: undefined,
      noProxy: [],
      ca: [],
      connectTimeoutMs: 5_000,
      idleTimeoutMs: 5_000,
      answerTimeoutMs: 5_000,
      finishTimeoutMs: 1_000,
      maxConnectionsPerOrigin: 4,
    });
    return {
      machine,
      client: bucketClient(machine, { client: http, access: await bucketAccess(machine, undefined), bucket }),
    };
  }

  async function carrierFor(rt: Partial<Runtime>, partBytes?: number) {
    const { machine, client } = await clientFor(rt);
    return toBucket(machine, {
      label: 'acme',
      bucket,
      prefix: PREFIX,
      client,
      ...(partBytes === undefined ? {} : { partBytes }),
    });
  }
});

function cargoOf(path: string, bytes: Uint8Array): Cargo {
  const hex = (algorithm: string): string => createHash(algorithm).update(bytes).digest('hex');
  const digests = { size: bytes.length, sha256: hex('sha256'), md5: hex('md5') };
  return { path, kind: 'artifact', ...digests, mtimeMs: 0, executable: false, from: { bytes } };
}

/** Before the real server; the signature is over the host's name, so it is sent on with that of the relay. */
async function relayTo(
  url: string,
  passes: (request: IncomingMessage, response: ServerResponse) => boolean,
): Promise<{ url: string; close(): Promise<void> }> {
  const { request: ask } = await import('node:http');
  const server = createServer((request, response) => {
    if (!passes(request, response)) return void request.resume();
    const { port, hostname } = new URL(url);
    const { method, url: path, headers } = request;
    const onward = ask({ hostname, port, method, path, headers }, (answer) => {
      response.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    request.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    close: () => new Promise((resolve) => (server.closeAllConnections(), server.close(() => resolve()))),
  };
}
