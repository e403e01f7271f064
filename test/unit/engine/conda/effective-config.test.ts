import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nodeFileSystem } from '../../../../src/runtime/fs.js';
import { tempDir } from '../../../helpers/artifacts.js';
import { ACCESS, failure, fakeConda, meta, published } from './fake-conda.js';
import type { FakeConda } from './fake-conda.js';

const FILE = '/etc/conda/.condarc';
const metas = {
  'a-1.0-0.json': meta({
    name: 'a',
    fn: 'a-1.0-0.tar.bz2',
    url: 'http://conda.example/prometeia/linux-64/a-1.0-0.tar.bz2',
  }),
};
const upstream = {
  'prometeia/linux-64': [['a-1.0-0.tar.bz2', published({ name: 'a' })[1]]] as [string, Record<string, unknown>][],
};
const ours = ACCESS.channels.flatMap(({ url }) => [`${url}/linux-64`, `${url}/noarch`]);

function run(fake: FakeConda) {
  return fakeConda({ metas, ...fake }).create(['a'], upstream);
}

describe('settings of the user that an isolated environment does not take', () => {
  it.each<[string, string, readonly string[]]>([
    ['exclude_newer of 26.9', 'channels: [x]\nexclude_newer: 7d\n', ['exclude_newer']],
    ['its other name', '"cooldown" : 7d\nsolver: rattler\n', ['cooldown']],
    ['that of packages', 'exclude_newer_package:\n  numpy: false\n', ['exclude_newer_package']],
    ['that of channels', 'channel_settings:\n- channel: x\n  exclude_newer: 7d\n', ['channel_settings']],
    [
      'virtual packages, pins',
      'virtual_packages: {cuda: "12"}\npinned_packages: [a]\n',
      ['virtual_packages', 'pinned_packages'],
    ],
    ['none', '# exclude_newer: 7d\nssl_verify: false\n', []],
  ])('G1: are told with their file: %s', async (_, text, keys) => {
    const file = join(tempDir(), '.condarc');
    writeFileSync(file, text);
    const fake = fakeConda({ metas });
    fake.engine.info = { ...fake.engine.info, configFiles: [file, '/nowhere/.condarc'] };
    const { ignoredSettings } = await fake.create(['a'], upstream);
    expect(ignoredSettings).toEqual(keys.map((key) => `${key} (${file})`));
  });
});

