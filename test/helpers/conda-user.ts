import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runProgram, type RunResult } from '../../scripts/lib/run-program.js';
import { layerPath } from './layers.js';

/** Somebody who works with the real conda 4.3.16: a home, an empty package cache, and no other configuration. */
export interface CondaUser {
  home: string;
  pkgsDir: string;
  envsDir: string;
  /** `ENVS/NAME`, without a package, as a person would have it before the first installation. */
  emptyEnvironment(name: string): string;
  /** `~/.condarc`, as JSON (which is YAML). */
  configure(settings: Record<string, unknown>): void;
  /** `conda ARGS`; `active`: an environment that is activated. */
  conda(args: readonly string[], options?: { active?: string; cwd?: string }): Promise<RunResult>;
  /** The python of an environment. */
  python(environment: string, args: readonly string[]): Promise<RunResult>;
}

export function condaUser(home: string): CondaUser {
  const folders = { home, pkgsDir: join(home, 'pkgs'), envsDir: join(home, 'envs'), root: join(home, 'root') };
  for (const folder of Object.values(folders)) mkdirSync(folder, { recursive: true });
  const { pkgsDir, envsDir } = folders;
  return {
    home,
    pkgsDir,
    envsDir,
    emptyEnvironment(name) {
      const prefix = join(envsDir, name);
      mkdirSync(join(prefix, 'conda-meta'), { recursive: true });
      if (!existsSync(join(prefix, 'conda-meta', 'history'))) writeFileSync(join(prefix, 'conda-meta', 'history'), '');
      return prefix;
    },
    configure: (settings) => writeFileSync(join(home, '.condarc'), JSON.stringify(settings)),
    conda: (args, { active, cwd } = {}) =>
      runProgram(layerPath('conda43'), args, {
        home,
        ...(cwd === undefined ? {} : { cwd }),
        env: {
          ...surroundings(folders),
          ...(active === undefined ? {} : { CONDA_PREFIX: active, CONDA_DEFAULT_ENV: active }),
        },
      }),
    python: (environment, args) =>
      runProgram(join(environment, 'bin', 'python'), args, { home, env: { PYTHONNOUSERSITE: '1' } }),
  };
}

/** Keeps conda 4.3 out of its own installation folder. */
function surroundings({
  pkgsDir,
  envsDir,
  root,
}: {
  pkgsDir: string;
  envsDir: string;
  root: string;
}): Record<string, string> {
  return {
    CONDA_PKGS_DIRS: pkgsDir,
    CONDA_ENVS_PATH: envsDir,
    CONDA_ROOT: root,
    CONDA_ALWAYS_YES: 'true',
    CONDA_AUTO_UPDATE_CONDA: 'false',
    PYTHONDONTWRITEBYTECODE: '1',
    LANG: 'C.UTF-8',
  };
}
