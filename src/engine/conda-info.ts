import { posix, win32 } from 'node:path';
import { z } from 'zod';
import { RepackError } from '../base/errors.js';
import { printedJson } from './printed-json.js';
import type { PrintedJsonOptions } from './printed-json.js';

/** What `conda info --json` says, of any version from 4.3 to 26; also mamba's and micromamba's (they use other keys). */
export interface CondaInfo {
  /** `4.3.16`; undefined where mamba or micromamba answered. */
  condaVersion: string | undefined;
  /** Where mamba (2 and later) or micromamba answered; mamba 1 is a conda with another solver and answers as conda. */
  mamba: { program: 'mamba' | 'micromamba'; version: string } | undefined;
  platform: string;
  /** Absolute folders, in order, as printed. */
  pkgsDirs: readonly string[];
  rootPrefix: string | undefined;
  /** Absent in 4.3, which never names the active environment. */
  activePrefix: string | undefined;
  defaultPrefix: string | undefined;
  /** `CONDA_PREFIX` of the process that asked, where it is among the printed variables. */
  condaPrefix: string | undefined;
  /** Per subdir, highest priority first; tokens masked, so for order and comparison only. */
  channels: readonly string[];
  /** Configuration files that were read (conda 4.4 and later, mamba). */
  configFiles: readonly string[];
  /** `__glibc=2.17=0`; undefined where none are named (before conda 4.8). */
  virtualPackages: readonly string[] | undefined;
  /** The solver in force (conda 22.11 and later). */
  solver: CondaSolver | undefined;
}

export interface CondaSolver {
  name: string;
  /** `conda-rattler-solver 0.2.0`, `py-rattler 0.26.0`; none: it is not installed, or conda's own (`classic`). */
  programs: readonly string[];
}

const text = z.string().min(1);
const maybeText = z.string().nullish();
/** Of either system: an envinfo.json may have travelled. */
const folder = text.refine((path) => posix.isAbsolute(path) || win32.isAbsolute(path), {
  error: 'not an absolute path',
});

const condaShape = z.object({
  conda_version: text,
  platform: text,
  pkgs_dirs: z.array(folder),
  root_prefix: maybeText,
  active_prefix: maybeText,
  default_prefix: maybeText,
  channels: z.array(z.string()).nullish(),
  config_files: z.array(z.string()).nullish(),
  env_vars: z.unknown().optional(),
  user_agent: maybeText.catch(undefined),
  virtual_pkgs: z.array(z.array(z.string()).min(2)).nullish().catch(undefined),
  solver: z.object({ name: text, user_agent: z.string() }).nullish().catch(undefined),
});

/** mamba `libmamba/src/api/info.cpp`. */
const mambaShape = z.object({
  'libmamba version': text,
  'mamba version': maybeText,
  'micromamba version': maybeText,
  platform: text,
  'package cache': z.array(folder),
  'base environment': maybeText,
  'env location': maybeText,
  channels: z.array(z.string()).nullish(),
  'populated config files': z.array(z.string()).nullish(),
  'virtual packages': z.array(z.string()).nullish(),
});

/** Throws E_ENGINE_OUTPUT, naming the key that is absent or of another type. */
export function parseCondaInfo(bytes: Uint8Array, options: PrintedJsonOptions): CondaInfo {
  const printed = printedJson(bytes, options);
  if (Object.hasOwn(printed, 'libmamba version')) return mambaInfo(checked(mambaShape, printed, options));
  const info = checked(condaShape, printed, options);
  return {
    condaVersion: info.conda_version,
    mamba: undefined,
    platform: info.platform,
    pkgsDirs: info.pkgs_dirs,
    rootPrefix: info.root_prefix ?? undefined,
    activePrefix: info.active_prefix ?? undefined,
    defaultPrefix: info.default_prefix ?? undefined,
    condaPrefix: variable(info.env_vars, 'CONDA_PREFIX'),
    channels: info.channels ?? [],
    configFiles: info.config_files ?? [],
    virtualPackages: info.virtual_pkgs?.map((parts) => parts.join('=')),
    solver: solverOf(info),
  };
}

function mambaInfo(info: z.infer<typeof mambaShape>): CondaInfo {
  // "… (not env)" where no environment is there.
  const location = info['env location'] ?? undefined;
  return {
    condaVersion: undefined,
    mamba: {
      // The key is made of the executable's name, so a renamed one has neither.
      program: isText(info['micromamba version']) ? 'micromamba' : 'mamba',
      version: info['micromamba version'] ?? info['mamba version'] ?? info['libmamba version'],
    },
    platform: info.platform,
    pkgsDirs: info['package cache'],
    rootPrefix: info['base environment']?.replace(/ \((?:writable|read only)\)$/, ''),
    activePrefix: location === '-' ? undefined : location?.replace(/ \((?:active|not env)\)$/, ''),
    defaultPrefix: undefined,
    condaPrefix: undefined,
    channels: info.channels ?? [],
    configFiles: info['populated config files'] ?? [],
    virtualPackages: info['virtual packages'] ?? [],
    solver: undefined,
  };
}

/** `solver` from 23.11 on; before, the end of `user_agent`, where it is another than `classic` (conda `base/context.py`). */
function solverOf(info: Pick<z.infer<typeof condaShape>, 'solver' | 'user_agent'>): CondaSolver | undefined {
  const agent = info.solver?.user_agent ?? info.user_agent ?? '';
  const name = info.solver?.name ?? / solver\/(\S+)/.exec(agent)?.[1];
  if (name === undefined) return undefined;
  const programs = agent.split(' ').filter((each) => /^\S*(?:-solver|rattler|mamba)\S*\/\S+$/.test(each));
  return {
    name,
    programs: programs.filter((each) => !each.startsWith('solver/')).map((each) => each.replace('/', ' ')),
  };
}

/** Whether a conda that names a solver has it: it says the version of each but its own. */
export function isInstalled({ name, programs }: CondaSolver): boolean {
  return name === 'classic' || programs.length > 0;
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}

function checked<Shape extends z.ZodType>(
  shape: Shape,
  printed: Record<string, unknown>,
  options: PrintedJsonOptions,
): z.infer<Shape> {
  const result = shape.safeParse(printed);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  const key = issue.path.map(String).join('.');
  throw new RepackError('E_ENGINE_OUTPUT', {
    what: `${options.subject} lacks a usable "${key}": ${issue.message}`,
    where: `${options.subject}: ${key}`,
    hint: 'This may be a version of conda that is not known yet, or not the output of "conda info --json".',
  });
}

function variable(variables: unknown, name: string): string | undefined {
  if (typeof variables !== 'object' || variables === null || !Object.hasOwn(variables, name)) return undefined;
  const value = (variables as Record<string, unknown>)[name];
  // conda prints `<not set>` for variables it looks for and does not find.
  return typeof value === 'string' && value !== '' && value !== '<not set>' ? value : undefined;
}
