import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { freePort } from '../helpers/far-servers.js';
import { gate, type GatedUpstream } from '../helpers/gate.js';
import { describeWithLayers, layerPath } from '../helpers/layers.js';
import { startOldUpstream } from '../helpers/old-upstream.js';
import { openWorkplace, startOurs, type Ran, type Workplace } from '../helpers/programs.js';
import { holds, spellingsOf, tracesBelow } from '../helpers/secret-traces.js';
import { startSampleUpstream, TOKEN, type TestUpstream } from '../helpers/upstream.js';
import { watchDescendants } from '../helpers/watch-processes.js';

const SLOW = 300_000;
const PASSWORD = 's3nt1nel/pä:w%41';
const BASIC = `Basic ${Buffer.from(`anna:${PASSWORD}`).toString('base64')}`;
const SPELLINGS = [...spellingsOf(PASSWORD), ...spellingsOf(`anna:${PASSWORD}`)];

let work: Workplace;
let upstream: GatedUpstream;
afterEach(async () => {
  await work.close();
  await upstream.close();
});

/** The base channel is behind a login; the owner's are opened by the token, as before. */
async function openPlace(plain: Promise<TestUpstream>): Promise<void> {
  upstream = await gate(await plain);
  upstream.lock(/^\/pkgs\/main\//, 'authorization', BASIC);
  work = await openWorkplace({ upstream });
  mkdirSync(work.root);
  const { host } = new URL(upstream.url);
  // Beside the folder that is looked through for traces.
  writeFileSync(join(work.root, 'repackenv.yml'), `channel_logins: ["${host}=env:BASE_LOGIN"]\n`);
}

const env = { BASE_LOGIN: `anna:${PASSWORD}` };

async function expectNoTrace(ran: Ran): Promise<void> {
  expect(holds(ran.stdout + ran.stderr, SPELLINGS)).toBe(false);
  expect(await tracesBelow(work.dir, SPELLINGS)).toEqual([]);
}

describe('C9: a base channel behind user and password', () => {
  it(
    'update, plan, diff and mirror reach it; nothing of it stands in a file or on the terminal',
    async () => {
      await openPlace(startSampleUpstream());
      const without = await work.update({ env: { REPACKENV_CONFIG: join(work.dir, 'none') } });
      expect([without.exitCode, without.stderr]).toEqual([2, expect.stringContaining('can’t be read')]);
      const logs = ['--debug', '--log-dir', join(work.dir, 'logs')];
      const updated = await work.update({ env, args: logs });
      expect(updated.exitCode, updated.stderr).toBe(0);
      await expectNoTrace(updated);
      const planned = await work.update({ env, args: ['--dry-run'] });
      expect(planned.exitCode, planned.stderr).toBe(0);

      const { host } = new URL(upstream.url);
      writeFileSync(
        join(work.home, 'mirror.yml'),
        `channels: [pkgs/main]\nplatforms: [linux-64]\nmirror_dir: ${work.dir}/m/main\n`,
      );
      const common = [
        '--base-url',
        upstream.url,
        '--cache-dir',
        work.cache,
        '--channel-login',
        `${host}=env:BASE_LOGIN`,
      ];
      const mirrored = await work.run(
        'repackenv',
        ['mirror', '-f', join(work.home, 'mirror.yml'), ...common, ...logs],
        { env },
      );
      expect(mirrored.exitCode, mirrored.stderr).toBe(0);
      const diffed = await work.run('repackenv', ['diff', join(work.dir, 'm/main'), 'pkgs/main', ...common], { env });
      expect(diffed.exitCode, diffed.stderr).toBe(0);
      for (const ran of [planned, mirrored, diffed]) await expectNoTrace(ran);
      expect(readdirSync(join(work.dir, 'logs'))).not.toEqual([]);

      const wrong = await work.update({ env: { BASE_LOGIN: 'anna:wr0ng-one' } });
      expect([wrong.exitCode, wrong.stderr]).toEqual([
        7,
        expect.stringContaining('refused the login (user anna, env:BASE_LOGIN)'),
      ]);
      expect(wrong.stderr).not.toContain('wr0ng');
      const none = await work.run('repackenv', ['diff', join(work.dir, 'm/main'), 'pkgs/main', ...common.slice(0, 4)]);
      expect([none.exitCode, none.stderr]).toEqual([7, expect.stringContaining(`--channel-login ${host}=env:NAME`)]);
      const typed = await work.update({ args: ['--channel-login', `${host}=anna:${PASSWORD}`, '--show-config'] });
      expect(typed.exitCode).toBe(2);
      await expectNoTrace(typed);
    },
    SLOW,
  );
});

describeWithLayers(['conda43'], 'C9: with conda as the engine', () => {
  it(
    'conda never sees the login',
    async () => {
      await openPlace(startOldUpstream({ token: TOKEN }));
      const started = work.start({
        env,
        args: ['--engine', 'conda', '--engine-path', layerPath('conda43'), '--debug'],
      });
      const watch = watchDescendants(started.pid);
      const ran = await started.ended;
      watch.stop();
      expect(ran.exitCode, ran.stderr).toBe(0);
      const seen = [...watch.seen.values()];
      expect(seen.some(({ args }) => args.includes(' create '))).toBe(true);
      expect(seen.filter(({ args, environment }) => holds(args + environment, SPELLINGS))).toEqual([]);
      await expectNoTrace(ran);
    },
    SLOW,
  );
});

describeWithLayers(['nginx'], 'C9: nginx with auth_basic', () => {
  it(
    'and a netrc',
    async () => {
      upstream = await gate(await startSampleUpstream());
      work = await openWorkplace({ upstream });
      const port = await freePort();
      // A colon ends it in nginx's file.
      const password = PASSWORD.replace(':', '');
      const dir = join(work.dir, 'nginx');
      mkdirSync(dir);
      writeFileSync(join(dir, 'users'), `anna:{PLAIN}${password}\n`);
      writeFileSync(
        join(dir, 'nginx.conf'),
        `${process.getuid?.() === 0 ? 'user root; ' : ''}daemon off; pid ${dir}/pid; error_log ${dir}/error.log; events {}\n` +
          `http { access_log off; ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${dir}/${name};`).join(' ')}\n` +
          `server { listen 127.0.0.1:${port}; auth_basic x; auth_basic_user_file ${dir}/users; root ${upstream.dir}/gen1; } }\n`,
      );
      const server = spawn(layerPath('nginx'), [
        '-p',
        dir,
        '-c',
        join(dir, 'nginx.conf'),
        '-e',
        join(dir, 'error.log'),
      ]);
      try {
        writeFileSync(join(work.dir, 'netrc'), `machine 127.0.0.1 login anna password ${password}\n`, { mode: 0o600 });
        writeFileSync(
          join(work.dir, 'mirror.yml'),
          `channels: [pkgs/main]\nplatforms: [linux-64]\nmirror_dir: ${work.dir}/m/main\n`,
        );
        const call = [
          'mirror',
          '-f',
          join(work.dir, 'mirror.yml'),
          '--base-url',
          `http://127.0.0.1:${port}`,
          '--cache-dir',
          work.cache,
        ];
        const mirror = (...args: string[]): Promise<Ran> =>
          startOurs('repackenv', [...call, ...args], { home: work.home }).ended;
        const refused = await mirror();
        expect([refused.exitCode, refused.stderr]).toEqual([7, expect.stringContaining('--channel-login 127.0.0.1')]);
        const ran = await mirror('--netrc', join(work.dir, 'netrc'));
        expect(ran.exitCode, ran.stderr).toBe(0);
        expect(ran.stderr).not.toContain('warning');
      } finally {
        server.kill();
      }
    },
    SLOW,
  );
});
