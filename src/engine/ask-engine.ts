import { dirname, join } from 'node:path';
import { RepackError, isRepackError } from '../base/errors.js';
import type { Runtime } from '../runtime/runtime.js';
import { abilitiesOf } from './conda/abilities.js';
import type { CondaEngine } from './conda/conda-engine.js';
import { isFamilyProgram, versionProblem } from './conda/programs.js';
import type { FamilyProgram } from './conda/programs.js';
import { isInstalled, parseCondaInfo } from './conda-info.js';
import type { CondaInfo } from './conda-info.js';
import { plainText } from './printed-json.js';
import type { PrivateHome } from './private-home.js';

export type EngineProgram = FamilyProgram | 'rattler';

export interface EngineCandidate {
  program: EngineProgram;
  /** Absolute path. */
  path: string;
  foundBy: '--engine-path' | 'CONDA_EXE' | 'MAMBA_EXE' | 'PATH';
}

/** What a candidate says of itself. */
export interface FoundEngine extends EngineCandidate {
  version: string | undefined;
  /** Set where it can be used: a conda, mamba or micromamba. */
  conda: CondaEngine | undefined;
  /** Why it can't be used, a clause without a stop. */
  problem: string | undefined;
}

type Doors = Pick<Runtime, 'fs' | 'exec' | 'env' | 'machine' | 'signal'>;

const ASK_TIMEOUT_MS = 120_000;
/** What a conda of one file says where it is started in a home in which it never was; its own conda lies below the user's home. */
const BOOTSTRAPS = /bootstrap/i;
/** In the order in which conda itself came to them. */
const SOLVERS = ['libmamba', 'rattler', 'classic'];

/**
 * Asks a candidate what it is and what the user has: `info --json`, else `--version`, in a private home, without a network. What is found
 * and can't be used is data (`problem`).
 */
export async function askEngine(rt: Doors, home: PrivateHome, candidate: EngineCandidate): Promise<FoundEngine> {
  const unusable = (version: string | undefined, problem: string): FoundEngine => ({
    ...candidate,
    version,
    conda: undefined,
    problem,
  });
  const ask = asker(rt, home, candidate);
  if (!isFamilyProgram(candidate.program)) {
    return unusable(await ask.version(), `${candidate.program} is found, not supported yet`);
  }
  let info: CondaInfo;
  try {
    info = await ask.info();
  } catch (error) {
    if (!isRepackError(error)) throw error;
    const { program } = candidate;
    // One that is known not to be supported may answer in any way.
    const version = program === 'conda' ? undefined : await ask.version();
    const known = version === undefined ? undefined : versionProblem(program, version);
    return unusable(version, known ?? `it does not answer as ${program} does: ${error.what}`);
  }
  const identity = info.mamba ?? { program: 'conda' as const, version: info.condaVersion ?? 'unknown' };
  if (identity.program === 'conda' && candidate.program !== 'conda') {
    // mamba 1 is a conda with another solver: its `info` is conda's own.
    const version = await ask.version();
    return unusable(version, versionProblem(candidate.program, version ?? 'unknown') ?? 'it answers as conda does');
  }
  const problem = versionProblem(identity.program, identity.version);
  if (problem !== undefined) return { ...unusable(identity.version, problem), program: identity.program };
  const solver = await solverToUse(info, ask.info);
  const conda = { ...identity, path: candidate.path, abilities: abilitiesOf(identity), info: { ...info, solver } };
  return { ...candidate, program: identity.program, version: identity.version, conda, problem: undefined };
}

/** The solver that is configured, the user's or conda's own default; where that one is not installed, one that is. */
async function solverToUse(
  { solver }: CondaInfo,
  ask: (variables: Record<string, string>) => Promise<CondaInfo>,
): Promise<CondaInfo['solver']> {
  if (solver === undefined || isInstalled(solver)) return solver;
  for (const name of SOLVERS) {
    const other = name === solver.name ? undefined : (await ask({ CONDA_SOLVER: name })).solver;
    if (other !== undefined && isInstalled(other)) return other;
  }
  return solver;
}

interface Asker {
  /** `info --json`: the one place that names the user's package caches. Throws E_ENGINE_OUTPUT. */
  info(variables?: Record<string, string>): Promise<CondaInfo>;
  /** What `--version` prints, where there is a version in it. */
  version(): Promise<string | undefined>;
}

function asker(rt: Doors, home: PrivateHome, { program, path }: EngineCandidate): Asker {
  const run = async (args: string[], timeoutMs: number, variables: Record<string, string> = {}) => {
    const env = { ...home.env, ...(await ownVariables(rt, home, { program, path })), ...variables };
    const result = await rt.exec.run({ file: path, args, env, cwd: rt.machine.cwd, timeoutMs, signal: rt.signal });
    rt.signal.throwIfAborted();
    return result;
  };
  return {
    async info(variables) {
      const result = await run(['info', '--json'], ASK_TIMEOUT_MS, variables);
      const no = (what: string): RepackError => new RepackError('E_ENGINE_OUTPUT', { what, where: path });
      if (result.startError !== undefined) throw no(`it could not be started (${result.startError})`);
      if (result.timedOut) throw no(`no answer within ${ASK_TIMEOUT_MS / 1000} s`);
      if (result.exitCode !== 0 && BOOTSTRAPS.test(plainText(result.stderr))) {
        throw no(
          'it would install itself first; name the conda that it installs, like ~/.conda/express/bin/conda, with --engine-path',
        );
      }
      const info = parseCondaInfo(result.stdout, { subject: `${program} info --json`, truncated: result.truncated });
      return inUsersPlaces(info, home);
    },
    async version() {
      return /\d+(?:\.\d+)+\S*/.exec(plainText((await run(['--version'], 20_000)).stdout))?.[0];
    },
  };
}

async function ownVariables(
  rt: Doors,
  { env, usersPath }: PrivateHome,
  { program, path }: Pick<EngineCandidate, 'program' | 'path'>,
): Promise<Record<string, string>> {
  if (program === 'conda') return {};
  // mamba looks for itself on PATH, where MAMBA_ROOT_PREFIX does not tell it its root.
  const PATH = [dirname(path), env['PATH'] ?? ''].filter((folder) => folder !== '').join(windows(rt) ? ';' : ':');
  // micromamba takes this one where it is there.
  const root = join(usersPath(env['HOME'] ?? ''), 'micromamba');
  const hasRoot = program === 'micromamba' && env['MAMBA_ROOT_PREFIX'] === undefined && (await isFolder(rt, root));
  return { PATH, ...(hasRoot ? { MAMBA_ROOT_PREFIX: root } : {}) };
}

function inUsersPlaces(info: CondaInfo, { usersPath }: PrivateHome): CondaInfo {
  const moved = (path: string | undefined): string | undefined => (path === undefined ? undefined : usersPath(path));
  return {
    ...info,
    pkgsDirs: info.pkgsDirs.map(usersPath),
    configFiles: info.configFiles.map(usersPath),
    rootPrefix: moved(info.rootPrefix),
    activePrefix: moved(info.activePrefix),
    defaultPrefix: moved(info.defaultPrefix),
  };
}

function isFolder(rt: Pick<Runtime, 'fs'>, path: string): Promise<boolean> {
  return rt.fs.stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}

function windows(rt: Pick<Runtime, 'machine'>): boolean {
  return rt.machine.platform === 'win32';
}
