import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { chosenPrefix } from '../../src/engine/capture/envinfo.js';
import { channelPlaceOf } from '../../src/engine/capture/record-place.js';
import { recordFromCaches } from '../../src/engine/cache-records.js';
import { isInstalled, parseCondaInfo } from '../../src/engine/conda-info.js';
import { explainFailure } from '../../src/engine/conda/explain-failure.js';
import { printedJson } from '../../src/engine/printed-json.js';
import { parseMatchSpec } from '../../src/conda/spec/match-spec.js';
import { nodeFileSystem } from '../../src/runtime/fs.js';
import { tempDir } from '../helpers/artifacts.js';
import { RECORDINGS, recorded, recordsOf } from '../helpers/recordings.js';

const CONDAS = ['conda-4.3.16', 'conda-4.4.11', 'conda-26.7.1'] as const;
const TOKEN = 'xx-0123456789-recorded';

describe.each(CONDAS)('what %s printed', (engine) => {
  it('info --json names version, caches and root', () => {
    const info = parseCondaInfo(recorded(engine, 'info.json'), { subject: 'info' });
    expect(info).toMatchObject({
      condaVersion: engine.slice('conda-'.length),
      platform: 'linux-64',
      pkgsDirs: ['/srv/run/pkgs'],
      rootPrefix: '/opt/conda',
      defaultPrefix: '/opt/conda',
      activePrefix: undefined,
    });
    expect(chosenPrefix(info, undefined)).toBeUndefined();
  });

  it('info --json in an activated environment names it, but not in 4.3', () => {
    const info = parseCondaInfo(recorded(engine, 'info.active.json'), { subject: 'info' });
    const byVariable = { prefix: '/srv/run/env', chosenBy: 'CONDA_PREFIX' };
    const expected = engine === 'conda-4.3.16' ? byVariable : { prefix: '/srv/run/env', chosenBy: 'active_prefix' };
    expect(chosenPrefix(info, '/srv/run/env')).toEqual(expected);
  });

  it('B2 create --json is read to its last object, past the progress lines', () => {
    expect(printedJson(recorded(engine, 'create.stdout.json'), { subject: 'create' })['success']).toBe(true);
  });

  it('conda-meta says where an artifact was published, without token or mask', async () => {
    const records = await recordsOf(engine);
    const fn = engine === 'conda-26.7.1' ? 'rateutil-0.7-py_0.conda' : 'rateutil-0.7-py_0.tar.bz2';
    const record = records.find((each) => each.name === 'rateutil')!;
    expect(record).toMatchObject({ fn, version: '0.7', build: 'py_0', subdir: 'noarch', noarch: 'generic' });
    expect(record.md5).toMatch(/^[0-9a-f]{32}$/);
    expect(record.sha256 === undefined).toBe(engine !== 'conda-26.7.1');
    expect(channelPlaceOf(record)).toEqual({
      channelUrl: 'http://channels.example/prometeia',
      subdir: 'noarch',
      fn,
      hadSecret: true,
    });
    expect(record.cachePaths.length).toBeGreaterThan(0);
  });

  it.each([
    ['create-not-found', ['ratingpro=9'], 'E_PACKAGE_NOT_FOUND', /ratingpro/],
    ['create-unreachable', ['rateutil'], 'E_UPSTREAM', /could not get/],
    [
      'create-bad-token',
      ['rateutil'],
      engine === 'conda-26.7.1' ? 'E_UPSTREAM' : 'E_PACKAGE_NOT_FOUND',
      engine === 'conda-26.7.1' ? /could not get/ : /rateutil/,
    ],
  ])('%s becomes our own error', async (name, specs, code, what) => {
    const error = await explainFailure({
      result: {
        exitCode: 1,
        signal: undefined,
        stdout: recorded(engine, `${name}.stdout.json`),
        stderr: Buffer.alloc(0),
        truncated: false,
        timedOut: false,
        aborted: false,
        startError: undefined,
      },
      request: {
        specs: specs.map(parseMatchSpec),
        channels: [{ url: 'https://up.example/prometeia', name: 'prometeia', authenticated: true, role: 'owner' }],
        channelPriority: 'flexible',
        profile: { subdir: 'linux-64', virtualPackages: [], client: undefined },
      },
      translate: (text) => text.replaceAll('http://channels.example', 'https://up.example'),
      source: { repodata: async () => undefined },
      engine: { program: 'conda', version: engine.slice('conda-'.length) },
    });
    expect(error.code).toBe(code);
    expect(error.what).toMatch(what);
    expect(error.details.length).toBeGreaterThan(0);
    expect(JSON.stringify([error.what, error.details])).not.toMatch(/anaconda\.org|Current channels|channels\.example/);
    expect(JSON.stringify(error.details)).not.toContain(TOKEN);
  });
});

