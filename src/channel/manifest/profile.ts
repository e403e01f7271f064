import type { TargetProfile } from '../../conda/plan/profile.js';
import { parseClient } from '../../conda/plan/target.js';
import type { Manifest } from './manifest.js';

/** The profile as a manifest has it. Throws E_CLIENT. */
export function profileOfManifest({
  subdir,
  virtual_packages: virtualPackages,
  client,
}: Manifest['profiles'][number]): TargetProfile {
  return { subdir, virtualPackages, client: client === null ? undefined : parseClient(client) };
}
