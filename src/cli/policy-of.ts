import type { SettingValues } from '../config/settings.js';
import type { ResolvedSettings } from '../config/resolve-settings.js';
import type { PolicyOf } from '../jobs/policy/load-policy.js';
import type { Runtime } from '../runtime/runtime.js';

export interface PolicyPlace {
  /** ROOT as given. */
  root: string | undefined;
  values: Pick<SettingValues, 'policyFile'>;
  resolved: Pick<ResolvedSettings, 'declared'>;
  /** When the run began, ms. */
  at: number;
  named?: string | undefined;
}

/** The policy of a label of ROOT. `undeclared`: what `defaults: all` says counts for any label, declared or not. */
export function policyOf(
  rt: Pick<Runtime, 'fs' | 'machine'>,
  { root, values, resolved, at, named }: PolicyPlace,
  { undeclared }: { undeclared: boolean },
): PolicyOf {
  return async (label) => {
    const { loadPolicy } = await import('../jobs/policy/load-policy.js');
    const { declared } = resolved;
    return loadPolicy(rt, { root, label, declared, file: values.policyFile, named, undeclared, at });
  };
}
