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
  /** `info --json` as the user's own environment and configuration show it: where the user's package caches are. */
  info: CondaInfo;
}

/** `conda 26.7.1`, for messages. */
export function engineTitle({ program, version }: Pick<CondaEngine, 'program' | 'version'>): string {
  return `${program} ${version}`;
}

/** Folder name of the package cache that this engine is given: caches are laid out alike within one minor version. */
export function enginePkgsName(engine: CondaEngine): string {
  const [major, minor] = (condaSemver(engine.version) ?? '0.0').split('.');
  return `${engine.program}-${major}.${minor}`;
}
