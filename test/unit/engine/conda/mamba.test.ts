import { describe, expect, it } from 'vitest';
import { ACCESS, SHA256, failure, fakeConda, meta, published } from './fake-conda.js';
import type { FakeConda } from './fake-conda.js';

const PROGRAMS = ['mamba', 'micromamba'] as const;
const DONE = { metas: { 'a-1.0-0.json': meta({ name: 'a', channel: 'http://conda.example/prometeia' }) } };
const UPSTREAM = {
  'prometeia/linux-64': [published({ name: 'a' })],
  'prometeia/noarch': [],
  'pkgs/main/linux-64': [],
};

/** Everything by which a user's environment could change what mamba does. */
const USERS = {
  MAMBARC: '/home/user/.mambarc',
  CONDARC: '/home/user/.condarc',
  MAMBA_ROOT_PREFIX: '/home/user/micromamba',
  MAMBA_EXE: '/home/user/bin/micromamba',
  MAMBA_OFFLINE: 'true',
  MAMBA_CHANNEL_ALIAS: 'http://alias.example',
  MAMBA_PINNED_PACKAGES: 'a 0.9',
  MAMBA_NO_RC: 'true',
  CONDA_CHANNELS: 'http://foreign.example',
  CONDA_PKGS_DIRS: '/home/user/pkgs',
  CONDA_ENVS_DIRS: '/home/user/envs',
  CONDA_SUBDIR: 'win-64',
  CONDA_PREFIX: '/home/user/env',
  CONDA_OVERRIDE_GLIBC: '2.99',
  NETRC: '/home/user/.netrc',
  http_proxy: 'http://elsewhere.example:3128',
  no_proxy: 'conda.example',
};

