import type { TargetProfile } from '../../conda/plan/profile.js';

/** Virtual packages that conda lets a variable replace, and whether the value is the version or, for `__archspec`, the build. */
const OVERRIDES: readonly { name: string; variable: string; value: 'version' | 'build' }[] = [
  { name: '__glibc', variable: 'CONDA_OVERRIDE_GLIBC', value: 'version' },
  { name: '__linux', variable: 'CONDA_OVERRIDE_LINUX', value: 'version' },
  { name: '__osx', variable: 'CONDA_OVERRIDE_OSX', value: 'version' },
  { name: '__win', variable: 'CONDA_OVERRIDE_WIN', value: 'version' },
  { name: '__cuda', variable: 'CONDA_OVERRIDE_CUDA', value: 'version' },
  { name: '__archspec', variable: 'CONDA_OVERRIDE_ARCHSPEC', value: 'build' },
];

/**
 * `CONDA_OVERRIDE_*` that give the engine the customer's machines instead of the build host (design D3). What the profile lacks is
 * set to nothing, which takes the virtual package away (conda `base/context.py`, CEP 30).
 */
export function overrideVariables(profile: TargetProfile): Record<string, string> {
  const env: Record<string, string> = {};
  for (const { name, variable, value } of OVERRIDES) {
    env[variable] = profile.virtualPackages.find((each) => each.name === name)?.[value] ?? '';
  }
  return env;
}
