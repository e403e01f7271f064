import { existsSync, mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { UpdateOptions } from '../helpers/programs.js';
import {
  deliver,
  expectRefusal,
  openGuardedWorkplace,
  type GuardedWorkplace,
  type Refusal,
} from '../helpers/refusals.js';
import { TOKEN } from '../helpers/upstream.js';

const SLOW = 180_000;

let work: GuardedWorkplace;

beforeAll(async () => {
  work = await openGuardedWorkplace();
}, SLOW);
afterAll(() => work.close());

const delivers = (options: UpdateOptions & { root: string }) => deliver(work, options);

describe('configuration', () => {
  it.each<[string, string | Uint8Array, Refusal]>([
    [
      'an unknown key',
      'owner: prometeia\nchanels: [pkgs/main]\n',
      { code: 'E_CONFIG', says: ['line 2', '"chanels"', 'Known keys'] },
    ],
    ['a wrong type', 'owner: prometeia\nwait_lock: soon\n', { code: 'E_CONFIG', says: ['line 2', 'wait_lock'] }],
    ['a list where one value belongs', 'owner: [a, b]\n', { code: 'E_CONFIG', says: ['line 1', 'owner'] }],
    ['a key twice', 'owner: a\nclient: conda 4.12\nowner: b\n', { code: 'E_CONFIG', says: ['line 3', 'twice'] }],
    ['UTF-16', Buffer.from('\ufeffowner: prometeia\n', 'utf16le'), { code: 'E_CONFIG', says: ['UTF-16', 'UTF-8'] }],
    ['Latin-1', Buffer.from('owner: a\n# caf\u00e9\n', 'latin1'), { code: 'E_CONFIG', says: ['line 2', 'UTF-8'] }],
    ['no YAML', 'owner: [a\n', { code: 'E_CONFIG', says: [/line \d/] }],
    ['no mapping', '- owner\n', { code: 'E_CONFIG', says: ['line 1'] }],
  ])(
    'A18 refuses one with %s',
    async (_title, content, refusal) => {
      const file = join(work.dir, 'bad.yml');
      writeFileSync(file, content);
      await work.refusesAtOnce({ args: ['--config', file] }, { ...refusal, says: [file, ...(refusal.says ?? [])] });
    },
    SLOW,
  );

  it(
    'A18 refuses one of 100 MB without reading it',
    async () => {
      const file = join(work.dir, 'big.yml');
      writeFileSync(file, '');
      truncateSync(file, 100_000_000);
      await work.refusesAtOnce({ args: ['--config', file] }, { code: 'E_CONFIG', says: [file, '100.0 MB'] });
    },
    SLOW,
  );

  it(
    'A18 reads one with a byte order mark and CR LF',
    async () => {
      const file = join(work.dir, 'windows.yml');
      writeFileSync(file, '\ufeffclient: "conda 4.12"\r\nvirtual_packages: ["__glibc=2.17"]\r\n');
      const { manifest } = await delivers({ root: join(work.dir, 'windows'), args: ['--config', file] });
      expect(JSON.stringify(manifest.profiles)).toContain('4.12');
    },
    SLOW,
  );

  it(
    'A18 finds ROOT/repackenv.yml, and names the file of a wrong value in it',
    async () => {
      const root = join(work.dir, 'configured');
      mkdirSync(root);
      writeFileSync(join(root, 'repackenv.yml'), 'engine: snake\n');
      await work.refusesAtOnce({ root }, { code: 'E_CONFIG', says: [join(root, 'repackenv.yml'), 'engine'] });
    },
    SLOW,
  );

  it(
    'no owner: says the three lines to write',
    async () => {
      const ran = await work.run('update-offline-repo', ['halkbank', 'none', work.root, 'pytho']);
      expectRefusal(ran, {
        code: 'E_NO_OWNER',
        says: ['owner:', 'base_url:', 'channels:', join(work.root, 'repackenv.yml')],
      });
    },
    SLOW,
  );
});

describe('environment', () => {
  it(
    'A19 conda’s and Python’s variables have no effect',
    async () => {
      const condarc = join(work.dir, 'foreign.condarc');
      writeFileSync(condarc, `channels: ["${work.upstream.url}/evil"]\noffline: true\n`);
      const pkgs = join(work.dir, 'foreign-pkgs');
      const env = {
        CONDA_CHANNELS: `${work.upstream.url}/evil`,
        CONDARC: condarc,
        CONDA_SUBDIR: 'win-64',
        CONDA_PKGS_DIRS: pkgs,
        CONDA_OFFLINE: '1',
        CONDA_ALWAYS_COPY: '1',
        CONDA_OVERRIDE_GLIBC: '1.0',
        PYTHONPATH: '/nowhere',
      };
      const asked = work.upstream.requests.length;
      const { manifest, files } = await delivers({ root: join(work.dir, 'env'), env });
      expect([...files.keys()]).toEqual([...work.published().keys()]);
      expect(manifest.subdirs).toEqual(['linux-64', 'noarch']);
      expect(work.upstream.requests.slice(asked).filter(({ path }) => path.includes('evil'))).toEqual([]);
      expect(existsSync(pkgs)).toBe(false);
    },
    SLOW,
  );
});

describe('http', () => {
  const PLAIN = 'http://conda.example.invalid/main';

  it(
    'A20 refuses a channel over http before asking it, and names the way',
    async () => {
      const asked = work.upstream.requests.length;
      await work.refuses({ args: ['--channel', PLAIN] }, { code: 'E_CHANNEL_HTTP', says: [PLAIN, '--allow-http'] });
      expect(work.upstream.requests.length).toBe(asked);
    },
    SLOW,
  );

  it(
    'A20 a token goes over http to loopback only, whatever is allowed',
    async () => {
      const args = ['--base-url', 'http://conda.example.invalid', '--allow-http', 'conda.example.invalid'];
      await work.refuses({ args }, { code: 'E_CHANNEL_HTTP', says: ['conda.example.invalid', /token/i] });
    },
    SLOW,
  );

  it(
    'A20 a host that is allowed is asked',
    async () => {
      // Nothing is there: what counts is that the refusal is the network's now.
      const args = ['--channel', PLAIN, '--allow-http', 'conda.example.invalid'];
      await work.refuses({ args }, { code: 'E_UPSTREAM', says: ['conda.example.invalid'] });
    },
    SLOW,
  );

  it.each([
    ['ftp://conda.example/main', 'ftp:'],
    [`http://127.0.0.1:1/t/${TOKEN}/prometeia`, 'token'],
    [`http://user:${TOKEN}@127.0.0.1:1/prometeia`, 'password'],
  ])(
    'A20 refuses %s as a channel',
    async (channel, shown) => {
      await work.refusesAtOnce({ args: ['--channel', channel] }, { code: 'E_CHANNEL', says: [shown] });
    },
    SLOW,
  );

  it('leaves a sound folder', () => work.expectSound(), SLOW);
});
