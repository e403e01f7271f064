import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { enginePkgsName } from '../../../../src/engine/conda/conda-engine.js';
import { condarcSettings } from '../../../../src/engine/conda/condarc.js';
import type { CondarcParts } from '../../../../src/engine/conda/condarc.js';
import { overrideVariables } from '../../../../src/engine/conda/overrides.js';
import { removeTree } from '../../../../src/engine/conda/remove-tree.js';
import { openIsolatedEnvironment } from '../../../../src/engine/conda/isolated-environment.js';
import type { IsolationOptions } from '../../../../src/engine/conda/isolated-environment.js';
import { readableCaches } from '../../../../src/engine/package-caches.js';
import { ignoredVariables } from '../../../../src/engine/user-environment.js';
import { nodeFileSystem } from '../../../../src/runtime/fs.js';
import { tempDir } from '../../../helpers/artifacts.js';
import { manual } from '../../../helpers/readme.js';
import { testRuntime } from '../../../helpers/runtime.js';
import { ACCESS, fakeConda, undoAfterTest } from './fake-conda.js';

function isolationOptions(more: Partial<IsolationOptions> = {}): IsolationOptions {
  return {
    engine: fakeConda().engine,
    profile: {
      subdir: 'linux-64',
      virtualPackages: [{ name: '__glibc', version: '2.17', build: '0' }],
      client: undefined,
    },
    runDir: tempDir(),
    channels: ACCESS.channels.map((each) => each.url),
    channelPriority: 'flexible',
    proxyUrl: ACCESS.proxyUrl,
    pkgsDir: join(tempDir(), 'pkgs'),
    ...more,
  };
}

const USER = {
  HOME: '/home/user',
  PATH: '/home/user/bin:/usr/bin',
  LANG: 'tr_TR.UTF-8',
  LC_TIME: 'C',
  TZ: 'UTC',
  CONDARC: '/home/user/evil.yml',
  CONDA_CHANNELS: 'evil',
  CONDA_SUBDIR: 'win-64',
  CONDA_PKGS_DIRS: '/evil',
  CONDA_OFFLINE: '1',
  CONDA_ALWAYS_COPY: '1',
  CONDA_OVERRIDE_GLIBC: '9.9',
  CONDA_PREFIX: '/opt/conda/envs/x',
  CONDA_EXE: '/opt/conda/bin/conda',
  PYTHONPATH: '/evil',
  NETRC: '/home/user/netrc',
  http_proxy: 'http://corp:8080',
  no_proxy: '*',
  TOKEN: 'sentinel',
};

