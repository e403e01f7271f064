// @module-tag long
import { spawn, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Secret } from '../../src/base/secret.js';
import { condaUser, type CondaUser } from '../helpers/conda-user.js';
import { describeWithLayers, layerPath } from '../helpers/layers.js';
import { rattlerRequest } from '../helpers/rattler.js';
import type { Workplace } from '../helpers/programs.js';
import { FOR_CONDA43, openRealWorkplace } from '../helpers/real-upstream.js';
import { startServing, type Serving } from '../helpers/serving.js';

const SLOW = 300_000;
const TOKEN = 'site-5e4d3c2b-token';
const RATTLER = fileURLToPath(new URL('../helpers/rattler-client.py', import.meta.url));

/** `GET /path 200` of everything that was asked, in order. */
function asked(serving: Serving): string[] {
  return serving.events.flatMap((event) =>
    event.type === 'request' ? [`${event.method} ${event.path} ${event.status}`] : [],
  );
}

describeWithLayers(['conda43', 'upstream-bz2'], 'conda 4.3.16 as a client of serve', () => {
  let work: Workplace;
  let open: Serving;
  let closed: Serving;
  const users: Record<string, CondaUser> = {};
  beforeAll(async () => {
    work = await openRealWorkplace('bz2');
    const update = await work.update({ args: FOR_CONDA43 });
    expect(update.exitCode, update.stderr).toBe(0);
    open = await startServing(work.labelDir);
    closed = await startServing(work.root, {
      access: {
        token: new Secret(TOKEN),
        users: [
          { user: 'anna', password: new Secret('pa-ss.word') },
          { user: 'jörg', password: new Secret('grün:1') },
        ],
      },
    });
  });
  afterAll(async () => {
    await open.stop();
    await closed.stop();
    await work.close();
  });

  async function install(
    name: string,
    channel: string,
    packages: readonly string[] = ['ratekeys'],
  ): Promise<{ exitCode: number | null; text: string; prefix: string }> {
    const user = (users[name] ??= condaUser(join(work.dir, name)));
    user.configure({ channels: [channel], default_channels: [], show_channel_urls: true });
    const prefix = user.emptyEnvironment('rating');
    const ran = await user.conda(['install', ...packages], { active: prefix });
    return { exitCode: ran.exitCode, text: ran.stdout + ran.stderr, prefix };
  }

  it.each([['a ROOT with a token in the path', () => `${closed.url}/t/${TOKEN}/halkbank`]])(
    'installs from %s, and the packages work',
    async (name, url) => {
      const { exitCode, text, prefix } = await install(name.replaceAll(' ', '-'), url(), ['ratingpro', 'pytho']);
      expect(exitCode, text).toBe(0);
      const user = users[name.replaceAll(' ', '-')]!;
      const ran = await user.python(prefix, [
        '-c',
        'import pytho, ratingpro; print(ratingpro.__version__, pytho.__version__)',
      ]);
      expect(ran).toMatchObject({ stderr: '', stdout: '2.4.1 1.9\n' });
    },
    SLOW,
  );

  it.each([
    ['the folder at the top', () => open.url],
    ['the folder by its label', () => `${open.url}/halkbank`],
    ['a ROOT with user and password', () => `${closed.url.replace('//', '//anna:pa-ss.word@')}/halkbank`],
    ['a ROOT with umlauts and a colon', () => `${closed.url.replace('//', '//j%C3%B6rg:gr%C3%BCn%3A1@')}/halkbank`],
    ['a ROOT with the token as password', () => `${closed.url.replace('//', `//x:${TOKEN}@`)}/halkbank`],
  ])(
    'installs a package from %s',
    async (name, url) => {
      const { exitCode, text, prefix } = await install(name.replaceAll(' ', '-'), url());
      expect(exitCode, text).toBe(0);
      expect(readdirSync(join(prefix, 'conda-meta'))).toContain('ratekeys-1.1-h1_0.json');
    },
    SLOW,
  );

  it(
    'asks again with the tag, and is told that nothing is new',
    async () => {
      const user = users['the-folder-at-the-top']!;
      open.events.length = 0;
      const ran = await user.conda(['search', 'ratingpro']);
      expect(ran.exitCode, ran.stderr).toBe(0);
      expect(asked(open)).toEqual(
        expect.arrayContaining(['GET /linux-64/repodata.json 304', 'GET /noarch/repodata.json 304']),
      );
    },
    SLOW,
  );

  it(
    'updates to what is published while it is served',
    async () => {
      work.upstream.setGeneration(2);
      const update = await work.update({ args: FOR_CONDA43 });
      expect(update.exitCode, update.stderr).toBe(0);
      const user = users['a-ROOT-with-a-token-in-the-path']!;
      const prefix = user.emptyEnvironment('rating');
      const ran = await user.conda(['update', 'ratingpro', 'pytho'], { active: prefix });
      expect(ran.exitCode, ran.stdout + ran.stderr).toBe(0);
      const used = await user.python(prefix, [
        '-c',
        'import pytho, ratingpro; print(ratingpro.__version__, pytho.__version__)',
      ]);
      expect(used).toMatchObject({ stderr: '', stdout: '2.5.0 2.0\n' });
    },
    SLOW,
  );

  it.each([
    [
      'another token',
      () => `${closed.url}/t/wrong-token/halkbank`,
      /The token 'wrong-token' given for the URL is invalid/,
    ],
    ['nothing', () => `${closed.url}/halkbank`, /credentials you have provided for this URL are invalid/],
    [
      'a wrong password',
      () => `${closed.url.replace('//', '//anna:no@')}/halkbank`,
      /credentials you have provided for this URL are invalid/,
    ],
  ])(
    'is told what is wrong with %s',
    async (name, url, words) => {
      const { exitCode, text } = await install(`wrong-${name.replaceAll(' ', '-')}`, url());
      expect(exitCode).not.toBe(0);
      expect(text.replace(/\s+/g, ' ')).toMatch(words);
    },
    SLOW,
  );

  it('leaves no token in what the server says', () => {
    expect(JSON.stringify(closed.events)).not.toContain(TOKEN);
    expect(asked(closed)).toContain('GET /t/<TOKEN>/halkbank/linux-64/repodata.json 200');
    expect(asked(closed)).toContain('GET /t/<TOKEN>/halkbank/linux-64/repodata.json 401');
  });
});

describeWithLayers(['py-rattler', 'upstream-mixed'], 'py-rattler as a client of serve', () => {
  let work: Workplace;
  let open: Serving;
  let closed: Serving;
  beforeAll(async () => {
    work = await openRealWorkplace('mixed');
    const update = await work.update();
    expect(update.exitCode, update.stderr).toBe(0);
    open = await startServing(work.labelDir);
    closed = await startServing(work.root, { access: { token: new Secret(TOKEN) } });
  });
  afterAll(async () => {
    await open.stop();
    await closed.stop();
    await work.close();
  });

  async function rattler(
    channel: string,
    more: Record<string, unknown> = {},
  ): Promise<{ files: string[]; stderr: string }> {
    const input = rattlerRequest(channel, more);
    const child = spawn(layerPath('py-rattler'), [RATTLER], {
      env: { PATH: process.env['PATH'], HOME: join(work.dir, 'rattler-home') },
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (text) => (stdout += text));
    child.stderr.on('data', (text) => (stderr += text));
    child.stdin.end(input);
    const code = await new Promise((resolve) => child.on('close', resolve));
    return { files: code === 0 ? (JSON.parse(stdout) as string[]) : [], stderr };
  }

  it.each([
    ['the folder at the top', () => open.url],
    ['the folder by its label', () => `${open.url}/halkbank`],
    ['a ROOT with a token in the path', () => `${closed.url}/t/${TOKEN}/halkbank`],
  ])(
    'solves and installs from %s, and the packages work',
    async (name, url) => {
      const prefix = join(work.dir, 'environments', name.replaceAll(' ', '-'));
      const { files, stderr } = await rattler(url(), {
        prefix,
        cache: join(work.dir, 'caches', name.replaceAll(' ', '-')),
      });
      expect(files, stderr).toContain('noarch/ratingpro-2.4.1-py_0.conda');
      const ran = spawnSync(
        join(prefix, 'bin', 'python'),
        ['-c', 'import pytho, ratingpro; print(ratingpro.__version__)'],
        { encoding: 'utf8', env: { PATH: process.env['PATH'] } },
      );
      expect(ran).toMatchObject({ stderr: '', stdout: '2.4.1\n' });
    },
    SLOW,
  );

  it(
    'is told that it may not read',
    async () => {
      const { files, stderr } = await rattler(`${closed.url}/t/wrong-token/halkbank`);
      expect(files).toEqual([]);
      expect(stderr).toContain('401');
    },
    SLOW,
  );

  it('takes the shards where they are offered, and finds the same in them', async () => {
    const sharded = await startServing(work.labelDir, { shards: true });
    try {
      expect((await rattler(sharded.url)).files).toEqual((await rattler(open.url)).files);
      const lines = asked(sharded).filter((line) => !/\.(conda|tar\.bz2) /.test(line));
      expect(lines).toEqual(
        expect.arrayContaining([
          'GET /linux-64/repodata_shards.msgpack.zst 200',
          expect.stringMatching(/^GET \/noarch\/[0-9a-f]{64}\.msgpack\.zst 200$/) as string,
        ]),
      );
      expect(lines.filter((line) => line.includes('repodata.json'))).toEqual([]);
    } finally {
      await sharded.stop();
    }
  });

  it('takes the compressed index, and nothing that is not there stops it', async () => {
    expect((await rattler(open.url)).files).not.toEqual([]);
    const heads = asked(open).filter((line) => !line.includes('.conda') && !line.includes('.tar.bz2'));
    expect(heads).toEqual(
      expect.arrayContaining([
        'GET /linux-64/repodata_shards.msgpack.zst 404',
        'HEAD /linux-64/repodata.json.bz2 404',
        'HEAD /linux-64/repodata.json.zst 200',
        'GET /linux-64/repodata.json.zst 200',
      ]),
    );
  });
});
