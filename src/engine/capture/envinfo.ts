import { basename, isAbsolute, join, resolve } from 'node:path';
import { RepackError } from '../../base/errors.js';
import type { Runtime } from '../../runtime/runtime.js';
import { parseCondaInfo } from '../conda-info.js';
import type { CondaInfo } from '../conda-info.js';
import { isEnvironment } from '../prefix-records.js';

export const ENVINFO_NAME = 'envinfo.json';

/** The environment to capture, and what `conda info --json` said where it is. */
export interface ActiveEnvironment {
  /** Absolute, by its real path. */
  prefix: string;
  chosenBy: '--prefix' | 'active_prefix' | 'default_prefix' | 'CONDA_PREFIX';
  info: CondaInfo | undefined;
}

export interface ActiveEnvironmentOptions {
  /** `--prefix`; relative to the working folder of the program. */
  prefix?: string | undefined;
  /** Where `envinfo.json` is looked for. */
  workDir: string;
  /** What a conda at hand says, where there is no `envinfo.json`. */
  info?: CondaInfo | undefined;
}

/**
 * Which environment `capture` is about: `--prefix`, else what `envinfo.json` (or else `info`) names: `active_prefix`, else
 * `default_prefix`, else `CONDA_PREFIX`, the last two where they are not the root (conda 4.3 never names the active one).
 *
 * Throws E_NO_ENVINFO, E_NO_ACTIVE_ENV, E_ENGINE_OUTPUT for an `envinfo.json` that can't be read.
 */
export async function readActiveEnvironment(
  rt: Pick<Runtime, 'fs' | 'env' | 'machine'>,
  options: ActiveEnvironmentOptions,
): Promise<ActiveEnvironment> {
  const info = (await readEnvinfo(rt, options.workDir)) ?? options.info;
  if (options.prefix !== undefined) {
    return {
      prefix: await environmentAt(rt, resolve(rt.machine.cwd, options.prefix), '--prefix'),
      chosenBy: '--prefix',
      info,
    };
  }
  if (info === undefined) throw noEnvinfo(options.workDir);
  const choice = chosenPrefix(info, rt.env['CONDA_PREFIX']);
  if (choice === undefined) throw noActiveEnvironment(info);
  return { prefix: await environmentAt(rt, choice.prefix, choice.chosenBy), chosenBy: choice.chosenBy, info };
}

/** The rule alone. `variable`: `CONDA_PREFIX` of this program's own environment. */
export function chosenPrefix(
  info: CondaInfo,
  variable: string | undefined,
): { prefix: string; chosenBy: ActiveEnvironment['chosenBy'] } | undefined {
  if (info.activePrefix !== undefined) return { prefix: info.activePrefix, chosenBy: 'active_prefix' };
  const { defaultPrefix, rootPrefix } = info;
  if (defaultPrefix !== undefined && !samePath(defaultPrefix, rootPrefix))
    return { prefix: defaultPrefix, chosenBy: 'default_prefix' };
  const prefix = info.condaPrefix ?? variable;
  if (prefix !== undefined && prefix !== '' && !samePath(prefix, rootPrefix))
    return { prefix, chosenBy: 'CONDA_PREFIX' };
  return undefined;
}

/** The default label: the name of the environment's folder. */
export function labelOf(prefix: string): string {
  return basename(prefix.replace(/[/\\]+$/, ''));
}

/** Undefined where there is no such file. */
async function readEnvinfo(rt: Pick<Runtime, 'fs'>, workDir: string): Promise<CondaInfo | undefined> {
  const path = join(workDir, ENVINFO_NAME);
  let bytes: Uint8Array;
  try {
    bytes = await rt.fs.readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new RepackError('E_NO_ENVINFO', {
      what: `${ENVINFO_NAME} can't be read`,
      where: path,
      hint: 'Make it anew in the activated environment: conda info --json > envinfo.json',
      cause: error,
    });
  }
  return parseCondaInfo(bytes, { subject: path });
}

async function environmentAt(rt: Pick<Runtime, 'fs'>, prefix: string, chosenBy: string): Promise<string> {
  if (isAbsolute(prefix) && (await isEnvironment(rt.fs, prefix))) return rt.fs.realpath(prefix);
  throw new RepackError('E_NO_ACTIVE_ENV', {
    what: 'There is no conda environment here: the folder has no conda-meta',
    where: `${prefix} (${chosenBy})`,
    hint: 'Give the folder of the environment with --prefix, for example --prefix ~/miniconda3/envs/halkbank.',
  });
}

function noEnvinfo(workDir: string): RepackError {
  return new RepackError('E_NO_ENVINFO', {
    what: `There is no ${ENVINFO_NAME}, and no conda that could be asked`,
    where: join(workDir, ENVINFO_NAME),
    hint: 'Make it in the activated environment (conda info --json > envinfo.json), or name the environment with --prefix.',
  });
}

function noActiveEnvironment(info: CondaInfo): RepackError {
  return new RepackError('E_NO_ACTIVE_ENV', {
    what: 'No environment is active: only the root of the installation is named',
    where: info.rootPrefix ?? 'conda info --json',
    hint: 'Activate the environment and make envinfo.json anew, or name it with --prefix.',
  });
}

/** Windows spells drive letters and separators in several ways. */
function samePath(a: string, b: string | undefined): boolean {
  if (b === undefined) return false;
  const plain = (path: string): string => {
    const unified = path.replaceAll('\\', '/').replace(/\/+$/, '');
    return /^[A-Za-z]:/.test(unified) ? unified.toLowerCase() : unified;
  };
  return plain(a) === plain(b);
}