describe('openIsolatedEnvironment', () => {
  it('A19 gives the engine an allow-listed environment', async () => {
    const options = isolationOptions();
    const isolated = await openIsolatedEnvironment(testRuntime({ env: USER }), options);
    const { home, ...rest } = { home: isolated.env['HOME']!, ...isolated.env };
    expect(home.startsWith(options.runDir)).toBe(true);
    expect(Object.keys(rest).sort()).toEqual([
      'APPDATA',
      'CONDARC',
      'CONDA_OVERRIDE_ARCHSPEC',
      'CONDA_OVERRIDE_CUDA',
      'CONDA_OVERRIDE_CUDA_ARCH',
      'CONDA_OVERRIDE_GLIBC',
      'CONDA_OVERRIDE_LINUX',
      'CONDA_OVERRIDE_OSX',
      'CONDA_OVERRIDE_WIN',
      'CONDA_PREFIX',
      'CONDA_ROOT',
      'HOME',
      'HTTPS_PROXY',
      'HTTP_PROXY',
      'LANG',
      'LC_TIME',
      'LOCALAPPDATA',
      'NO_PROXY',
      'PATH',
      'PYTHONDONTWRITEBYTECODE',
      'PYTHONIOENCODING',
      'PYTHONNOUSERSITE',
      'TEMP',
      'TMP',
      'TMPDIR',
      'TZ',
      'USERPROFILE',
      'XDG_CACHE_HOME',
      'XDG_CONFIG_HOME',
      'XDG_DATA_HOME',
      'XDG_STATE_HOME',
      'http_proxy',
      'https_proxy',
      'no_proxy',
    ]);
    expect(JSON.stringify(isolated.env)).not.toMatch(/sentinel|evil|corp|home\/user/);
    expect(isolated.env).toMatchObject({
      CONDA_OVERRIDE_GLIBC: '2.17',
      CONDA_OVERRIDE_CUDA: '',
      CONDA_OVERRIDE_CUDA_ARCH: '',
      PATH: '/opt/conda/bin:/usr/bin:/bin',
      no_proxy: '',
    });
  });

  it('J9 no child has the token in its environment, and what a dump of our own process would show is documented', async () => {
    const token = 'xx-0123-sentinel';
    const given = { ...USER, CONDA_TOKEN: token, ANACONDA_API_TOKEN: token, REPACKENV_TOKEN: token, MY_SECRET: token };
    const isolated = await openIsolatedEnvironment(testRuntime({ env: given }), isolationOptions());
    expect(JSON.stringify(isolated.env)).not.toContain(token);
    await isolated.close();
    const readme = [...manual().values()].join('\n');
    expect(readme).toMatch(/core dump/);
    expect(readme).toMatch(/heap\s+snapshot/);
    expect(readme).toMatch(/--inspect/);
  });

  it('A19 names the ignored variables, without activation’s own and without values', async () => {
    const isolated = await openIsolatedEnvironment(testRuntime({ env: USER }), isolationOptions());
    expect(isolated.ignored).toEqual([
      'CONDARC',
      'CONDA_ALWAYS_COPY',
      'CONDA_CHANNELS',
      'CONDA_OFFLINE',
      'CONDA_OVERRIDE_GLIBC',
      'CONDA_PKGS_DIRS',
      'CONDA_SUBDIR',
      'NETRC',
      'PYTHONPATH',
    ]);
    expect(ignoredVariables({ env: { PATH: '/bin', CONDA_CHANNELS: '' } })).toEqual([]);
  });

  it('J7 creates everything for its owner only, whatever the umask', async () => {
    const before = process.umask(0);
    undoAfterTest(() => process.umask(before));
    const isolated = await openIsolatedEnvironment(testRuntime(), isolationOptions());
    expect(statSync(isolated.condarcPath).mode & 0o777).toBe(0o600);
    for (const dir of [isolated.dir, isolated.env['HOME']!, isolated.env['TMPDIR']!, isolated.pkgsDir])
      expect(statSync(dir).mode & 0o077).toBe(0);
  });

  it('J7 follows no symlink that was laid at its path', async () => {
    const options = isolationOptions();
    const target = tempDir();
    symlinkSync(target, join(options.runDir, 'isolated-id-1'));
    await expect(openIsolatedEnvironment(testRuntime(), options)).rejects.toThrow(/EEXIST/);
    expect(readdirSync(target)).toEqual([]);
  });

  it('names the condarc .yml, and reads nothing of the installation’s', async () => {
    const isolated = await openIsolatedEnvironment(testRuntime(), isolationOptions());
    expect(isolated.condarcPath.endsWith('/condarc.yml')).toBe(true);
    expect(readdirSync(isolated.env['CONDA_ROOT']!)).toEqual([]);
    expect(JSON.parse(readFileSync(isolated.condarcPath, 'utf8'))).toMatchObject({
      channels: ['http://conda.example/prometeia', 'http://base.example/pkgs/main'],
    });
  });

  it('Windows keeps what sockets and DLLs need, however it is spelled', async () => {
    const env = {
      SYSTEMROOT: 'C:\\Windows',
      ComSpec: 'C:\\Windows\\cmd.exe',
      Path: 'C:\\evil',
      PATHEXT: '.EXE',
      AppData: 'C:\\evil',
    };
    const isolated = await openIsolatedEnvironment(
      testRuntime({ env, machine: { platform: 'win32' } }),
      isolationOptions(),
    );
    expect(isolated.env).toMatchObject({ SystemRoot: 'C:\\Windows', ComSpec: 'C:\\Windows\\cmd.exe', PATHEXT: '.EXE' });
    expect(isolated.env['PATH']).toMatch(/^\/opt\/conda.*Library.bin.*Scripts.*System32/);
    expect(JSON.stringify(isolated.env)).not.toContain('evil');
  });

  it('is gone after close, read-only folders included', async () => {
    const isolated = await openIsolatedEnvironment(testRuntime(), isolationOptions());
    mkdirSync(join(isolated.prefix, 'share'), { recursive: true });
    writeFileSync(join(isolated.prefix, 'share/file'), '');
    chmodSync(join(isolated.prefix, 'share'), 0o555);
    await isolated.close();
    expect(existsSync(isolated.dir)).toBe(false);
  });
});

