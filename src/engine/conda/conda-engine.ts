import { condaSemver } from './abilities.js';
import type { FamilyProgram } from './programs.js';
import type { CondaAbilities } from './abilities.js';
import type { CondaInfo } from '../conda-info.js';

/** A conda, mamba or micromamba that can be used: found, asked for its version, supported. */
export interface CondaEngine {
  program: FamilyProgram;
  /** Absolute path of the executable or launcher script. */
  path: string;
  version: string;
  abilities: CondaAbilities;
  /**
   * `info --json` as the user's own environment and configuration show it: where the user's package caches are. Its solver is the one to use:
   * configured, or another where that one is not installed.
   */
  info: CondaInfo;
}

/** `conda 26.7.1`, for messages. */
export function engineTitle({ program, version }: Pick<CondaEngine, 'program' | 'version'>): string {
  return `${program} ${version}`;
}

/** `rattler (conda-rattler-solver 0.2.0, py-rattler 0.26.0)`; undefined where the engine knows no others. */
export function solverTitle({ info: { solver } }: Pick<CondaEngine, 'info'>): string | undefined {
  if (solver === undefined) return undefined;
  return solver.programs.length === 0 ? solver.name : `${solver.name} (${solver.programs.join(', ')})`;
}

/** Folder name of the package cache that this engine is given: caches are laid out alike within one minor version. */
export function enginePkgsName(engine: CondaEngine): string {
  const [major, minor] = (condaSemver(engine.version) ?? '0.0').split('.');
  return `${engine.program}-${major}.${minor}`;
}
