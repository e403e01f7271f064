import { chmodSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { chooseEngine, detectEngines } from '../../../src/engine/detect.js';
import type { FoundEngine } from '../../../src/engine/detect.js';
import { RepackError } from '../../../src/base/errors.js';
import type { Exec, ExecCommand, ExecResult } from '../../../src/runtime/exec.js';
import { execaExec } from '../../../src/runtime/exec.js';
import { tempDir } from '../../helpers/artifacts.js';
import { testRuntime } from '../../helpers/runtime.js';

const INFO = { platform: 'linux-64', pkgs_dirs: ['/opt/conda/pkgs'], root_prefix: '/opt/conda' };

/** A program that answers `info --json` as that version, and `--version`. */
function program(path: string, version: string, answer: Record<string, unknown> = { conda_version: version }): string {
  mkdirSync(dirname(path), { recursive: true });
  const info = JSON.stringify({ ...INFO, ...answer });
  writeFileSync(path, `#!/bin/sh\n[ "$1" = info ] && echo '${info}' || echo "program ${version}"\n`);
  chmodSync(path, 0o755);
  return path;
}

function answered(value: unknown): ExecResult {
  const nothing = { signal: undefined, truncated: false, timedOut: false, aborted: false, startError: undefined };
  return { exitCode: 0, stdout: Buffer.from(JSON.stringify(value)), stderr: Buffer.alloc(0), ...nothing };
}

/** As mamba 2 and micromamba answer; `name`: what the executable is called. */
function mamba(path: string, version: string, name: string): string {
  return program(path, version, {
    'libmamba version': version,
    [`${name} version`]: version,
    'package cache': ['/opt/mamba/pkgs'],
    'base environment': '/opt/mamba',
  });
}

function detect(
  env: Record<string, string>,
  options: { enginePath?: string; exec?: Exec; platform?: NodeJS.Platform; cwd?: string } = {},
) {
  const rt = testRuntime({
    exec: options.exec ?? execaExec(),
    env,
    machine: { cwd: options.cwd ?? '/', ...(options.platform === undefined ? {} : { platform: options.platform }) },
  });
  return detectEngines(rt, { enginePath: options.enginePath });
}

async function failure(work: Promise<unknown> | (() => unknown)): Promise<RepackError> {
  try {
    await (typeof work === 'function' ? work() : work);
  } catch (error) {
    if (error instanceof RepackError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('detectEngines', () => {
  it('takes CONDA_EXE before PATH, and lists others', async () => {
    const dir = tempDir();
    const exe = program(join(dir, 'active/bin/conda'), '26.7.1');
    program(join(dir, 'other/conda'), '4.3.16');
    const micromamba = mamba(join(dir, 'other/micromamba'), '2.0.5', 'micromamba');
    const rattler = program(join(dir, 'other/rattler'), '0.30.0');
    const found = await detect({ CONDA_EXE: exe, PATH: `relative:${join(dir, 'other')}:/usr/bin:/bin` });
    expect(found.map(({ program: name, path, foundBy, version }) => ({ name, path, foundBy, version }))).toEqual([
      { name: 'conda', path: exe, foundBy: 'CONDA_EXE', version: '26.7.1' },
      { name: 'micromamba', path: micromamba, foundBy: 'PATH', version: '2.0.5' },
      { name: 'rattler', path: rattler, foundBy: 'PATH', version: '0.30.0' },
    ]);
    expect(found[0]!.conda!.abilities).toEqual({
      readsCondaFormat: true,
      knowsVirtualPackages: true,
      overridesChannels: true,
      readsJsonIndexOffline: true,
      namesPriorities: true,
      bringsPip: true,
      overridesArchspec: true,
    });
    expect(found[1]!.conda).toMatchObject({ program: 'micromamba', info: { pkgsDirs: ['/opt/mamba/pkgs'] } });
    expect(found[2]!.problem).toContain('not supported yet');
  });

  it('takes MAMBA_EXE before PATH, whatever folder it lies in', async () => {
    const dir = tempDir();
    const exe = mamba(join(dir, 'micromamba-root/bin/mamba'), '2.0.5', 'mamba');
    const other = mamba(join(dir, 'bin/micromamba'), '2.0.4', 'micromamba');
    mamba(join(dir, 'bin/mamba'), '2.0.3', 'mamba');
    const found = await detect({ MAMBA_EXE: exe, PATH: join(dir, 'bin') });
    expect(found.map(({ program: name, path, foundBy, version }) => ({ name, path, foundBy, version }))).toEqual([
      { name: 'mamba', path: exe, foundBy: 'MAMBA_EXE', version: '2.0.5' },
      { name: 'micromamba', path: other, foundBy: 'PATH', version: '2.0.4' },
    ]);
  });

  it.each([
    ['mamba', 'mamba 1, which answers as conda', { conda_version: '24.1.2' }, '1.5.8'],
    [
      'micromamba',
      'a micromamba that was never recorded',
      { 'libmamba version': '1.0.0', 'package cache': [] },
      '1.0.0',
    ],
    ['mamba', 'a mamba of a later major version', { 'libmamba version': '3.1.0', 'package cache': [] }, '3.1.0'],
    ['mamba', 'what answers otherwise', { 'libmamba version': '9.0.0' }, '9.0.0'],
  ] as const)('finds %s, does not use it: %s', async (name, _, answer, version) => {
    const dir = tempDir();
    const path = program(join(dir, name), version, answer);
    const found = await detect({ PATH: dir });
    expect(found[0]).toMatchObject({ version, conda: undefined });
    expect(found[0]!.problem).toMatch(/is found, not supported: of (micro)?mamba, .*2\.0\.x/);
    const wanted = found[0]!.program as 'mamba' | 'micromamba';
    const error = await failure(() => chooseEngine({ wanted, found, subdir: 'linux-64', hostSubdir: 'linux-64' }));
    expect(error).toMatchObject({ code: 'E_ENGINE_VERSION', where: path });
    expect(error.what).toContain('2.0.x');
  });

  it('believes what a renamed program says it is', async () => {
    const [found] = await detect({}, { enginePath: mamba(join(tempDir(), 'conda'), '2.0.5', 'micromamba') });
    expect(found).toMatchObject({ program: 'micromamba', version: '2.0.5' });
  });

  it('takes a launcher script named conda, and PATH where CONDA_EXE is gone', async () => {
    const dir = tempDir();
    const path = program(join(dir, 'bin/conda'), '4.3.16');
    const [found] = await detect({ CONDA_EXE: join(dir, 'gone/conda'), PATH: join(dir, 'bin') });
    expect(found).toMatchObject({ path, foundBy: 'PATH', version: '4.3.16' });
    expect(found!.conda!.abilities).toMatchObject({ readsCondaFormat: false, overridesChannels: false });
  });

  it('asks in an allow-listed environment: what may hold the token is not handed on', async () => {
    const dir = tempDir();
    const commands: ExecCommand[] = [];
    const exec: Exec = {
      run: async (command) => {
        commands.push(command);
        return execaExec().run(command);
      },
    };
    const path = program(join(dir, 'conda'), '26.7.1');
    await detect(
      {
        PATH: '/usr/bin:/bin',
        HOME: dir,
        CONDARC: '/etc/my.yml',
        SECRET: 's3cret',
        REPACKENV_TOKEN: 't',
        CONDA_TOKEN: 't',
      },
      { enginePath: path, exec },
    );
    expect(commands).toHaveLength(1);
    const { env } = commands[0]!;
    const [HOME] = [env['HOME']!];
    const isolated = dirname(HOME);
    expect(isolated).not.toBe(dir);
    expect(env).toEqual({
      PATH: '/usr/bin:/bin',
      CONDARC: '/etc/my.yml',
      PYTHONDONTWRITEBYTECODE: '1',
      PYTHONIOENCODING: 'utf-8',
      CONDA_OVERRIDE_CUDA: '',
      HOME,
      USERPROFILE: HOME,
      APPDATA: join(isolated, 'roaming'),
      LOCALAPPDATA: join(isolated, 'local'),
      XDG_CACHE_HOME: join(isolated, 'cache'),
      XDG_DATA_HOME: join(isolated, 'data'),
      XDG_STATE_HOME: join(isolated, 'state'),
      ...Object.fromEntries(['TMPDIR', 'TEMP', 'TMP'].map((name) => [name, isolated])),
      ...Object.fromEntries(
        ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY'].map((name) => [name, 'http://127.0.0.1:9']),
      ),
    });
  });

  const SPOILS = [
    'mkdir -p "$HOME/.cache/conda" "$HOME/.conda/express" "$XDG_CACHE_HOME/conda" "${XDG_CONFIG_HOME:-$HOME/.config}/conda"',
    'touch "$HOME/.cache/conda/notices" "$XDG_DATA_HOME/x"',
  ].join('\n');

  it.each([
    ['conda', 'info', '', { PATH: '/usr/bin:/bin' }],
    ['conda', 'info, with XDG folders of its own', '', { PATH: '/usr/bin:/bin', XDG_CONFIG_HOME: 'HOME/xdg' }],
    ['conda', 'one that does not answer', 'exit 1', { PATH: '/usr/bin:/bin' }],
    ['mamba', '--version of one that does not answer', '[ "$1" = info ] && exit 1', { PATH: '/usr/bin:/bin' }],
    ['rattler', '--version', '', { PATH: '/usr/bin:/bin' }],
  ])('G2: leaves the home of the user as it is: %s, %s', async (name, _, does, env) => {
    const home = tempDir();
    const before = readdirSync(tmpdir()).filter((each) => each.startsWith('repackenv-engine'));
    const path = program(join(tempDir(), name), '26.7.1');
    writeFileSync(path, readFileSync(path, 'utf8').replace('\n', `\n${SPOILS}\n${does}\n`));
    const found = await detect(
      Object.fromEntries(
        Object.entries({ ...env, HOME: home }).map(([key, value]) => [key, value.replace('HOME', home)]),
      ),
      { enginePath: path },
    );
    expect(found).toHaveLength(1);
    expect(readdirSync(home)).toEqual([]);
    expect(readdirSync(tmpdir()).filter((each) => each.startsWith('repackenv-engine'))).toEqual(before);
  });

  it('G2: is shown the configuration of the user, and what it says is of the user’s home', async () => {
    const home = tempDir();
    const files = [
      '.condarc',
      '.conda/condarc',
      '.conda/condarc.d/a.yml',
      '.config/conda/.condarc',
      'xdg/conda/condarc',
    ];
    for (const file of files) {
      mkdirSync(dirname(join(home, file)), { recursive: true });
      writeFileSync(join(home, file), `# ${file}\n`);
    }
    const path = join(tempDir(), 'conda');
    const config = '"config_files": ["\'"$HOME"\'/.condarc", "\'"$XDG_CONFIG_HOME"\'/conda/condarc"]';
    const caches = `"pkgs_dirs": ["/opt/conda/pkgs", "'"$HOME"'/.conda/pkgs"]`;
    const cat = `cat "$HOME/.condarc" "$HOME"/.conda/condarc "$HOME"/.conda/condarc.d/* "$HOME"/.config/conda/.condarc "$XDG_CONFIG_HOME"/conda/condarc | tr "\\n#" "  "`;
    const answer = `{"conda_version": "26.7.1", "platform": "linux-64", ${caches}, ${config}, "channels": ["'"$(${cat})"'"]}`;
    writeFileSync(path, `#!/bin/sh\necho '${answer.replaceAll("\\'", "'")}'\n`, { mode: 0o755 });
    const env = { PATH: '/usr/bin:/bin', HOME: home, XDG_CONFIG_HOME: join(home, 'xdg') };
    const [found] = await detect(env, { enginePath: path });
    expect(found!.problem).toBeUndefined();
    expect(found!.conda!.info).toMatchObject({
      pkgsDirs: ['/opt/conda/pkgs', join(home, '.conda/pkgs')],
      configFiles: [join(home, '.condarc'), join(home, 'xdg/conda/condarc')],
    });
    expect(found!.conda!.info.channels[0]!.split(/ +/).filter((word) => word !== '')).toEqual(files);
  });

  it('G2: says of a conda that would install itself first which one to name', async () => {
    const path = join(tempDir(), 'conda');
    writeFileSync(path, '#!/bin/sh\necho "No runtime installation found. Bootstrapping now..." >&2\nexit 1\n', {
      mode: 0o755,
    });
    const [found] = await detect({ PATH: '/usr/bin:/bin' }, { enginePath: path });
    expect(found!.problem).toContain('would install itself first; name the conda that it installs');
  });

  const RATTLER = 'solver/rattler conda-rattler-solver/0.2.0 py-rattler/0.26.0';
  const LIBMAMBA = 'solver/libmamba conda-libmamba-solver/26.4.0 libmambapy/2.5.0';
  const AGENT = 'conda/26.7.1 requests/2.34.2 CPython/3.11.7 Linux/6.18 debian/12.11 glibc/2.36';

  it.each<[string, string, Record<string, string>, unknown]>([
    [
      'the one that is configured',
      'rattler',
      { rattler: RATTLER, libmamba: LIBMAMBA },
      ['rattler', ['conda-rattler-solver 0.2.0', 'py-rattler 0.26.0']],
    ],
    [
      'conda’s default',
      'libmamba',
      { libmamba: LIBMAMBA },
      ['libmamba', ['conda-libmamba-solver 26.4.0', 'libmambapy 2.5.0']],
    ],
    ['conda’s own', 'classic', { libmamba: LIBMAMBA }, ['classic', []]],
    [
      'another where the default is not installed',
      'libmamba',
      { rattler: RATTLER },
      ['rattler', ['conda-rattler-solver 0.2.0', 'py-rattler 0.26.0']],
    ],
    [
      'another where the configured one is not known',
      'nonsense',
      { libmamba: LIBMAMBA },
      ['libmamba', ['conda-libmamba-solver 26.4.0', 'libmambapy 2.5.0']],
    ],
    ['conda’s own where nothing else is installed', 'libmamba', {}, ['classic', []]],
  ])('G1: takes the solver that is there: %s', async (_, configured, installed, expected) => {
    const exec: Exec = {
      run: async ({ env }) => {
        const name = env['CONDA_SOLVER'] ?? configured;
        const solver = { name, user_agent: installed[name] ?? `solver/${name}`, default: name === 'libmamba' };
        return answered({ ...INFO, conda_version: '26.7.1', user_agent: `${AGENT} ${solver.user_agent}`, solver });
      },
    };
    const [found] = await detect({}, { enginePath: '/bin/ls', exec });
    const { solver } = found!.conda!.info;
    expect([solver!.name, solver!.programs]).toEqual(expected);
  });

  it.each<[string, Record<string, unknown>, unknown]>([
    ['conda 4.3 names none', { conda_version: '4.3.16', user_agent: 'conda/4.3.16 requests/2.14.2' }, undefined],
    [
      'conda 22.11 names it in its user agent',
      { conda_version: '22.11.0', user_agent: `conda/22.11.0 ${LIBMAMBA} aau/0.4.1` },
      { name: 'libmamba', programs: ['conda-libmamba-solver 26.4.0', 'libmambapy 2.5.0'] },
    ],
    ['of another shape', { conda_version: '30.1.0', solver: ['rattler'], user_agent: 3 }, undefined],
  ])('G1: reads the solver of any conda: %s', async (_, info, solver) => {
    const exec: Exec = { run: async () => answered({ ...INFO, ...info }) };
    const [found] = await detect({}, { enginePath: '/bin/ls', exec });
    expect(found!.conda!.info.solver).toEqual(solver);
  });

  it('B1 names the path and the flag where nothing is', async () => {
    const error = await failure(detect({}, { enginePath: 'missing/conda', cwd: '/srv' }));
    expect(error).toMatchObject({ code: 'E_ENGINE_NOT_FOUND', where: '--engine-path /srv/missing/conda' });
    expect(error.hint).toContain('/opt/conda/bin/conda');
  });

  it('B1 refuses a folder and a file that can not be run', async () => {
    const dir = tempDir();
    writeFileSync(join(dir, 'conda'), 'text', { mode: 0o644 });
    expect((await failure(detect({}, { enginePath: dir }))).code).toBe('E_ENGINE_NOT_FOUND');
    expect((await failure(detect({}, { enginePath: join(dir, 'conda') }))).code).toBe('E_ENGINE_NOT_FOUND');
  });

  it('B1 says that a program is no conda, and chooseEngine refuses it', async () => {
    const found = await detect({}, { enginePath: '/bin/ls' });
    expect(found[0]).toMatchObject({ conda: undefined, version: undefined });
    expect(found[0]!.problem).toContain('printed no JSON');
    const error = await failure(() =>
      chooseEngine({ wanted: 'auto', found, subdir: 'linux-64', hostSubdir: 'linux-64', enginePath: '/bin/ls' }),
    );
    expect(error).toMatchObject({ code: 'E_ENGINE_NOT_FOUND', where: '--engine-path /bin/ls' });
  });

  it('B1 refuses a version that is too old, naming the one needed', async () => {
    const found = await detect({}, { enginePath: program(join(tempDir(), 'conda'), '4.2.9') });
    expect(found[0]).toMatchObject({ version: '4.2.9', conda: undefined });
    const error = await failure(() =>
      chooseEngine({ wanted: 'conda', found, subdir: 'linux-64', hostSubdir: 'linux-64' }),
    );
    expect(error.code).toBe('E_ENGINE_VERSION');
    expect(error.what).toContain('4.3.0 or newer is needed');
  });

  it('B1 H4 on Windows takes Scripts\\conda.exe for condabin\\conda.bat, and refuses a .bat alone', async () => {
    const dir = tempDir();
    const exe = program(join(dir, 'Scripts/conda.exe'), '24.11.0');
    mkdirSync(join(dir, 'condabin'));
    writeFileSync(join(dir, 'condabin/conda.bat'), '@echo off');
    const windows = { platform: 'win32' as const };
    expect((await detect({ Path: join(dir, 'condabin') }, windows))[0]).toMatchObject({ path: exe, foundBy: 'PATH' });
    expect((await detect({}, { ...windows, enginePath: join(dir, 'condabin/conda.bat') }))[0]).toMatchObject({
      path: exe,
    });
    const lonely = join(tempDir(), 'conda.bat');
    writeFileSync(lonely, '@echo off');
    const error = await failure(detect({}, { ...windows, enginePath: lonely }));
    expect(error).toMatchObject({ code: 'E_ENGINE_NOT_FOUND', where: `--engine-path ${lonely}` });
    expect(error.what).toContain('.bat');
    expect(error.hint).toContain('Scripts\\conda.exe');
  });
});

describe('chooseEngine', () => {
  const usable = (version: string): FoundEngine => ({
    program: 'conda',
    path: '/opt/conda/bin/conda',
    foundBy: 'PATH',
    version,
    problem: undefined,
    conda: { program: 'conda', path: '/opt/conda/bin/conda', version } as FoundEngine['conda'],
  });
  const usableMamba = (program: 'mamba' | 'micromamba'): FoundEngine => ({
    program,
    path: `/opt/${program}`,
    foundBy: 'PATH',
    version: '2.0.5',
    problem: undefined,
    conda: { program, path: `/opt/${program}`, version: '2.0.5' } as FoundEngine['conda'],
  });
  const oldMamba: FoundEngine = {
    program: 'mamba',
    path: '/m',
    foundBy: 'PATH',
    version: '1.5.8',
    problem: 'mamba 1.5.8 is found, not supported: of mamba, 2.0.x is',
    conda: undefined,
  };
  const here = { subdir: 'linux-64', hostSubdir: 'linux-64' };

  it.each([
    ['auto with conda', { wanted: 'auto' as const, found: [oldMamba, usable('26.7.1')], ...here }, 'conda'],
    ['auto without', { wanted: 'auto' as const, found: [oldMamba], ...here }, 'embedded'],
    ['auto with mamba only', { wanted: 'auto' as const, found: [usableMamba('mamba')], ...here }, 'embedded'],
    ['conda', { wanted: 'conda' as const, found: [usable('4.3.16')], ...here }, 'conda'],
    ['embedded', { wanted: 'embedded' as const, found: [usable('4.3.16')], ...here }, 'embedded'],
    [
      'a foreign subdir',
      { wanted: 'conda' as const, found: [usable('4.3.16')], subdir: 'win-64', hostSubdir: 'linux-64' },
      'embedded',
    ],
  ])('%s', (_, options, kind) => {
    expect(chooseEngine(options).kind).toBe(kind);
  });

  it.each([
    ['mamba', 'mamba'],
    ['micromamba', 'micromamba'],
    ['conda', 'conda'],
    ['any', 'conda'],
  ] as const)('of all three, %s is %s', (wanted, program) => {
    const found = [usableMamba('micromamba'), usableMamba('mamba'), usable('26.7.1')];
    expect(chooseEngine({ wanted, found, ...here })).toMatchObject({ kind: 'conda', engine: { program } });
  });

  it('any is mamba where there is no conda, and auto is the one of --engine-path', () => {
    const found = [usableMamba('micromamba'), usableMamba('mamba')];
    expect(chooseEngine({ wanted: 'any', found, ...here })).toMatchObject({ engine: { program: 'mamba' } });
    const given = { wanted: 'auto' as const, found: found.slice(0, 1), enginePath: '/opt/micromamba' };
    expect(chooseEngine({ ...given, ...here })).toMatchObject({ engine: { program: 'micromamba' } });
  });

  it('B1 says what is at the engine path where another program was asked for', async () => {
    const found = [{ ...usableMamba('micromamba'), foundBy: '--engine-path' as const }];
    const error = await failure(() => chooseEngine({ wanted: 'conda', found, ...here, enginePath: '/opt/micromamba' }));
    expect(error).toMatchObject({ code: 'E_ENGINE_NOT_FOUND', where: '--engine-path /opt/micromamba' });
    expect(error.what).toContain('is micromamba 2.0.5, and --engine asks for conda');
  });

  it('B1 says where it looked when mamba is asked for and there is none', async () => {
    const error = await failure(() => chooseEngine({ wanted: 'mamba', found: [usable('4.3.16')], ...here }));
    expect(error).toMatchObject({ code: 'E_ENGINE_NOT_FOUND', where: 'MAMBA_EXE, then mamba on PATH' });
  });

  it('B1 says where it looked when conda is asked for and there is none', async () => {
    const error = await failure(() => chooseEngine({ wanted: 'conda', found: [oldMamba], ...here }));
    expect(error.code).toBe('E_ENGINE_NOT_FOUND');
    expect(error.where).toContain('CONDA_EXE, then conda on PATH');
    expect(error.hint).toContain('--engine-path');
  });
});
