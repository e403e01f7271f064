import { createServer, request as ask } from 'node:http';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { openDeclaredWorkplace, type DeclaredWorkplace } from '../helpers/declared.js';
import { BUCKET_KEYS, startBuckets, startRedis, type FarBuckets, type FarRedis } from '../helpers/far-servers.js';
import { describeWithLayers } from '../helpers/layers.js';
import { openWorkplace, startOurs, type Ran, type RunningProgram, type Workplace } from '../helpers/programs.js';
import { holds, spellingsOf, tracesBelow } from '../helpers/secret-traces.js';
import { startSampleUpstream, type TestUpstream } from '../helpers/upstream.js';

/** The token of the channel; a wrong one; the password of Redis; the secret key and the session of a bucket. */
const SENTINEL = 'xx-5e4711_sent.inel+f00d~cafe-0123456789';
const WRONG = 'yy-dead_wrong.one+beef~0000-9876543210';
const PASSWORD = 'zz-pass/word+of~redis:5e4711';
const SESSION = 'ss-session/of+a=bucket-5e4711';
const SPELLINGS = [SENTINEL, WRONG, PASSWORD, SESSION, BUCKET_KEYS.secret].flatMap(spellingsOf);

const LABELS = ['bank-1', 'bank-2', 'bank-3'];

async function expectSilent(work: Workplace, said: Readonly<Record<string, string>>): Promise<void> {
  for (const [where, text] of Object.entries(said)) expect(holds(text, SPELLINGS), `${where}: ${text}`).toBe(false);
  for (const dir of [work.root, work.cache, work.home, work.tmp])
    expect(await tracesBelow(dir, SPELLINGS).catch(absent)).toEqual([]);
}

function absent(error: NodeJS.ErrnoException): string[] {
  if (error.code === 'ENOENT') return [];
  throw error;
}

describeWithLayers(['redis'], 'J1 J3 a queue', () => {
  let work: DeclaredWorkplace;
  let redis: FarRedis;
  let queue: { seen(): string };
  beforeAll(async () => {
    work = await openDeclaredWorkplace(LABELS, { token: SENTINEL });
    redis = await startRedis(work.dir, PASSWORD);
    queue = await redis.watch();
    declare('pytho');
  });
  afterAll(async () => {
    await redis.close();
    await work.close();
  });
  const atWork: RunningProgram[] = [];
  afterEach(async () => {
    for (const each of atWork.splice(0)) {
      each.child.kill('SIGTERM');
      await each.ended;
    }
  });

  function declare(packages: string): void {
    const labels = LABELS.map((label) => `  ${label}: { packages: [${packages}] }`).join('\n');
    work.declare(`defaults:\n  all: { token_env: CONDA_TOKEN, subdirs: [linux-64] }\nlabels:\n${labels}\n`);
  }
  const env = (token = SENTINEL): Record<string, string> => ({
    CONDA_TOKEN: token,
    TMPDIR: work.tmp,
    QUEUE: redis.url,
  });
  function worker(token?: string): RunningProgram {
    const args = ['work', '--queue', 'env:QUEUE', '--root', work.root, '--jobs', '1', '--lease', '5', '--debug'];
    const started = startOurs('repackenv', args, { home: work.home, env: env(token) });
    atWork.push(started);
    return started;
  }
  const update = (): RunningProgram =>
    startOurs('repackenv', ['update', '--root', work.root, '--all', '--queue', 'env:QUEUE', '--debug', '--json'], {
      home: work.home,
      env: env(),
    });

  it.each<[what: string, exitCode: number, packages: string, token: string, killed: boolean]>([
    ['labels that are published', 0, 'pytho', SENTINEL, false],
    ['labels that fail', 3, 'nothing-of-that-name', SENTINEL, false],
    ['a token that is refused', 7, 'ratingpro, pytho', WRONG, false],
    ['a worker that is killed', 0, 'ratingpro, pytho', SENTINEL, true],
  ])(
    '%s: no token and no password in keys, values, commands, outputs and files',
    async (_what, exitCode, packages, token, killed) => {
      declare(packages);
      const first = worker(token);
      await first.says('waiting for labels');
      const running = update();
      await first.says(': begun');
      const within = await redis.dump();
      expect(within).toContain('bank-');
      const workers = [first];
      if (killed) {
        first.child.kill('SIGKILL');
        workers.push(worker(token));
      }
      const ran = await running.ended;
      expect(ran.exitCode, ran.stdout + ran.stderr).toBe(exitCode);
      await expectSilent(work, {
        'commands of Redis': queue.seen(),
        'Redis within': within,
        'Redis after': await redis.dump(),
        run: ran.stdout + ran.stderr,
        workers: workers.map((each) => each.printed()).join('\n'),
      });
      expect(queue.seen()).toContain('bank-3');
    },
    300_000,
  );
});

