import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { LAYERS_DIR } from '../../scripts/lib/layers.js';
import { changesBetween, snapshot, type Snapshot } from '../../scripts/lib/snapshot.js';
import { describeWithLayers } from '../helpers/layers.js';
import { startOldUpstream } from '../helpers/old-upstream.js';
import { openWorkplace, type Ran, type UpdateOptions, type Workplace } from '../helpers/programs.js';
import { expectNothingLeft } from '../helpers/refusals.js';
import { startSampleUpstream, TOKEN, type TestUpstream } from '../helpers/upstream.js';

const SLOW = 300_000;

/** A token of the user's own, stored by anaconda-client and in ~/.netrc: nobody's business. */
const STORED = 'zz-00112233-stored-token';
/** Answers nothing; whatever goes by way of it fails. */
const DEAD_PROXY = `http://user:${STORED}@127.0.0.1:9`;

/** Everything by which a person's configuration changes what conda does. */
function condarc(url: string): string {
  return [
    'channels:',
    `  - ${url}/foreign`,
    'default_channels:',
    `  - ${url}/foreign-default`,
    'create_default_packages:',
    '  - blib',
    'pinned_packages:',
    '  - pytho 1.8',
    'track_features:',
    '  - mkl',
    'disallow:',
    '  - numpy',
    'proxy_servers:',
    `  http: ${DEAD_PROXY}`,
    `  https: ${DEAD_PROXY}`,
    'offline: true',
    'add_anaconda_token: true',
    'always_copy: true',
    '',
  ].join('\n');
}

let upstream: TestUpstream;
let work: Workplace;
/** What is delivered where nothing is configured. */
let plain: string[];

/** Files with their content; folders for them are made. */
function write(dir: string, files: Record<string, string>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), content);
  }
}

function configureUser(): void {
  const url = upstream.url;
  write(work.home, {
    '.condarc': condarc(url),
    '.conda/.condarc': condarc(url),
    '.netrc': `machine 127.0.0.1\nlogin user\npassword ${STORED}\n`,
    // conda/gateways/anaconda_client.py looks here; the name is the percent-encoded address.
    [`.local/share/binstar/${encodeURIComponent(url)}.token`]: STORED,
    [`.continuum/anaconda-client/tokens/${encodeURIComponent(url)}.token`]: STORED,
    '.conda/environments.txt': '/somewhere/else\n',
  });
}

async function expectUnmoved(options: UpdateOptions): Promise<Ran> {
  const home = snapshot(work.home);
  const asked = upstream.requests.length;
  const ran = await work.update(options);
  expect(ran.exitCode, ran.stderr).toBe(0);
  expect(artifacts(work.published())).toEqual(plain);
  // Byte by byte, times too, and nothing beside them.
  expect(changesBetween(home, snapshot(work.home))).toEqual([]);
  const requests = upstream.requests.slice(asked);
  expect(requests.filter(({ path }) => path.includes('foreign'))).toEqual([]);
  expect(requests.filter(({ path, headers }) => `${path} ${JSON.stringify(headers)}`.includes(STORED))).toEqual([]);
  expect(requests.filter(({ headers }) => headers.authorization !== undefined)).toEqual([]);
  expect(ran.stdout + ran.stderr).not.toContain(STORED);
  expectNothingLeft(work);
  return ran;
}

function artifacts(files: Snapshot): string[] {
  return [...files.keys()].filter((path) => /\.(conda|tar\.bz2)$/.test(path));
}

/** The set without any configuration, in a workplace of its own. */
async function plainSet(options: UpdateOptions): Promise<string[]> {
  const other = await openWorkplace({ upstream });
  const ran = await other.update(options);
  expect(ran.exitCode, ran.stderr).toBe(0);
  const found = artifacts(other.published());
  await other.close();
  return found;
}

describe('J10 the embedded engine', () => {
  beforeAll(async () => {
    upstream = await startSampleUpstream();
    plain = await plainSet({});
  }, SLOW);
  afterAll(() => upstream.close());
  beforeEach(async () => {
    work = await openWorkplace({ upstream });
  });
  afterEach(() => work.close());

  it(
    'knows nothing of the user’s .condarc, stored token and .netrc',
    async () => {
      configureUser();
      await expectUnmoved({});
    },
    SLOW,
  );
});

describeWithLayers(['conda43'], 'J10 conda 4.3.16', () => {
  let installation: string;
  let byConda: UpdateOptions;

  beforeAll(async () => {
    upstream = await startOldUpstream();
  });
  afterAll(() => upstream.close());
  beforeEach(async () => {
    work = await openWorkplace({ upstream });
    // An installation of our own, by hard links: its configuration is beside its programs.
    installation = join(work.dir, 'miniconda');
    const { status, stderr } = spawnSync('cp', ['-al', join(LAYERS_DIR, 'conda43'), installation], {
      encoding: 'utf8',
    });
    expect(status, stderr).toBe(0);
    byConda = { args: ['--engine', 'conda', '--engine-path', join(installation, 'bin/conda')] };
  });
  afterEach(() => work.close());

  it(
    'is the same with the user’s and the installation’s configuration as without; both stay as they were',
    async () => {
      plain = await plainSet(byConda);
      configureUser();
      write(installation, {
        '.condarc': condarc(upstream.url),
        'conda-meta/pinned': 'pytho 1.8\n',
        'condarc.d/more.yml': condarc(upstream.url),
      });
      const before = snapshot(installation);
      const ran = await expectUnmoved(byConda);
      expect(changesBetween(before, snapshot(installation))).toEqual([]);
      expect(plain).toContain('noarch/pytho-1.9-0.tar.bz2');
      expect(plain.filter((path) => path.includes('blib'))).toEqual([]);
      expect(ran.stdout).toContain('conda 4.3.16');
    },
    SLOW,
  );

  it(
    'A19 the environment’s variables have no effect, and those that could have had one are named',
    async () => {
      plain = await plainSet(byConda);
      const file = join(work.dir, 'foreign.condarc');
      writeFileSync(file, condarc(upstream.url));
      const { stderr } = await expectUnmoved({
        ...byConda,
        env: {
          CONDARC: file,
          CONDA_CHANNELS: `${upstream.url}/foreign`,
          CONDA_SUBDIR: 'win-64',
          CONDA_OFFLINE: '1',
          CONDA_ALWAYS_COPY: '1',
          CONDA_CREATE_DEFAULT_PACKAGES: 'blib',
          CONDA_TRACK_FEATURES: 'mkl',
          PYTHONPATH: join(work.dir, 'nowhere'),
          PIP_INDEX_URL: 'http://127.0.0.1:9/simple',
          http_proxy: '',
        },
      });
      const [, named = ''] = /without effect on the engine: (.*)/.exec(stderr) ?? [];
      const names = [
        'CONDARC',
        'CONDA_ALWAYS_COPY',
        'CONDA_CHANNELS',
        'CONDA_CREATE_DEFAULT_PACKAGES',
        'CONDA_OFFLINE',
        'CONDA_SUBDIR',
        'CONDA_TRACK_FEATURES',
        'PIP_INDEX_URL',
        'PYTHONPATH',
      ];
      for (const name of names) expect(named.split(', ')).toContain(name);
      expect(readFileSync(file, 'utf8')).toBe(condarc(upstream.url));
      expect(stderr).not.toContain(TOKEN);
    },
    SLOW,
  );
});