describe.each(PROGRAMS)('%s', (program) => {
  it('is asked and told with its own options, after the command', async () => {
    const fake = fakeConda({ program, ...DONE });
    const solved = await fake.create(['a'], UPSTREAM);
    expect(solved.engine).toEqual({ kind: program, version: '2.0.5', path: `/opt/conda/bin/${program}` });
    expect(solved.artifacts.map(({ fn, record }) => [fn, record?.['sha256']])).toEqual([['a-1.0-0.conda', SHA256]]);
    const rc = fake.commands[0]!.args.at(-1)!;
    expect(rc).toMatch(/isolated-[^/]+\/condarc\.yml$/);
    expect(fake.commands.map(({ args }) => args)).toEqual([
      ['info', '--json', '--rc-file', rc],
      [
        'create',
        '--yes',
        '--json',
        '--quiet',
        '--no-pin',
        '--prefix',
        rc.replace('condarc.yml', '_env'),
        '--override-channels',
        ...ACCESS.channels.flatMap(({ url }) => ['--channel', url]),
        'a',
        '--rc-file',
        rc,
      ],
    ]);
  });

  it.each([
    ['2.8.1', undefined, [['a'], ['a', 'pip']]],
    ['2.8.1', false, [['a']]],
    ['2.5.0', undefined, [['a']]],
  ])('of %s with a client that lets python need pip (%s) is asked for %j', async (version, injectsPip, asked) => {
    const metas = (args: readonly string[]) =>
      Object.fromEntries(
        ['a', 'python', ...(args.includes('pip') ? ['pip'] : [])].map((name) => [`${name}-1.0-0.json`, meta({ name })]),
      );
    const fake = fakeConda({ program, version, metas });
    const client =
      injectsPip === undefined
        ? undefined
        : {
            name: 'pixi' as const,
            version: '0.40',
            readsCondaFormat: true,
            knowsVirtualPackages: true,
            needsBz2Index: false,
            injectsPip,
          };
    const names = ['a', 'python', 'pip'];
    const solved = await fake.create(
      ['a'],
      { 'prometeia/linux-64': names.map((name) => published({ name })) },
      { profile: { subdir: 'linux-64', virtualPackages: [{ name: '__glibc', version: '2.17', build: '0' }], client } },
    );
    const specs = fake.commands
      .filter(({ args }) => args[0] === 'create')
      .map(({ args }) => args.filter((arg) => names.includes(arg)));
    expect(specs).toEqual(asked);
    expect(solved.artifacts.map(({ fn }) => fn.split('-')[0]).sort()).toEqual(
      asked.length === 1 ? ['a', 'python'] : ['a', 'pip', 'python'],
    );
  });

  it('D1a gets none of the user’s variables, and a home, a root and a proxy of ours', async () => {
    const fake = fakeConda({ program, ...DONE }, { ...USERS, HOME: '/home/user', PATH: '/home/user/bin', LANG: 'C' });
    const { ignoredVariables } = await fake.create(['a'], UPSTREAM);
    const [{ env }] = fake.commands as [(typeof fake.commands)[0]];
    const isolated = env['HOME']!.slice(0, -'/home'.length);
    expect(env).toMatchObject({
      MAMBA_ROOT_PREFIX: `${isolated}/root`,
      MAMBA_NO_LOW_SPEED_LIMIT: '1',
      PATH: '/opt/conda/bin:/usr/bin:/bin',
      XDG_CONFIG_HOME: `${isolated}/home/.config`,
      CONDA_OVERRIDE_GLIBC: '2.17',
      CONDA_OVERRIDE_CUDA: '',
      http_proxy: ACCESS.proxyUrl,
      no_proxy: '',
      LANG: 'C',
    });
    const names = Object.keys(env).filter(
      (name) => /^(?:CONDA|MAMBA)/.test(name) && !name.startsWith('CONDA_OVERRIDE_'),
    );
    expect(names.sort()).toEqual(['MAMBA_NO_LOW_SPEED_LIMIT', 'MAMBA_ROOT_PREFIX']);
    expect(JSON.stringify(env)).not.toContain('/home/user');
    expect(ignoredVariables).toEqual(
      expect.arrayContaining(['MAMBARC', 'CONDARC', 'MAMBA_PINNED_PACKAGES', 'MAMBA_NO_RC', 'CONDA_CHANNELS', 'NETRC']),
    );
  });

  it('takes the processor of the build host from 1.5, which can’t be told another, and from no later one', async () => {
    const info = { 'virtual packages': ['__glibc=2.17=0', '__archspec=1=x86_64_v3'] };
    const old = fakeConda({ program, version: '1.5.12', ...DONE, info });
    expect((await old.create(['a'], UPSTREAM)).artifacts).toHaveLength(1);
    const error = await failure(fakeConda({ program, version: '2.0.5', ...DONE, info }).create(['a'], UPSTREAM));
    expect(error.details.join('\n')).toMatch(/virtual packages.*x86_64_v3/);
  });

  it.each<[string, Record<string, unknown>, RegExp]>([
    ['a further file', { 'populated config files': ['/etc/conda/.condarc'] }, /rc_files.*\/etc\/conda\/\.condarc/],
    ['no file', { 'populated config files': null }, /rc_files/],
    ['another package cache', { 'package cache': ['/opt/mamba/pkgs'] }, /pkgs_dirs.*\/opt\/mamba\/pkgs/],
    ['channels that were rewritten', { channels: ['https://mirror.example/prometeia/linux-64'] }, /channels/],
    ['another platform', { platform: 'win-64' }, /platform.*win-64/],
    ['the build host’s glibc', { 'virtual packages': ['__glibc=2.36=0'] }, /virtual packages.*2\.36/],
    ['a graphics card', { 'virtual packages': ['__cuda=12.4=0'] }, /virtual packages.*__cuda/],
  ])('E_ENGINE_CONFIG where %s is in force', async (_, info, says) => {
    const fake = fakeConda({ program, ...DONE, info });
    const error = await failure(fake.create(['a'], UPSTREAM));
    expect(error.code).toBe('E_ENGINE_CONFIG');
    expect(error.what).toContain(`${program}'s own configuration`);
    expect(error.details.join('\n')).toMatch(says);
    // Nothing was created with it.
    expect(fake.commands.map(({ args }) => args[0])).toEqual(['info']);
  });

  it.each<[string, FakeConda['create'], string, RegExp]>([
    [
      'an unsolvable request',
      { exitCode: 1, out: 'critical libmamba Could not solve\n{"solver_problems": ["a needs b"], "success": false}' },
      'E_UNSOLVABLE',
      /a needs b/,
    ],
    ['a crash', { exitCode: 139, out: 'terminate called' }, 'E_ENGINE_FAILED', /terminate called/],
    ['nothing, and success', { exitCode: 0, out: '{"success": true}' }, 'E_ENGINE_INCOMPLETE', /./],
  ])('names itself in the error for %s', async (_, create, code, details) => {
    const error = await failure(fakeConda({ program, create: create! }).create(['a'], UPSTREAM));
    expect(error.code).toBe(code);
    expect([error.what, error.where].join()).not.toMatch(/\bconda 2/);
    expect(error.details.join('\n')).toMatch(details);
  });
});