describe('removeTree', () => {
  it('tries again while something holds a file, then warns and does not throw', async () => {
    const rt = testRuntime();
    let failures = 3;
    const busy = Object.assign(new Error('busy'), { code: 'EBUSY' });
    rt.fs = {
      ...nodeFileSystem(),
      remove: async () => {
        if (failures-- > 0) throw busy;
      },
    };
    await removeTree(rt, tempDir());
    expect(rt.clock.sleeps).toEqual([50, 100, 200]);
    failures = 100;
    const dir = tempDir();
    await removeTree(rt, dir);
    expect(rt.collected).toEqual([
      { type: 'warning', message: `${dir} could not be removed (EBUSY); delete it by hand` },
    ]);
  });
});

describe('condarcSettings', () => {
  const settings = (version: string, more: Partial<CondarcParts> = {}): Record<string, unknown> =>
    condarcSettings({
      channels: ['http://a.example/x'],
      channelPriority: 'flexible',
      subdir: 'linux-64',
      proxyUrl: 'http://run:pw@127.0.0.1:1',
      pkgsDir: '/pkgs',
      envsDir: '/envs',
      engine: fakeConda({ version }).engine,
      ...more,
    });

  it.each([
    ['4.3.16', 'flexible', true],
    ['4.5.12', 'disabled', false],
    ['4.6.0', 'strict', 'strict'],
    ['26.7.1', 'flexible', 'flexible'],
  ] as const)('conda %s is given channel_priority %s as %s', (version, channelPriority, written) => {
    expect(settings(version, { channelPriority })['channel_priority']).toBe(written);
  });

  it('seals every way out but the proxy', () => {
    expect(settings('26.7.1')).toMatchObject({
      default_channels: [],
      custom_channels: {},
      custom_multichannels: {},
      add_anaconda_token: false,
      auto_update_conda: false,
      create_default_packages: [],
      pinned_packages: [],
      track_features: [],
      proxy_servers: { http: 'http://run:pw@127.0.0.1:1', https: 'http://run:pw@127.0.0.1:1' },
      pkgs_dirs: ['/pkgs'],
      offline: false,
    });
  });

  it('is offline without a proxy, and would reach nothing', () => {
    expect(settings('4.3.16', { proxyUrl: undefined })).toMatchObject({
      offline: true,
      proxy_servers: { http: 'http://127.0.0.1:9' },
    });
  });
});

describe('overrideVariables', () => {
  it('D3 says what the customer’s machines are, and takes away what they are not', () => {
    const virtualPackages = [
      { name: '__linux', version: '4.18', build: '0' },
      { name: '__glibc', version: '2.17', build: '0' },
      { name: '__archspec', version: '1', build: 'x86_64' },
    ];
    expect(overrideVariables({ subdir: 'linux-64', virtualPackages, client: undefined })).toEqual({
      CONDA_OVERRIDE_LINUX: '4.18',
      CONDA_OVERRIDE_GLIBC: '2.17',
      CONDA_OVERRIDE_ARCHSPEC: 'x86_64',
      CONDA_OVERRIDE_OSX: '',
      CONDA_OVERRIDE_WIN: '',
      CONDA_OVERRIDE_CUDA: '',
      CONDA_OVERRIDE_CUDA_ARCH: '',
    });
  });
});

describe('readableCaches', () => {
  it('B4 leaves out what is relative, missing or a file, and takes each real folder once, of 50 too', async () => {
    const dir = tempDir();
    const many = Array.from({ length: 50 }, (_, index) => join(dir, `c${index}`));
    for (const each of many) mkdirSync(each);
    symlinkSync(many[3]!, join(dir, 'link'));
    writeFileSync(join(dir, 'file'), '');
    const caches = await readableCaches(nodeFileSystem(), [
      'pkgs',
      join(dir, 'gone'),
      join(dir, 'file'),
      ...many,
      join(dir, 'link'),
      `${many[0]}/../c1`,
    ]);
    expect(caches).toEqual(many);
    expect(await readableCaches(nodeFileSystem(), [])).toEqual([]);
  });
});

describe('enginePkgsName', () => {
  it.each([
    ['4.3.16', 'conda-4.3'],
    ['26.7.1', 'conda-26.7'],
  ])('%s works in %s', (version, name) => {
    expect(enginePkgsName({ ...fakeConda().engine, version })).toBe(name);
  });
});
