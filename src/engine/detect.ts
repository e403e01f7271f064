import { dirname, isAbsolute, join, resolve } from 'node:path';
import { RepackError } from '../base/errors.js';
import type { Subdir } from '../conda/channel/channel.js';
import type { EngineChoice } from '../config/settings.js';
import type { Runtime } from '../runtime/runtime.js';
import { askEngine } from './ask-engine.js';
import type { EngineCandidate, EngineProgram, FoundEngine } from './ask-engine.js';
import type { CondaEngine } from './conda/conda-engine.js';
import type { FamilyProgram } from './conda/programs.js';
import { withPrivateHome } from './private-home.js';

export type { FoundEngine } from './ask-engine.js';

export type ChosenEngine = { kind: 'embedded' } | { kind: 'conda'; engine: CondaEngine };

/** In the order in which they are preferred. */
const FAMILY: readonly FamilyProgram[] = ['conda', 'mamba', 'micromamba'];
const PROGRAMS: readonly EngineProgram[] = [...FAMILY, 'rattler'];

type Doors = Pick<Runtime, 'fs' | 'exec' | 'env' | 'machine' | 'signal' | 'clock' | 'events'>;

/**
 * The engines of this machine: `--engine-path` alone where it is given, else `CONDA_EXE`, then PATH; the first of each program. Each is
 * asked for its version. With `enginePath` it throws for what is not a usable file: E_ENGINE_NOT_FOUND; what is found
 * and can't be used is data (`problem`).
 */
export async function detectEngines(
  rt: Doors,
  options: { enginePath?: string | undefined } = {},
): Promise<FoundEngine[]> {
  const { enginePath } = options;
  const candidates = enginePath === undefined ? await candidatesHere(rt) : [await candidateAt(rt, { enginePath })];
  const found: FoundEngine[] = [];
  if (candidates.length === 0) return found;
  return withPrivateHome(rt, async (home) => {
    for (const candidate of candidates) found.push(await askEngine(rt, home, candidate));
    return found;
  });
}

/**
 * The engine for one subdir (design D2): foreign subdirs are always solved by `embedded`; `auto` is the first usable conda, else
 * `embedded`; `any` is the first usable one of the family, conda before mamba before micromamba. Throws E_ENGINE_NOT_FOUND, E_ENGINE_VERSION
 * where one was asked for and can't be had.
 */
export function chooseEngine(options: {
  wanted: EngineChoice | 'any';
  found: readonly FoundEngine[];
  subdir: Subdir;
  hostSubdir: Subdir;
  /** `--engine-path` was given: then `auto` means that engine. */
  enginePath?: string | undefined;
}): ChosenEngine {
  const { wanted, found, subdir, hostSubdir } = options;
  if (wanted === 'embedded' || subdir !== hostSubdir) return { kind: 'embedded' };
  const named = wanted === 'auto' || wanted === 'any' ? undefined : wanted;
  const programs: readonly EngineProgram[] =
    named === undefined ? (wanted === 'any' || options.enginePath !== undefined ? FAMILY : ['conda']) : [named];
  const candidates = programs.flatMap((program) => found.filter((engine) => engine.program === program));
  const usable = candidates.find((engine) => engine.conda !== undefined)?.conda;
  if (usable !== undefined) return { kind: 'conda', engine: usable };
  if (wanted === 'auto' && options.enginePath === undefined) return { kind: 'embedded' };
  throw noEngine({ program: named, candidates, found });
}

async function candidatesHere(rt: Doors): Promise<EngineCandidate[]> {
  const candidates: EngineCandidate[] = [];
  const condaExe = rt.env['CONDA_EXE'];
  // cmd.exe's activation sets CONDA_EXE to the .exe; a shell function may name a script that is gone.
  if (condaExe !== undefined && isAbsolute(condaExe) && (await isProgram(rt, condaExe))) {
    candidates.push({ program: 'conda', path: condaExe, foundBy: 'CONDA_EXE' });
  }
  const mambaExe = rt.env['MAMBA_EXE'];
  if (mambaExe !== undefined && isAbsolute(mambaExe) && (await isProgram(rt, mambaExe))) {
    candidates.push({
      program: nameOf(mambaExe).startsWith('micromamba') ? 'micromamba' : 'mamba',
      path: mambaExe,
      foundBy: 'MAMBA_EXE',
    });
  }
  for (const program of PROGRAMS) {
    if (candidates.some((candidate) => candidate.program === program)) continue;
    const path = await onPath(rt, program);
    if (path !== undefined) candidates.push({ program, path, foundBy: 'PATH' });
  }
  return candidates;
}

/**
 * Is there a program at the path that an option names? Told before anything is made for it; whether it is an engine, it is asked later.
 * Throws E_ENGINE_NOT_FOUND.
 */