describe.each(['conda-4.4.11', 'conda-26.7.1'])('the package cache of %s', (engine) => {
  it('D4 keeps the channel’s record, given without url, channel and fn', async () => {
    const cache = tempDir();
    const info = join(cache, 'rateutil-0.7-py_0/info');
    mkdirSync(info, { recursive: true });
    copyFileSync(
      join(RECORDINGS, engine, 'repodata_record.rateutil-0.7-py_0.json'),
      join(info, 'repodata_record.json'),
    );
    const installed = (await recordsOf(engine)).find((each) => each.name === 'rateutil')!;
    const record = await recordFromCaches(nodeFileSystem(), [join(cache, 'none'), cache], installed);
    expect(record).toMatchObject({ name: 'rateutil', depends: ['pyyaml'], md5: installed.md5 });
    expect(Object.keys(record!)).not.toEqual(expect.arrayContaining(['url']));
    expect(JSON.stringify(record)).not.toContain(TOKEN);
    expect(
      await recordFromCaches(nodeFileSystem(), [cache], { ...installed, md5: 'f'.repeat(32), sha256: 'f'.repeat(64) }),
    ).toBeUndefined();
  });
});

describe('mamba 2.0.5', () => {
  it('names the active environment under another key', () => {
    expect(parseCondaInfo(recorded('mamba-2.0.5', 'info.json'), { subject: 'info' }).activePrefix).toBe('/srv/run/env');
  });

  it('D4 takes the pip that is injected into python out of a cached record, and keeps one of the artifact’s own', async () => {
    const cache = tempDir();
    const info = join(cache, 'python-3.9.18-lab_0_cpython/info');
    mkdirSync(info, { recursive: true });
    const record = JSON.parse(recorded('mamba-2.0.5', 'repodata_record.python.json').toString()) as Record<
      string,
      unknown
    >;
    writeFileSync(join(info, 'repodata_record.json'), JSON.stringify({ ...record, depends: ['tzdata', 'pip'] }));
    const installed = (await recordsOf('mamba-2.0.5')).find((each) => each.name === 'python')!;
    const depends = async () => (await recordFromCaches(nodeFileSystem(), [cache], installed))?.depends;
    expect(await depends()).toEqual(['tzdata']);
    writeFileSync(join(info, 'index.json'), JSON.stringify({ depends: ['tzdata', 'pip'] }));
    expect(await depends()).toEqual(['tzdata', 'pip']);
  });
});

describe('what a conda with conda-rattler-solver printed', () => {
  const engine = 'conda-26.7.1-rattler';

  it('G1: info --json names the solver with its version, and one that is not installed without', () => {
    const info = (file: string) => parseCondaInfo(recorded(engine, file), { subject: 'info' });
    const solver = { name: 'rattler', programs: ['conda-rattler-solver 0.2.0', 'py-rattler 0.26.0'] };
    expect(info('info.json')).toMatchObject({ condaVersion: '26.7.1', solver });
    expect(isInstalled(solver)).toBe(true);
    const absent = info('info.no-libmamba.json').solver!;
    expect(absent).toEqual({ name: 'libmamba', programs: [] });
    expect(isInstalled(absent)).toBe(false);
  });

  it('G3: info --json names the virtual packages that it knows, as they were overridden', () => {
    const { virtualPackages } = parseCondaInfo(recorded(engine, 'info.json'), { subject: 'info' });
    const expected = ['__archspec=1=x86_64', '__conda=26.7.1=0', '__glibc=2.17=0', '__linux=4.18=0', '__unix=0=0'];
    expect(virtualPackages).toEqual(expected);
  });

  it('conda-meta says where an artifact was published', async () => {
    const places = (await recordsOf(engine)).map((record) => channelPlaceOf(record)?.channelUrl);
    expect(places).toEqual(['http://channels.example/acme', 'http://channels.example/base']);
  });

  it.each([
    ['create-not-found', ['nosuch'], 'E_PACKAGE_NOT_FOUND', /No declared channel has nosuch for/, /spelling/],
    ['create-no-version', ['app=9'], 'E_PACKAGE_NOT_FOUND', /No declared channel has app=9 for/, /spelling/],
    ['create-unsolvable', ['needs1', 'needs2'], 'E_UNSOLVABLE', /needs1, needs2/, /Loosen a version/],
    ['create-no-virtual', ['gpu'], 'E_UNSOLVABLE', /: gpu$/, /taken to have __glibc=2.17; --virtual-package/],
    ['create-no-solver', ['app'], 'E_ENGINE_FAILED', /failed \(CondaValueError\)/, /--debug/],
  ])('%s becomes our own error', async (name, specs, code, what, hint) => {
    const error = await explainFailure({
      result: {
        exitCode: 1,
        signal: undefined,
        stdout: recorded(engine, `${name}.stdout.json`),
        stderr: name === 'create-not-found' ? recorded(engine, `${name}.stderr.txt`) : Buffer.alloc(0),
        truncated: false,
        timedOut: false,
        aborted: false,
        startError: undefined,
      },
      request: {
        specs: specs.map(parseMatchSpec),
        channels: [{ url: 'https://up.example/acme', name: 'acme', authenticated: true, role: 'owner' }],
        channelPriority: 'flexible',
        profile: {
          subdir: 'linux-64',
          virtualPackages: [{ name: '__glibc', version: '2.17', build: '0' }],
          client: undefined,
        },
      },
      translate: (text) => text.replaceAll('http://channels.example', 'https://up.example'),
      source: { repodata: async () => undefined },
      engine: { program: 'conda', version: '26.7.1' },
    });
    expect(error.code).toBe(code);
    expect(error.what).toMatch(what);
    expect(error.hint).toMatch(hint);
    expect(error.details.length).toBeGreaterThan(0);
  });
});
