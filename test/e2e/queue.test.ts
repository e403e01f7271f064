import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { openJobQueue } from '../../src/runtime/job-queue.js';
import { sharedMoments } from '../../src/runtime/shared-moments.js';
import { openDeclaredWorkplace, type DeclaredWorkplace } from '../helpers/declared.js';
import { freePort, startRedis, type FarRedis } from '../helpers/far-servers.js';
import { describeWithLayers } from '../helpers/layers.js';
import { startOurs, type RunningProgram } from '../helpers/programs.js';
import { TOKEN } from '../helpers/upstream.js';
import { PROJECT_ROOT } from '../../scripts/lib/layers.js';

const LABELS = Array.from({ length: 6 }, (_, n) => `bank-${n + 1}`);

let work: DeclaredWorkplace;
beforeAll(async () => {
  work = await openDeclaredWorkplace(LABELS);
  const labels = LABELS.map((label) => `  ${label}: { packages: [pytho] }`);
  work.declare(`defaults:\n  all: { token_env: CONDA_TOKEN, subdirs: [linux-64] }\nlabels:\n${labels.join('\n')}\n`);
});
afterAll(() => work.close());

const generations = (): (number | undefined)[] =>
  LABELS.map((label) => {
    const file = join(work.root, label, 'manifest.json');
    return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { generation: number }).generation : undefined;
  });
/** Labels whose lock was not given back, with the host that holds it. */
const locked = (): string[] =>
  LABELS.flatMap((label) => {
    const lock = join(work.root, '.repackenv', label, 'lock');
    try {
      const top = readdirSync(lock).sort((a, b) => Number(b) - Number(a))[0]!;
      return [(JSON.parse(readFileSync(join(lock, top, 'owner.json'), 'utf8')) as { host: string }).host];
    } catch {
      // Given back, or just being taken.
      return [];
    }
  });

