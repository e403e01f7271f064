import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isRepackError, type RepackError } from '../../../../src/base/errors.js';
import { reveal } from '../../../../src/base/secret.js';
import type { LockFile } from '../../../../src/config/lock-file/lock-file.js';
import { readLockText } from '../../../../src/config/lock-file/read-lock.js';
import { specsOfLocked } from '../../../../src/config/lock-file/specs.js';

const fixture = (name: string): string =>
  readFileSync(new URL(`../../../fixtures/locks/${name}`, import.meta.url), 'utf8');

/** `channel subdir/fn sha256`, sorted. */
const lines = (lock: LockFile, platform = 'linux-64'): string[] =>
  (lock.packages.get(platform) ?? [])
    .map((each) => `${each.channelUrl} ${each.subdir}/${each.fn} ${each.sha256}`)
    .sort();

const paths = (lock: LockFile, platform: string): string[] =>
  (lock.packages.get(platform) ?? []).map(({ subdir, fn }) => `${subdir}/${fn}`).sort();

describe('locks of one environment, made by the real programs', () => {
  const explicit = readLockText(fixture('explicit-sha256.txt'), 'explicit.txt');

  it.each([
    ['pixi-6.lock', 'pixi.lock', '6'],
    ['conda-lockfiles.yml', 'conda-lock.yml', '1'],
    ['conda-lock.yml', 'conda-lock.yml', '1'],
  ])('%s names what the explicit lock names', (name, form, version) => {
    const lock = readLockText(fixture(name), name);
    expect(lines(lock)).toEqual(lines(explicit));
    expect(lines(lock)).toHaveLength(13);
    expect(lock).toMatchObject({ form, version, notConda: [] });
  });

  it('has two platforms in a conda-lock.yml, with what each has of noarch', () => {
    const lock = readLockText(fixture('conda-lock.yml'), 'conda-lock.yml');
    expect([...lock.packages.keys()]).toEqual(['linux-64', 'win-64']);
    expect(
      paths(lock, 'win-64')
        .map((path) => path.replace('win-64/', 'linux-64/'))
        .sort(),
    ).toEqual(paths(lock, 'linux-64'));
  });

  it('reads the md5 of the older form, and drops the token of a URL', () => {
    const lock = readLockText(fixture('explicit-md5.txt'), 'explicit.txt');
    const [first] = lock.packages.get('linux-64')!;
    expect(first).toMatchObject({ md5: expect.stringMatching(/^[0-9a-f]{32}$/) as string, sha256: undefined });
    expect(JSON.stringify([...lock.packages])).not.toContain('xx-lock-token-in-url');
    expect(lock.secrets.map((secret) => reveal(secret))).toContain('xx-lock-token-in-url');
  });

  it('asks for each package exactly, and where there are two platforms for what is one platform’s there alone', () => {
    expect(specsOfLocked(explicit, ['linux-64']).map(({ text }) => text)).toContain('python=3.9.18=h0_0_cpython');
    const both = specsOfLocked(readLockText(fixture('conda-lock.yml'), 'conda-lock.yml'), ['linux-64', 'win-64']);
    expect(both.filter(({ name }) => name === 'numpy').map(({ subdir }) => subdir)).toEqual(['linux-64', 'win-64']);
    expect(both.find(({ name }) => name === 'six')?.text).toBe('six=1.16.0=py_0');
  });
});

const CHANNEL = 'https://conda.anaconda.org/conda-forge';
const SHA = 'a'.repeat(64);

/** pixi.lock by its documented form. */
const pixi = (version: number, body: string): string => `version: ${version}\n${body}`;

const V7 = pixi(
  7,
  `platforms:
- name: linux-cuda
  subdir: linux-64
  virtual-packages:
  - __cuda >=12
environments:
  default:
    channels:
    - url: ${CHANNEL}/
    packages:
      linux-cuda:
      - conda: ${CHANNEL}/noarch/six-1.16.0-pyh_0.conda
      - conda_source: "mine[ac2e8eb3] @ ../mine"
      - pypi: https://files.example/requests-2.32.0-py3-none-any.whl
  dev:
    channels: []
    packages: {}
packages:
- conda: ${CHANNEL}/noarch/six-1.16.0-pyh_0.conda
  sha256: ${SHA}
  md5: 12345678901234567890123456789012
- conda_source: "mine[ac2e8eb3] @ ../mine"
- pypi: https://files.example/requests-2.32.0-py3-none-any.whl
  name: requests
  version: 2.32.0
`,
);

const V4 = pixi(
  4,
  `environments:
  default:
    channels:
    - url: ${CHANNEL}/
    packages:
      linux-64:
      - conda: ${CHANNEL}/noarch/six-1.16.0-pyh_0.conda
packages:
- kind: conda
  name: six
  version: 1.16.0
  build: pyh_0
  subdir: noarch
  url: ${CHANNEL}/noarch/six-1.16.0-pyh_0.conda
  sha256: ${SHA}
`,
);

