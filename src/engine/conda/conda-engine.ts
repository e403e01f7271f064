import { condaSemver } from './abilities.js';
import type { CondaAbilities } from './abilities.js';
import type { CondaInfo } from '../conda-info.js';

/** A conda that can be used: found, asked for its version, new enough. */
export interface CondaEngine {
  /** Absolute path of the executable or launcher script. */
  path: string;
  version: string;
  abilities: CondaAbilities;
  /** `conda info --json` as the user's own environment and configuration show it: where the user's package caches are. */
  info: CondaInfo;
}

/** Folder name of the package cache that this engine is given: caches are laid out alike within one minor version. */
export function enginePkgsName(engine: CondaEngine): string {
  const [major, minor] = (condaSemver(engine.version) ?? '0.0').split('.');
  return `conda-${major}.${minor}`;
}