describeWithLayers(['redis'], 'labels by way of a queue', () => {
  let redis: FarRedis;
  beforeAll(async () => {
    redis = await startRedis(work.dir, 'a pass/word');
  });
  afterAll(() => redis.close());

  const atWork: { end(): Promise<void> }[] = [];
  afterEach(async () => {
    for (const each of atWork.splice(0)) await each.end();
  });
  const env = (): Record<string, string> => ({ CONDA_TOKEN: TOKEN, TMPDIR: work.tmp, QUEUE: redis.url });

  function worker({ bin, args = [] }: { bin?: string; args?: string[] } = {}): RunningProgram {
    const all = ['work', '--queue', 'env:QUEUE', '--root', work.root, '--jobs', '1', ...args];
    const started = startOurs('repackenv', all, { home: work.home, env: env(), bin });
    atWork.push({
      async end() {
        started.child.kill('SIGTERM');
        await started.ended;
      },
    });
    return started;
  }

  it('update --queue and two workers: each label once, one table; nothing secret in Redis, and nothing is left there', async () => {
    const monitor = await redis.watch();
    const [first, second] = [worker(), worker()];
    await Promise.all([first.says('waiting for labels'), second.says('waiting for labels')]);
    const ran = await work.run('repackenv', ['update', '--root', work.root, '--all', '--queue', 'env:QUEUE'], {
      env: env(),
    });
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(ran.stdout).toMatch(/^6 labels: 6 published;/m);
    expect(generations()).toEqual(LABELS.map(() => 1));
    const begun = [first, second].flatMap((each) =>
      [...each.printed().matchAll(/(bank-\d): begun/g)].map(([, label]) => label),
    );
    expect(begun.sort()).toEqual(LABELS);
    expect(monitor.seen()).toContain('bank-3');
    for (const secret of [TOKEN, work.home]) expect(monitor.seen()).not.toContain(secret);
    expect(ran.stdout + ran.stderr + first.printed()).not.toContain('a pass/word');
    expect(await redis.keys()).not.toEqual(expect.arrayContaining([expect.stringMatching(/bank-/)]));

    // At once again: an id is of one run, so nothing is ignored.
    const again = await work.run(
      'repackenv',
      ['update', '--root', work.root, 'bank-1', 'bank-2', '--queue', 'env:QUEUE', '--json'],
      { env: env() },
    );
    const { labels } = JSON.parse(again.stdout.trim().split('\n').at(-1)!) as {
      labels: { label: string; state: string }[];
    };
    expect(labels.map(({ label, state }) => `${label} ${state}`)).toEqual(['bank-1 unchanged', 'bank-2 unchanged']);
    first.child.kill('SIGTERM');
    expect((await first.ended).exitCode).toBe(143);
  }, 120_000);

  it('a label that fails is told as such, with its code', async () => {
    await worker({ args: ['--lease', '5'] }).says('waiting for labels');
    const refused = await work.run('repackenv', ['update', '--root', work.root, 'bank-1', '--queue', 'env:QUEUE'], {
      env: { ...env(), QUEUE: redis.url },
    });
    expect(refused.exitCode).toBe(0);
    // The file names who is told: once for the run, not by each worker's own update too.
    const told = join(work.dir, 'told');
    const script = `require('node:fs').appendFileSync(${JSON.stringify(told)}, 'told ')`;
    writeFileSync(join(work.dir, 'tell.cjs'), script);
    work.declare(
      `notify: '"${process.execPath}" "${join(work.dir, 'tell.cjs')}"'\ndefaults:\n  all: { token_env: CONDA_TOKEN, subdirs: [linux-64] }\nlabels:\n  bank-1: { packages: [nothing-of-that-name, pytho] }\n`,
    );
    const failed = await work.run('repackenv', ['update', '--root', work.root, '--all', '--queue', 'env:QUEUE'], {
      env: env(),
    });
    const labels = LABELS.map((label) => `  ${label}: { packages: [pytho] }`);
    work.declare(`defaults:\n  all: { token_env: CONDA_TOKEN, subdirs: [linux-64] }\nlabels:\n${labels.join('\n')}\n`);
    expect(failed.exitCode, failed.stdout).toBe(3);
    expect(failed.stdout).toMatch(/bank-1 .*failed: .*\[E_PACKAGE_NOT_FOUND\]/);
    expect(readFileSync(told, 'utf8')).toBe('told ');
  }, 60_000);

  it('a worker whose program was removed gives its label back, and it says why', async () => {
    const bin = join(work.dir, 'linked');
    mkdirSync(bin);
    symlinkSync(join(PROJECT_ROOT, 'bin', 'repackenv.js'), join(bin, 'repackenv.js'));
    const alone = worker({ bin });
    await alone.says('waiting for labels');
    rmSync(bin, { recursive: true });
    const failed = await work.run(
      'repackenv',
      ['update', '--root', work.root, 'bank-1', '--queue', 'env:QUEUE', '--json'],
      { env: env() },
    );
    expect(failed.stdout).toContain('A part of the program is gone');
    expect(failed.stdout).not.toContain('node:internal');
    expect(failed.exitCode, failed.stdout).toBe(5);
  }, 60_000);

  it('two workers hold the upstream’s limit together: each request takes its turn in Redis', async () => {
    const declared = LABELS.map((label) => `  ${label}: { packages: [pytho] }`).join('\n');
    work.declare(
      `requests_per_second: 200\ndefaults:\n  all: { token_env: CONDA_TOKEN, subdirs: [linux-64] }\nlabels:\n${declared}\n`,
    );
    const monitor = await redis.watch();
    const before = work.upstream.requests.length;
    const workers = [worker(), worker()];
    for (const each of workers) await each.says('waiting for labels');
    const ran = await work.run('repackenv', ['update', '--root', work.root, '--all', '--queue', 'env:QUEUE'], {
      env: env(),
    });
    expect(ran.exitCode, ran.stdout + ran.stderr).toBe(0);
    for (const each of workers) expect(each.printed()).toContain(': begun');
    const { host } = new URL(work.upstream.url);
    const turns = monitor.seen().match(new RegExp(` 1 repackenv:pace:${host} 5000$`, 'gm')) ?? [];
    expect(turns).toHaveLength(work.upstream.requests.length - before);
    expect(turns.length).toBeGreaterThan(LABELS.length);
  }, 120_000);

  it('turns in Redis: two workers get one row of moments, each host its own, and nothing is saved up', async () => {
    const [one, two] = await Promise.all([sharedMoments(redis.url), sharedMoments(redis.url)]);
    try {
      const HOUR = 3_600_000;
      expect(await one.next('quiet', 1)).toBe(0);
      const all = await Promise.all(Array.from({ length: 20 }, (_, n) => (n % 3 === 0 ? one : two).next('busy', HOUR)));
      // What this test takes is not an hour: the moments are whole hours apart, less than one in all.
      const hours = all.map((ms) => Math.ceil(ms / HOUR)).sort((a, b) => a - b);
      expect(hours).toEqual(Array.from({ length: 20 }, (_, n) => n));
      expect(await two.next('other', HOUR)).toBe(0);
      expect(await one.next('quiet', 1)).toBe(0);
      // It is forgotten when it has passed: no host stays in Redis.
      expect(await redis.keys()).toContain('repackenv:pace:busy');
    } finally {
      one.close();
      two.close();
    }
  });

  it('a Redis that goes away fails the request that waits for its turn', async () => {
    const own = await startRedis(work.dir, 'own');
    const moments = await sharedMoments(own.url, { tries: 1 });
    expect(await moments.next('a', 1)).toBe(0);
    await own.close();
    await expect(moments.next('a', 1)).rejects.toMatchObject({ code: 'E_UPSTREAM' });
    moments.close();
  });

  it.each<[what: string, args: () => string[], exitCode: number, said: string]>([
    ['no Redis there', () => ['update', '--all', '--queue', 'redis://127.0.0.1:1'], 7, 'The queue can’t be reached'],
    [
      'a wrong password',
      () => ['update', '--all', '--queue', redis.url.replace('a%20pass', 'wrong')],
      7,
      'The queue can’t be reached',
    ],
    ['no URL of a Redis', () => ['update', '--all', '--queue', 'http://host'], 2, '--queue is not the URL of a Redis'],
    ['a variable without one', () => ['work', '--queue', 'env:NONE'], 2, 'The variable NONE does not hold'],
    ['work without a queue', () => ['work'], 2, '--queue is missing'],
    ['a lease that is none', () => ['work', '--queue', 'redis://h', '--lease', '1'], 2, '--lease must be'],
    [
      'what would not reach a worker',
      () => ['update', '--all', '--queue', redis.url, '--add', 'numpy'],
      2,
      'add would not reach the workers',
    ],
    ['a plan', () => ['plan', '--all', '--queue', redis.url], 2, '--queue is for updates'],
  ])('%s', async (_what, args, exitCode, said) => {
    const [command, ...rest] = args();
    const ran = await work.run('repackenv', [command!, '--root', work.root, ...rest], { env: env() });
    expect(ran.exitCode, ran.stderr).toBe(exitCode);
    expect(ran.stderr).toContain(said);
    expect(ran.stderr).not.toContain('a%20pass');
  });

  it(
    'workers that are hosts of their own, one killed in the middle: all labels right, none built twice at once, no lock left elsewhere',
    { tags: ['long'], timeout: 300_000 },
    async () => {
      expect((await work.run('repackenv', ['update', '--root', work.root, '--all'])).exitCode).toBe(0);
      const labels = LABELS.map((label) => `  ${label}: { packages: [ratingpro, pytho] }`);
      work.declare(
        `defaults:\n  all: { token_env: CONDA_TOKEN, subdirs: [linux-64] }\nlabels:\n${labels.join('\n')}\n`,
      );
      const [doomed, other] = ['host-a', 'host-b'].map((name) => hostWorker(name));
      await Promise.all([doomed!.says('waiting for labels'), other!.says('waiting for labels')]);
      const running = startOurs('repackenv', ['update', '--root', work.root, '--all', '--queue', 'env:QUEUE'], {
        home: work.home,
        env: env(),
      });
      // It dies with the lock of a label in its hand.
      expect(await doomed!.says(': begun')).toBe(true);
      while (!locked().includes('host-a')) await delay(2);
      doomed!.kill();
      const ran = await running.ended;
      expect(ran.exitCode, ran.stdout + ran.stderr).toBe(0);
      expect(ran.stdout).toMatch(/^6 labels: /m);
      expect(new Set(generations())).toEqual(new Set([2]));
      expect(locked()).toEqual([]);
      for (const label of LABELS) expect((await work.verify(join(work.root, label))).exitCode, label).toBe(0);
    },
  );

  /** In namespaces of its own: another host name, other process numbers; killed, all of it is gone at once. */
  function hostWorker(name: string) {
    const program = [
      process.execPath,
      join(PROJECT_ROOT, 'bin/repackenv.js'),
      'work',
      '--queue',
      'env:QUEUE',
      '--root',
      work.root,
    ];
    const script = `hostname ${name} && exec "$@"`;
    const args = [
      '--uts',
      '--pid',
      '--fork',
      '--kill-child',
      '--mount-proc',
      'sh',
      '-c',
      script,
      'sh',
      ...program,
      '--jobs',
      '1',
      '--lease',
      '5',
    ];
    const child: ChildProcess = spawn('unshare', args, {
      cwd: work.dir,
      env: { PATH: process.env['PATH'], HOME: work.home, LANG: 'C.UTF-8', ...env() },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let printed = '';
    for (const stream of [child.stdout!, child.stderr!]) stream.on('data', (piece) => (printed += String(piece)));
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    const kill = (): void => void child.kill('SIGKILL');
    atWork.push({ end: async () => (kill(), gone) });
    return {
      kill,
      async says(text: string): Promise<boolean> {
        while (!printed.includes(text) && child.exitCode === null) await delay(10);
        return printed.includes(text);
      },
    };
  }
});

it('without the two packages it says how to get them', async () => {
  const load = async (): Promise<never> => {
    throw new Error("Cannot find package 'bullmq'");
  };
  const failed = openJobQueue({ url: `redis://127.0.0.1:${await freePort()}`, name: 'x' }, load);
  await expect(failed).rejects.toMatchObject({
    code: 'E_USAGE',
    hint: expect.stringContaining('npm install -g bullmq ioredis'),
  });
});