describe('forms of rattler', () => {
  it('7: platforms with a name of their own, source packages and wheels, an md5 of digits alone', () => {
    const lock = readLockText(V7, 'pixi.lock');
    expect([...lock.packages.keys()]).toEqual(['linux-64']);
    expect(lock.packages.get('linux-64')).toMatchObject([
      { fn: 'six-1.16.0-pyh_0.conda', sha256: SHA, md5: '12345678901234567890123456789012' },
    ]);
    expect(lock.notConda).toEqual([
      { name: 'mine[ac2e8eb3] @ ../mine', kind: 'a source package' },
      { name: 'requests', kind: 'a package of PyPI' },
    ]);
  });

  it('4: kind and url', () => {
    expect(lines(readLockText(V4, 'pixi.lock'))).toEqual([`${CHANNEL} noarch/six-1.16.0-pyh_0.conda ${SHA}`]);
  });

  it('conda.lock: version 1 of conda-workspaces', () => {
    const lock = readLockText(fixture('pixi-6.lock').replace('version: 6', 'version: 1'), 'conda.lock');
    expect(lock).toMatchObject({ form: 'conda.lock', version: '1' });
    expect(lines(lock)).toHaveLength(13);
  });

  it('another environment', () => {
    expect([...readLockText(V7, 'pixi.lock', 'dev').packages.keys()]).toEqual([]);
  });
});

const CONDA_LOCK = `version: 1
metadata: {}
package:
- {name: six, manager: conda, platform: linux-64, url: '${CHANNEL}/noarch/six-1.16.0-pyh_0.conda', hash: {sha256: ${SHA}}, category: main}
- {name: pytest, manager: conda, platform: linux-64, url: '${CHANNEL}/noarch/pytest-8.0.0-pyh_0.conda', hash: {sha256: ${SHA}}, category: dev}
- {name: requests, manager: pip, platform: linux-64, url: 'https://files.example/requests-2.32.0-py3-none-any.whl', hash: {sha256: ${SHA}}, category: main}
`;

it('categories: main, and the one that is named', () => {
  const main = readLockText(CONDA_LOCK, 'conda-lock.yml');
  expect(main.packages.get('linux-64')?.map(({ fn }) => fn)).toEqual(['six-1.16.0-pyh_0.conda']);
  expect(main).toMatchObject({ notConda: [{ name: 'requests' }], leftOut: expect.stringContaining('dev') as string });
  const dev = readLockText(CONDA_LOCK, 'conda-lock.yml', 'dev');
  expect(dev.packages.get('linux-64')).toHaveLength(2);
  expect(dev.leftOut).toBeUndefined();
});

const explicit = (...urls: string[]): string => ['@EXPLICIT', ...urls, ''].join('\n');

describe('is refused with place and remedy', () => {
  it.each<[string, string, string | undefined, RegExp, RegExp]>([
    ['an environment that is not there', V7, 'prod', /no environment prod/, /default, dev/],
    ['a version that is not known', V7.replace('version: 7', 'version: 8'), undefined, /Version 8/, /4, 5, 6, 7/],
    ['conda-lock 2', CONDA_LOCK.replace('version: 1', 'version: 2'), undefined, /Version 2/, /version 1/],
    ['a category that is not there', CONDA_LOCK, 'docs', /category docs/, /main, dev/],
    ['a digest that is none', V7.replace(SHA, 'abc'), undefined, /sha256 is none/, /made anew/],
    [
      'a URL without a subdir',
      explicit('https://h.example/noarch.d/six-1.16.0-pyh_0.conda'),
      undefined,
      /not that of a package/,
      /SUBDIR/,
    ],
    ['a file name that is none', explicit(`${CHANNEL}/noarch/six.conda`), undefined, /six\.conda/, /made anew/],
    [
      'two platforms',
      explicit(`${CHANNEL}/linux-64/a-1-0.conda`, `${CHANNEL}/win-64/a-1-0.conda`),
      undefined,
      /one platform/,
      /Split/,
    ],
    ['no platform', explicit(`${CHANNEL}/noarch/a-1-0.conda`), undefined, /which platform/, /# platform:/],
    ['none at all', explicit(), undefined, /No package/, /made anew/],
    [
      'an environment of an explicit lock',
      explicit(`${CHANNEL}/linux-64/a-1-0.conda`),
      'dev',
      /no environments/,
      /--lock-environment/,
    ],
    [
      'our own, its folder not filled in',
      explicit('file:///CHANNEL-FOLDER/linux-64/a-1-0.conda'),
      undefined,
      /CHANNEL-FOLDER/,
      /Put the folder/,
    ],
    [
      'two platforms of one subdir',
      V7.replace('- name: linux-cuda', '- name: linux-64\n- name: linux-cuda').replace(
        '      linux-cuda:',
        `      linux-64:\n      - conda: ${CHANNEL}/noarch/six-1.16.0-pyh_0.conda\n      linux-cuda:`,
      ),
      undefined,
      /Two platforms/,
      /lock again/,
    ],
    ['a platform that is none', V7.replace('subdir: linux-64', 'subdir: amiga'), undefined, /no subdir/, /linux-64/],
    ['an environment.yml', 'dependencies:\n- numpy\n', undefined, /no lock/, /--packages-file/],
    ['a uv.lock', 'version = 1\n[[package]]\nname = "x"\n', undefined, /uv\.lock/, /--packages-file/],
    ['a broken one', 'environments: [1\n', undefined, /./, /./],
    [
      'a list where a table belongs',
      'version: 6\nenvironments: []\n',
      undefined,
      /no lock that can be read/,
      /made anew/,
    ],
  ])('%s', (_, text, environment, what, hint) => {
    const error = refusal(() => readLockText(text, 'some.lock', environment));
    expect(error.code).toBe('E_LOCK_FILE');
    expect(error.what).toMatch(what);
    expect(error.hint).toMatch(hint);
    expect(error.where).toContain('some.lock');
  });
});

function refusal(work: () => unknown): RepackError {
  try {
    work();
  } catch (error) {
    if (isRepackError(error)) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}
