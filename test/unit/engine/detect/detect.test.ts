import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { chooseEngine, detectEngines } from '../../../../src/engine/detect.js';
import type { FoundEngine } from '../../../../src/engine/detect.js';
import { RepackError } from '../../../../src/model/errors.js';
import type { Exec, ExecCommand } from '../../../../src/runtime/exec.js';
import { execaExec } from '../../../../src/runtime/exec.js';
import { tempDir } from '../../../helpers/artifacts.js';
import { testRuntime } from '../../../helpers/runtime.js';

const INFO = { platform: 'linux-64', pkgs_dirs: ['/opt/conda/pkgs'], root_prefix: '/opt/conda' };

/** A program that answers `info --json` as that version, and `--version`. */
function program(path: string, version: string): string {
  mkdirSync(dirname(path), { recursive: true });
  const info = JSON.stringify({ ...INFO, conda_version: version });
  writeFileSync(path, `#!/bin/sh\n[ "$1" = info ] && echo '${info}' || echo "program ${version}"\n`);
  chmodSync(path, 0o755);
  return path;
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
  it('takes CONDA_EXE before PATH, and lists others as not supported yet', async () => {
    const dir = tempDir();
    const exe = program(join(dir, 'active/bin/conda'), '26.7.1');
    program(join(dir, 'other/conda'), '4.3.16');
    const micromamba = program(join(dir, 'other/micromamba'), '2.0.5');
    const found = await detect({ CONDA_EXE: exe, PATH: `relative:${join(dir, 'other')}:/usr/bin:/bin` });
    expect(found.map(({ program: name, path, foundBy, version }) => ({ name, path, foundBy, version }))).toEqual([
      { name: 'conda', path: exe, foundBy: 'CONDA_EXE', version: '26.7.1' },
      { name: 'micromamba', path: micromamba, foundBy: 'PATH', version: '2.0.5' },
    ]);
    expect(found[0]!.conda!.abilities).toEqual({
      readsCondaFormat: true,
      knowsVirtualPackages: true,
      overridesChannels: true,
      readsJsonIndexOffline: true,
      namesPriorities: true,
    });
    expect(found[1]!.problem).toContain('not supported yet');
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
    expect(commands.map((command) => command.env)).toEqual([
      {
        PATH: '/usr/bin:/bin',
        HOME: dir,
        CONDARC: '/etc/my.yml',
        PYTHONDONTWRITEBYTECODE: '1',
        PYTHONIOENCODING: 'utf-8',
        CONDA_OVERRIDE_CUDA: '',
      },
    ]);
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
    conda: { path: '/opt/conda/bin/conda', version } as FoundEngine['conda'],
  });
  const mamba: FoundEngine = {
    program: 'mamba',
    path: '/m',
    foundBy: 'PATH',
    version: '2',
    problem: 'not supported yet',
    conda: undefined,
  };
  const here = { subdir: 'linux-64', hostSubdir: 'linux-64' };

  it.each([
    ['auto with conda', { wanted: 'auto' as const, found: [mamba, usable('26.7.1')], ...here }, 'conda'],
    ['auto without', { wanted: 'auto' as const, found: [mamba], ...here }, 'embedded'],
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

  it('B1 says where it looked when conda is asked for and there is none', async () => {
    const error = await failure(() => chooseEngine({ wanted: 'conda', found: [mamba], ...here }));
    expect(error.code).toBe('E_ENGINE_NOT_FOUND');
    expect(error.where).toContain('CONDA_EXE, then conda on PATH');
    expect(error.hint).toContain('--engine-path');
  });
});