describeWithLayers(['versitygw'], 'J1 J3 a bucket', () => {
  let upstream: TestUpstream;
  let work: Workplace;
  let far: FarBuckets;
  let relay: { url: string; heard(): string; close(): Promise<void> };
  beforeAll(async () => {
    upstream = await startSampleUpstream({ token: SENTINEL });
    work = await openWorkplace({ upstream, token: SENTINEL });
    far = await startBuckets(work.dir);
    relay = await listenTo(far.url);
    for (const packages of [['pytho'], ['ratingpro', 'pytho']])
      expect((await work.update({ packages })).exitCode).toBe(0);
  }, 120_000);
  afterAll(async () => {
    await relay.close();
    await far.close();
    await work.close();
    await upstream.close();
  });

  const push = (
    env: Record<string, string>,
    target = 's3://deliveries/x',
    more: readonly string[] = [],
  ): Promise<Ran> =>
    work.run('repackenv', ['push', work.labelDir, target, '--debug', ...more], {
      env: { ...far.env, AWS_ENDPOINT_URL: relay.url, ...env },
    });

  it.each<[what: string, env: Record<string, string>, target: string | undefined, exitCode: number | null]>([
    ['killed in the middle', { REPACKENV_TEST_KILL_AT: 'push:artifacts' }, undefined, null],
    ['that ends well', {}, undefined, 0],
    ['once more', {}, undefined, 0],
    ['with a wrong key', { AWS_SECRET_ACCESS_KEY: WRONG }, undefined, 7],
    ['with a session that is none', { AWS_SESSION_TOKEN: SESSION }, undefined, 7],
    ['to a bucket that is not there', {}, 's3://nowhere/x', 2],
  ])(
    'a push %s: no secret in names, bytes and metadata of objects, requests, outputs and files',
    async (_what, env, target, exitCode) => {
      const ran = await push(env, target);
      expect(ran.exitCode, ran.stderr).toBe(exitCode);
      if (env['AWS_SESSION_TOKEN'] !== undefined) expect(ran.stderr).toContain('refuses this session');
      // A session token is sent by its header, as AWS wants it, and nowhere else.
      const heard = relay.heard().replaceAll(`x-amz-security-token: ${SESSION}`, '');
      expect(heard).toContain(`Credential=${BUCKET_KEYS.id}`);
      await expectSilent(work, { 'requests and answers': heard, run: ran.stdout + ran.stderr });
      expect(await tracesBelow(join(far.folder('deliveries')), SPELLINGS)).toEqual([]);
    },
    120_000,
  );
});

/** Hands on to the server, and keeps every byte that goes there and comes back, heads too. */
async function listenTo(url: string): Promise<{ url: string; heard(): string; close(): Promise<void> }> {
  const { hostname, port } = new URL(url);
  let heard = '';
  const keep = (first: string, raw: readonly string[]): void => {
    heard += `${first}\n`;
    for (let at = 0; at < raw.length; at += 2) heard += `${raw[at]!.toLowerCase()}: ${raw[at + 1]}\n`;
  };
  const server = createServer((request, response) => {
    const { method, url: path, headers } = request;
    keep(`${method} ${path}`, request.rawHeaders);
    request.on('data', (piece: Buffer) => (heard += piece.toString('latin1')));
    const onward = ask({ hostname, port, method, path, headers }, (answer) => {
      keep(String(answer.statusCode), answer.rawHeaders);
      answer.on('data', (piece: Buffer) => (heard += piece.toString('latin1')));
      response.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    response.on('close', () => onward.destroy());
    request.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    heard: () => heard,
    close: () => new Promise((resolve) => (server.closeAllConnections(), server.close(() => resolve()))),
  };
}