describe('the configuration in force', () => {
  it('is read back before the solve', async () => {
    const fake = fakeConda({ metas });
    await fake.create(['a'], upstream);
    expect(fake.commands.map((command) => command.args.slice(0, 2).join(' '))).toEqual([
      'config --show',
      'info --json',
      'create --yes',
    ]);
  });

  it.each<[string, FakeConda]>([
    ['track_features', { settings: { track_features: ['mkl'] }, sources: { [FILE]: { track_features: ['mkl'] } } }],
    ['disallowed_packages', { settings: { disallow: ['numpy'] }, sources: { [FILE]: { disallow: ['numpy'] } } }],
    [
      'denylist_channels',
      { settings: { denylist_channels: ['x'] }, sources: { [FILE]: { blacklist_channels: ['x'] } } },
    ],
    [
      'exclude_newer',
      { settings: { exclude_newer: '2024-01-01' }, sources: { [FILE]: { exclude_newer: '2024-01-01' } } },
    ],
    ['exclude_newer', { settings: { exclude_newer: '7d' }, sources: { [FILE]: { cooldown: '7d' } } }],
    [
      'exclude_newer_package',
      { settings: { exclude_newer_package: { a: '7d' } }, sources: { [FILE]: { cooldown_exclude: { a: '7d' } } } },
    ],
    [
      'channel_settings',
      {
        settings: { channel_settings: [{ channel: 'https://conda.example/*', 'exclude-newer': '7d' }] },
        sources: { [FILE]: { channel_settings: [] } },
      },
    ],
    [
      'solver',
      {
        solver: { name: 'rattler', programs: ['conda-rattler-solver 0.2.0'] },
        settings: { solver: 'classic' },
        sources: { [FILE]: { experimental_solver: 'classic' } },
      },
    ],
    [
      'override_virtual_packages',
      {
        settings: { override_virtual_packages: { glibc: '9' } },
        sources: { [FILE]: { override_virtual_packages: {} } },
      },
    ],
    [
      'proxy_servers',
      { settings: { proxy_servers: { http: 'http://corp:8080' } }, sources: { [FILE]: { proxy_servers: {} } } },
    ],
    [
      'proxy_servers',
      {
        settings: {
          proxy_servers: { http: ACCESS.proxyUrl, https: ACCESS.proxyUrl, 'http://conda.example': 'http://corp:8080' },
        },
        sources: { [FILE]: { proxy_servers: {} } },
      },
    ],
    ['offline', { settings: { offline: true }, sources: { [FILE]: { offline: true } } }],
    ['subdir', { settings: { subdir: 'linux-32' }, sources: { [FILE]: { subdir: 'linux-32' } } }],
    [
      'add_anaconda_token',
      { settings: { add_anaconda_token: true }, sources: { [FILE]: { add_binstar_token: true } } },
    ],
    ['use_only_tar_bz2', { settings: { use_only_tar_bz2: true }, sources: { [FILE]: { use_only_tar_bz2: true } } }],
    [
      'pkgs_dirs',
      { settings: { pkgs_dirs: ['/nowhere/pkgs'] }, sources: { [FILE]: { pkgs_dirs: ['/nowhere/pkgs'] } } },
    ],
  ])('stops at %s that is not ours and names the file', async (key, fake) => {
    const error = await failure(run(fake));
    expect(error).toMatchObject({ code: 'E_ENGINE_CONFIG', where: FILE });
    expect(error.what).toContain(key);
    expect(error.details.join('\n')).toContain(`(from ${FILE})`);
    expect(JSON.stringify(error.details)).not.toContain('proxy-pass');
  });

  it('stops where a declared channel is rewritten: a custom channel with a token, an alias', async () => {
    const channels = ours.map((url) => url.replace('http://conda.example/', 'https://conda.example/t/<TOKEN>/'));
    const error = await failure(
      run({
        info: { channels },
        sources: { [FILE]: { custom_channels: { prometeia: 'https://conda.example/t/xx-1' } } },
      }),
    );
    expect(error).toMatchObject({ code: 'E_ENGINE_CONFIG', where: FILE });
  });

  it('stops at a further channel where conda (4.3) would ask it, and not where the command line decides', async () => {
    const fake = {
      info: { channels: [...ours, 'http://evil.example/x/linux-64'] },
      sources: { [FILE]: { channels: ['http://evil.example/x'] } },
    };
    const old = fakeConda({ metas, version: '4.3.16', ...fake });
    const client = {
      name: 'conda',
      version: '4.3',
      readsCondaFormat: false,
      knowsVirtualPackages: false,
      needsBz2Index: true,
      injectsPip: true,
    } as const;
    const profile = { subdir: 'linux-64', virtualPackages: [], client };
    const error = await failure(old.create(['a'], upstream, { profile }));
    expect(error).toMatchObject({ code: 'E_ENGINE_CONFIG', where: FILE });
    expect(error.details[0]).toContain('http://evil.example/x/linux-64');
    await expect(run(fake)).resolves.toBeDefined();
  });

  it('lets pass what has no effect: who a channel asks for a password', async () => {
    await expect(
      run({ settings: { channel_settings: [{ channel: 'https://conda.example/*', auth: 'corp' }] } }),
    ).resolves.toBeDefined();
  });

  it('G1: knows the solver that it set, whatever the version calls it', async () => {
    const solver = { name: 'rattler', programs: ['conda-rattler-solver 0.2.0', 'py-rattler 0.26.0'] };
    const solved = await run({ solver, settings: { solver: 'rattler' } });
    expect(solved.engine.solver).toBe('rattler (conda-rattler-solver 0.2.0, py-rattler 0.26.0)');
  });

  it('lets pass what has no effect: default packages and pins are switched off on the command line', async () => {
    await expect(
      run({ settings: { create_default_packages: ['evil'], pinned_packages: ['numpy 1.0'] } }),
    ).resolves.toBeDefined();
  });

  it('lets a further package cache pass that conda can only read', async () => {
    const dir = join(tempDir(), 'shared');
    mkdirSync(dir);
    const fake = fakeConda({ metas, settings: { pkgs_dirs: [dir] } });
    expect((await failure(fake.create(['a'], upstream))).code).toBe('E_ENGINE_CONFIG');
    fake.rt.fs = {
      ...nodeFileSystem(),
      access: async () => {
        throw Object.assign(new Error('no'), { code: 'EACCES' });
      },
    };
    await expect(fake.create(['a'], upstream)).resolves.toBeDefined();
  });

  it('names the engine where no file is to be had, and says when conda refuses its configuration', async () => {
    expect(await failure(run({ settings: { offline: true }, sources: { broken: 1 } }))).toMatchObject({
      where: '/opt/conda/bin/conda',
    });
    const error = await failure(
      run({ settings: { channels: undefined, message: 'Invalid value in /etc/conda/.condarc' } }),
    );
    expect(error.code).toBe('E_ENGINE_CONFIG');
    expect(error.details).toEqual(['Invalid value in /etc/conda/.condarc']);
  });
});