export async function checkEnginePath(rt: Doors, at: { enginePath: string; option?: string }): Promise<void> {
  await candidateAt(rt, at);
}

async function candidateAt(
  rt: Doors,
  { enginePath, option = '--engine-path' }: { enginePath: string; option?: string },
): Promise<EngineCandidate> {
  const path = resolve(rt.machine.cwd, enginePath);
  const wrong = (what: string): RepackError =>
    new RepackError('E_ENGINE_NOT_FOUND', {
      what,
      where: `${option} ${path}`,
      hint: windows(rt)
        ? `Give the program itself, for example C:\\miniconda3\\Scripts\\conda.exe, or leave ${option} out.`
        : `Give the program itself, for example /opt/conda/bin/conda, or leave ${option} out.`,
    });
  const program = PROGRAMS.find((each) => nameOf(path).startsWith(each)) ?? 'conda';
  if (/\.(?:bat|cmd)$/i.test(path)) {
    const real = await exeBeside(rt, path);
    if (real === undefined) throw wrong('A .bat or .cmd file can’t be used as the engine');
    return { program, path: real, foundBy: '--engine-path' };
  }
  if (!(await isProgram(rt, path))) throw wrong('There is no program at the engine path');
  return { program, path, foundBy: '--engine-path' };
}

async function onPath(rt: Doors, program: EngineProgram): Promise<string | undefined> {
  const folders = (windows(rt) ? (rt.env['Path'] ?? rt.env['PATH'] ?? '') : (rt.env['PATH'] ?? '')).split(
    windows(rt) ? ';' : ':',
  );
  for (const folder of folders) {
    if (!isAbsolute(folder)) continue;
    const path = join(folder, windows(rt) ? `${program}.exe` : program);
    if (await isProgram(rt, path)) return path;
    // condabin holds only conda.bat; the program is in Scripts beside it (conda/conda#8588, CVE-2024-27980).
    const real = windows(rt) && program === 'conda' ? await exeBeside(rt, join(folder, 'conda.bat')) : undefined;
    if (real !== undefined) return real;
  }
  return undefined;
}

/** `…\condabin\conda.bat` -> `…\Scripts\conda.exe`, where both are there. */
async function exeBeside(rt: Doors, bat: string): Promise<string | undefined> {
  if (!(await isFile(rt, bat))) return undefined;
  const exe = join(dirname(dirname(bat)), 'Scripts', 'conda.exe');
  return (await isFile(rt, exe)) ? exe : undefined;
}

async function isProgram(rt: Doors, path: string): Promise<boolean> {
  if (!(await isFile(rt, path))) return false;
  if (windows(rt)) return /\.exe$/i.test(path);
  try {
    await rt.fs.access(path, 1);
    return true;
  } catch {
    return false;
  }
}

async function isFile(rt: Doors, path: string): Promise<boolean> {
  try {
    return (await rt.fs.stat(path)).isFile();
  } catch {
    return false;
  }
}

/** `program`: the one that was asked for by name. */
function noEngine(options: {
  program: EngineProgram | undefined;
  candidates: readonly FoundEngine[];
  found: readonly FoundEngine[];
}): RepackError {
  const { candidates, found } = options;
  const program = options.program ?? 'conda';
  const unfit = candidates.find((engine) => engine.version !== undefined);
  if (unfit !== undefined) {
    return new RepackError('E_ENGINE_VERSION', {
      what: `${unfit.program} at ${unfit.path} can’t be used: ${unfit.problem ?? 'unknown'}`,
      where: unfit.path,
      hint: 'Name another one with --engine-path, or use --engine embedded, which needs none.',
    });
  }
  const [first] = found;
  const byPath = first?.foundBy === '--engine-path';
  return new RepackError('E_ENGINE_NOT_FOUND', {
    what:
      byPath && first.problem === undefined
        ? `The program at the engine path is ${first.program} ${first.version ?? ''}, and --engine asks for ${program}`
        : `No ${program} was found that can be used`,
    where: byPath ? `--engine-path ${first.path}` : LOOKED_AT[program],
    hint: 'Name one with --engine-path, or use --engine embedded, which needs none.',
    details: found.map((engine) => `${engine.path}: ${engine.problem ?? 'usable'}`),
  });
}

const LOOKED_AT: Readonly<Record<EngineProgram, string>> = {
  conda: 'CONDA_EXE, then conda on PATH (Windows: Scripts\\conda.exe)',
  mamba: 'MAMBA_EXE, then mamba on PATH',
  micromamba: 'MAMBA_EXE, then micromamba on PATH',
  rattler: 'rattler on PATH',
};

function nameOf(path: string): string {
  return (path.split(/[/\\]/).at(-1) ?? '').toLowerCase();
}

function windows(rt: Doors): boolean {
  return rt.machine.platform === 'win32';
}
