import { copyFileSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { recordFromCaches } from '../../src/engine/cache-records.js';
import { parseCondaInfo } from '../../src/engine/conda-info.js';
import { errorReport, explainFailure } from '../../src/engine/conda/explain-failure.js';
import { foreignInMamba } from '../../src/engine/conda/info-in-force.js';
import { PROGRAM_TRAITS, versionProblem } from '../../src/engine/conda/programs.js';
import type { FamilyProgram } from '../../src/engine/conda/programs.js';
import { placeOf } from '../../src/engine/join-records.js';
import { abilitiesOf } from '../../src/engine/conda/abilities.js';
import { printedJson } from '../../src/engine/printed-json.js';
import { channelFolderInCache } from '../../src/conda/channel/cache-layout.js';
import { linkedFrom } from '../../src/engine/package-caches.js';
import type { Channel } from '../../src/conda/channel/channel.js';
import { parseMatchSpec } from '../../src/conda/spec/match-spec.js';
import type { RepodataSource } from '../../src/conda/record/repodata-index.js';
import { scanRepodata } from '../../src/conda/record/repodata-scan.js';
import { nodeFileSystem } from '../../src/runtime/fs.js';
import { tempDir } from '../helpers/artifacts.js';
import { RECORDINGS, recorded, recordsOf } from '../helpers/recordings.js';

const ENGINES = readdirSync(RECORDINGS).filter((name) => /^(?:micro)?mamba-/.test(name));

const OWNER: Channel = { url: 'https://up.example/prometeia', name: 'prometeia', authenticated: true, role: 'owner' };
const BASE: Channel = { url: 'https://up.example/pkgs/main', name: 'main', authenticated: false, role: 'base' };
const TOLD = [
  { channel: OWNER, url: 'http://conda.anaconda.org/prometeia' },
  { channel: BASE, url: 'http://repo.anaconda.com/pkgs/main' },
];

it('every supported release of mamba and micromamba has a recording of its series', () => {
  for (const program of ['mamba', 'micromamba'] as const) {
    for (const series of PROGRAM_TRAITS[program].series!) {
      // 2.x is one program under two names.
      const names = series.startsWith('2.') ? ['mamba', 'micromamba'] : [program];
      const found = ENGINES.filter((engine) => names.some((name) => engine.startsWith(`${name}-${series}.`)));
      expect(found, `${program} ${series}`).not.toEqual([]);
    }
  }
});

describe.each(ENGINES)('what %s printed', (engine) => {
  const [program, version] = engine.split('-') as [FamilyProgram, string];

  it('info --json names program, version, caches, root, files and virtual packages', () => {
    const info = parseCondaInfo(recorded(engine, 'info.json'), { subject: 'info' });
    expect(info).toMatchObject({
      condaVersion: undefined,
      mamba: { program, version },
      platform: 'linux-64',
      pkgsDirs: ['/srv/run/pkgs'],
      rootPrefix: '/opt/mamba',
    });
    expect(info.virtualPackages).toEqual(expect.arrayContaining(['__unix=0=0', '__glibc=2.36=0']));
    expect(versionProblem(program, version)).toBeUndefined();
  });

  it('create --json ends with success, and python’s pip is in the solution', () => {
    const { success, actions } = printedJson(recorded(engine, 'create.stdout.json'), { subject: 'create' }) as {
      success: boolean;
      actions: { LINK: { name: string }[] };
    };
    expect(success).toBe(true);
    expect(actions.LINK.map(({ name }) => name)).toEqual(expect.arrayContaining(['python', 'pip', 'rateutil']));
  });

  it('conda-meta has url and both digests, a channel without subdir, and python’s dependencies', async () => {
    const records = await recordsOf(engine);
    const rateutil = records.find(({ name }) => name === 'rateutil')!;
    expect(rateutil).toMatchObject({ fn: 'rateutil-0.7-py_0.conda', subdir: 'noarch' });
    expect(rateutil.md5).toMatch(/^[0-9a-f]{32}$/);
    expect(rateutil.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(placeOf(rateutil, TOLD)).toEqual({ channel: OWNER, subdir: 'noarch', fn: rateutil.fn });
    expect(placeOf({ ...rateutil, url: undefined }, TOLD)).toMatchObject({ channel: OWNER, subdir: 'noarch' });
    const python = records.find(({ name }) => name === 'python')!;
    // 2.3 writes down the pip that it adds; it is never delivered (D4, and `recordFromCaches`).
    expect(python.depends).toEqual(['_libgcc_mutex', 'tzdata', ...(version!.startsWith('2.3.') ? ['pip'] : [])]);
  });

  it('lays its package cache flat, or from 2.6 on by channel and subdir', async () => {
    for (const record of await recordsOf(engine)) {
      const channel = record.url!.slice(0, record.url!.lastIndexOf('/'));
      const [url, subdir] = [channel.slice(0, channel.lastIndexOf('/')), channel.slice(channel.lastIndexOf('/') + 1)];
      const layered = join('/srv/run/pkgs', channelFolderInCache(url, subdir));
      expect(linkedFrom([record])).toEqual([abilitiesOf({ program, version }).bringsPip ? '/srv/run/pkgs' : layered]);
    }
  });

  it('D4 keeps the channel’s record in its package cache', async () => {
    const cache = tempDir();
    const info = join(cache, 'rateutil-0.7-py_0/info');
    mkdirSync(info, { recursive: true });
    copyFileSync(
      join(RECORDINGS, engine, 'repodata_record.rateutil-0.7-py_0.json'),
      join(info, 'repodata_record.json'),
    );
    const installed = (await recordsOf(engine)).find(({ name }) => name === 'rateutil')!;
    expect(await recordFromCaches(nodeFileSystem(), [cache], installed)).toMatchObject({
      name: 'rateutil',
      depends: ['pyyaml'],
      sha256: installed.sha256,
    });
  });

  it.each([
    ['create-not-found.txt', ['ratingpro=9'], 'E_PACKAGE_NOT_FOUND', /ratingpro=9/],
    ['create-not-found.txt', ['ratingpro', 'pytho'], 'E_UNSOLVABLE', /ratingpro, pytho/],
    ['create-unsolvable.txt', ['ratingpro', 'pytho'], 'E_UNSOLVABLE', /ratingpro, pytho/],
    ['create-refused.txt', ['ratingpro'], 'E_UPSTREAM', /could not get/],
    ['create-unreachable.txt', ['ratingpro'], 'E_UPSTREAM', /could not get/],
  ])('%s for %j becomes our own error', async (file, specs, code, what) => {
    const error = await explainFailure({
      result: {
        exitCode: 1,
        signal: undefined,
        stdout: recorded(engine, file),
        stderr: Buffer.alloc(0),
        truncated: false,
        timedOut: false,
        aborted: false,
        startError: undefined,
      },
      request: {
        specs: specs.map(parseMatchSpec),
        channels: [OWNER],
        channelPriority: 'flexible',
        profile: { subdir: 'linux-64', virtualPackages: [], client: undefined },
      },
      translate: (text) => text,
      source: published('ratingpro-2.4.1-0.conda', 'pytho-1.9-0.conda', 'python-3.9.18-0.conda'),
      engine: { program, version },
    });
    expect(error.code).toBe(code);
    expect(error.what).toMatch(what);
    expect(error.details.join('\n')).not.toMatch(/solver_problems|[{}]|mamba clean|mamba-org/);
    expect(error.details.length).toBeGreaterThan(0);
  });

  // Only of mamba 2 are there two names.
  if (!version!.startsWith('1.')) {
    it('info --json of the same build under its other name says so', () => {
      const info = parseCondaInfo(recorded(engine, 'info.micromamba.json'), { subject: 'info' });
      expect(info).toMatchObject({
        mamba: { program: 'micromamba', version },
        pkgsDirs: ['/srv/run/pkgs'],
        configFiles: [],
      });
    });
  }

  it('an unsolvable request is explained by the lines of its log', async () => {
    const stdout = recorded(engine, 'create-unsolvable.txt');
    const { text } = errorReport({ stdout, stderr: Buffer.alloc(0) });
    expect(text).toMatch(/blib <2 \*?, which can be installed/);
    expect(text).toContain('package alib-1.0-0 requires blib <2');
    expect(text.match(/Could not solve/g)).toHaveLength(1);
  });

  it('info --json in an isolated environment shows only what is ours', () => {
    const info = parseCondaInfo(recorded(engine, 'info.sealed.json'), { subject: 'info' });
    const expected = {
      channels: ['http://conda.anaconda.org/prometeia', 'http://repo.anaconda.com/pkgs/main'],
      subdir: 'linux-64',
      proxyUrl: 'http://run:password@127.0.0.1:4711',
      pkgsDir: '/srv/run/pkgs',
      channelsByOption: true,
      condarcPath: '/srv/run/house/condarc.yml',
      overridesArchspec: abilitiesOf({ program, version }).overridesArchspec,
      virtualPackages: [
        { name: '__unix', version: '0', build: '0' },
        { name: '__linux', version: '4.18', build: '0' },
        { name: '__glibc', version: '2.17', build: '0' },
        { name: '__archspec', version: '1', build: 'x86_64' },
      ],
    };
    expect(foreignInMamba(info, expected)).toEqual([]);
    // A machine of the build host's kind would be told apart.
    const other = { ...expected, virtualPackages: [{ name: '__glibc', version: '2.28', build: '0' }] };
    expect(foreignInMamba(info, other)).not.toEqual([]);
  });
});

function published(...names: readonly string[]): RepodataSource {
  const records = names.map((fn) => {
    const [name, version, build] = fn.slice(0, -'.conda'.length).split('-');
    return [fn, { name, version, build, build_number: 0, depends: [], subdir: 'linux-64' }];
  });
  const document = { packages: {}, 'packages.conda': Object.fromEntries(records) as unknown, repodata_version: 1 };
  return {
    repodata: async (channel, subdir) =>
      subdir === 'noarch' ? undefined : scanRepodata(Buffer.from(JSON.stringify(document)), `${channel.url}/${subdir}`),
  };
}
