import type { TargetProfile } from '../../conda/plan/profile.js';

/** Virtual packages that an engine finds out of itself, and that a variable replaces (conda `conda/plugins/types.py`, CEP 30, CEP 46). */
const FOUND_BY_ITSELF = ['__glibc', '__linux', '__osx', '__win', '__cuda', '__cuda_arch', '__archspec'];

/**
 * `CONDA_OVERRIDE_*` that give the engine the customer's machines instead of the build host (design D3). What the profile lacks is
 * set to nothing, which takes the virtual package away. The value is the version, for `__archspec` the build. `__unix` has no variable.
 */
export function overrideVariables({ virtualPackages }: TargetProfile): Record<string, string> {
  const given = new Map(
    virtualPackages.map(({ name, version, build }) => [name, name === '__archspec' ? build : version]),
  );
  const names = new Set([...FOUND_BY_ITSELF, ...given.keys()]);
  names.delete('__unix');
  return Object.fromEntries(
    [...names].map((name) => [`CONDA_OVERRIDE_${name.slice(2).toUpperCase()}`, given.get(name) ?? '']),
  );
}
