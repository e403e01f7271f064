import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { snapshot } from '../../scripts/lib/snapshot.js';
import type { Manifest } from '../../src/channel/manifest/manifest.js';
import { openWorkplace, type Ran, type Workplace } from '../helpers/programs.js';
import { reportOf } from '../helpers/real-upstream.js';
import { TOKEN } from '../helpers/upstream.js';

const BOTH = ['--subdir', 'linux-64', '--subdir', 'win-64'];

const PACKAGES = [
  'ratingpro',
  'pytho',
  'pandas',
  'ratedocs',
  'bothways',
  'halkdata',
  'wheel',
  'setuptools',
  'alib',
  'ratemodels',
  'ratekeys',
  'pip',
  'oldmath',
];

interface Locked {
  subdir: string;
  fn: string;
  url: string;
  sha256: string;
}

/** Locks are made of what a solve delivered, in each form, with the token where programs leave it. */
describe('a lock as request', () => {
  let work: Workplace;
  let solved: Locked[];

  beforeAll(async () => {
    work = await openWorkplace();
    const ran = await work.update({ packages: PACKAGES, args: [...BOTH, '--json'] });
    expect(ran.exitCode, ran.stderr).toBe(0);
    const manifest = JSON.parse(readFileSync(join(work.labelDir, 'manifest.json'), 'utf8')) as Manifest;
    solved = reportOf(ran).artifacts.map(({ subdir, fn, channel }) => {
      const path = `${subdir}/${fn}`;
      const url = `${channel}/${path}`;
      return { subdir, fn, url, sha256: manifest.files.find((file) => file.path === path)!.sha256 };
    });
  });
  afterAll(() => work.close());

  const of = (platform: string): Locked[] => solved.filter(({ subdir }) => subdir === platform || subdir === 'noarch');
  const withToken = (url: string): string => url.replace('/prometeia', `/t/${TOKEN}/prometeia`);

  function pixiLock(): string {
    const list = (platform: string) => of(platform).map(({ url }) => `      - conda: ${url}`);
    return [
      'version: 6',
      'environments:',
      '  prod:',
      '    channels: []',
      '    packages:',
      ...['linux-64', 'win-64'].map((platform) => `      ${platform}:\n${list(platform).join('\n')}`),
      'packages:',
      ...solved.flatMap(({ url, sha256 }) => [`- conda: ${url}`, `  sha256: ${sha256}`]),
      '',
    ].join('\n');
  }

  function condaLock(): string {
    const entries = ['linux-64', 'win-64'].flatMap((platform) =>
      of(platform).map(
        ({ fn, url, sha256 }) =>
          `- {name: ${fn.split('-')[0]}, manager: conda, platform: ${platform}, url: '${withToken(url)}', hash: {sha256: ${sha256}}}`,
      ),
    );
    return ['version: 1', 'metadata: {}', 'package:', ...entries, ''].join('\n');
  }

  const explicit = (lines = of('linux-64').map(({ url, sha256 }) => `${withToken(url)}#sha256:${sha256}`)): string =>
    ['# platform: linux-64', '@EXPLICIT', ...lines, ''].join('\n');

  async function deliver(name: string, text: string, args: readonly string[] = []): Promise<Ran & { dir: string }> {
    const root = join(work.dir, `root of ${name}`);
    mkdirSync(root, { recursive: true });
    writeFileSync(join(root, name), text);
    const ran = await work.run('update-offline-repo', [
      'halkbank',
      'env:CONDA_TOKEN',
      root,
      '--lock',
      join(root, name),
      '--owner',
      'prometeia',
      '--base-url',
      work.upstream.url,
      '--channel',
      work.upstream.channels.base,
      '--cache-dir',
      work.cache,
      ...args,
    ]);
    return { ...ran, dir: join(root, 'halkbank') };
  }

  /** Digests of artifacts and indexes. */
  /** Artifacts and indexes; papers tell what was asked for too. */
  const content = (dir: string): Record<string, string> => {
    const found = [...snapshot(dir)].filter(([path]) => path.includes('/') && !path.startsWith('papers/'));
    expect(found.length).toBeGreaterThan(10);
    return Object.fromEntries(found.map(([path, file]) => [path, file.sha256]));
  };

  it('has 24 packages and more, of the base channel, of the owner behind the token, and of the label', () => {
    const folders = solved.map(({ url }) => new URL(url).pathname.split('/').slice(1, -2).join('/'));
    expect(new Set(folders)).toEqual(new Set(['pkgs/main', 'prometeia', 'prometeia/label/halkbank']));
    expect(solved.length).toBeGreaterThanOrEqual(24);
  });

  it('a pixi.lock for two platforms gives artifacts and indexes as the solve did, byte for byte', async () => {
    const ran = await deliver('pixi.lock', pixiLock(), ['--lock-environment', 'prod', '--json']);
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(content(ran.dir)).toEqual(content(work.labelDir));
    expect(reportOf(ran)).toMatchObject({
      engines: [{ kind: 'lock', version: 'pixi.lock 6' }],
      subdirs: ['linux-64', 'win-64'],
    });
    expect((await work.verify(ran.dir)).exitCode).toBe(0);
  });

  it('a conda-lock.yml whose URLs hold the token does too, and the token is nowhere', async () => {
    const ran = await deliver('conda-lock.yml', condaLock());
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(content(ran.dir)).toEqual(content(work.labelDir));
    expect(ran.stderr).toContain('a token or password stands in');
    expect(ran.stdout + ran.stderr + JSON.stringify([...snapshot(ran.dir)])).not.toContain(TOKEN);
  });

  it('the conda-lock.yml beside the folder does too, from the folder alone, and no lock of ours names the token', async () => {
    const file = join(work.root, 'halkbank.conda-lock.yml');
    const text = readFileSync(file, 'utf8');
    const url = pathToFileURL(work.labelDir).href;
    const ran = await deliver('conda-lock.yml', text.replaceAll('file:///CHANNEL-FOLDER', url), ['--channel', url]);
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(content(ran.dir)).toEqual(content(work.labelDir));
    expect((await work.update({ packages: PACKAGES, args: BOTH })).exitCode).toBe(0);
    expect(readFileSync(file, 'utf8')).toBe(text);
    expect(text).not.toContain(TOKEN);
    const asIs = await deliver('as it is.yml', text);
    expect(asIs.exitCode).toBe(2);
    expect(asIs.stderr).toContain('CHANNEL-FOLDER');
  });

  it('an explicit lock gives its one platform, and without PACKAGE the next run asks for the same', async () => {
    const ran = await deliver('explicit.txt', explicit());
    expect(ran.exitCode, ran.stderr).toBe(0);
    const of = (dir: string, subdir: string) => Object.keys(content(dir)).filter((path) => path.startsWith(subdir));
    expect(of(ran.dir, 'linux-64')).toEqual(of(work.labelDir, 'linux-64'));
    const again = await deliver('explicit.txt', explicit(), ['--json']);
    expect(reportOf(again).published).toMatchObject({ unchanged: true, bytesWritten: 0 });
  });

  it('what pip and sources made is listed, exit 1', async () => {
    const wheel = `      - pypi: https://files.example/requests-2.32.0-py3-none-any.whl`;
    const text = pixiLock().replace('      win-64:', `${wheel}\n      win-64:`);
    const ran = await deliver('with wheels.lock', text, ['--lock-environment', 'prod', '--json']);
    expect(ran.exitCode, ran.stderr).toBe(1);
    const subject = 'https://files.example/requests-2.32.0-py3-none-any.whl';
    const { findings } = reportOf(ran);
    // oldmath has no sha256 in its index, whatever asks for it.
    expect(findings.filter(({ code }) => code !== 'md5-only')).toMatchObject([
      { code: 'not-conda', subject, exit: true },
    ]);
    expect(content(ran.dir)).toEqual(content(work.labelDir));
  });

  it.each<[string, () => string, string[], number, string[]]>([
    ['packages beside it', explicit, ['--packages-file', 'x.txt'], 2, ['E_USAGE', '--lock']],
    ['a platform it has not', explicit, ['--subdir', 'osx-arm64'], 2, ['E_LOCK_FILE', 'osx-arm64', 'linux-64']],
    [
      'a channel that is not declared',
      () => explicit(['https://elsewhere.example/chan/linux-64/x-1-0.conda#' + 'a'.repeat(32)]),
      [],
      3,
      ['E_SOURCE_NOT_ALLOWED', 'https://elsewhere.example/chan'],
    ],
    [
      'other bytes than the channel',
      () => explicit(of('linux-64').map(({ url }) => `${url}#sha256:${'0'.repeat(64)}`)),
      [],
      5,
      ['E_ARTIFACT_CHANGED'],
    ],
    [
      'no digest, and not in the index',
      () => explicit([`${work.upstream.channels.base}/linux-64/gone-1.0-0.conda`]),
      [],
      4,
      ['E_ARTIFACT_MISSING', 'linux-64/gone-1.0-0.conda'],
    ],
    [
      'a digest, but gone',
      () => explicit([`${work.upstream.channels.base}/linux-64/gone-1.0-0.conda#sha256:${'a'.repeat(64)}`]),
      [],
      4,
      ['gone-1.0-0.conda'],
    ],
    ['an old client', explicit, ['--client', 'conda 4.4'], 3, ['E_CLIENT_FORMAT', '.conda']],
    [
      'a part of what is needed',
      () =>
        explicit(
          of('linux-64')
            .slice(0, 3)
            .map(({ url, sha256 }) => `${url}#sha256:${sha256}`),
        ),
      [],
      8,
      ['E_PROOF'],
    ],
  ])('wrong: %s', async (name, text, args, exitCode, says) => {
    const ran = await deliver(`${name}.txt`, text(), args);
    expect(ran.exitCode, ran.stderr).toBe(exitCode);
    for (const part of says) expect(ran.stderr).toContain(part);
    expect([...snapshot(ran.dir)]).toEqual([]);
  });

  it('a package of one platform is asked for there alone', async () => {
    const root = join(work.dir, 'one platform');
    const args = [...BOTH, '--json'];
    const ran = await work.update({ root, packages: ['ratingpro', 'numpy[subdir=win-64]'], args });
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(reportOf(ran).specs).toContain("numpy[subdir='win-64']");
    const refused = await work.update({ root, packages: ['numpy[subdir=win-64]'], args: ['--subdir', 'linux-64'] });
    expect(refused.exitCode).toBe(2);
    expect(refused.stderr).toContain('--subdir win-64');
  });
});
