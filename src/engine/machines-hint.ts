import type { TargetProfile } from '../conda/plan/profile.js';

/** What to do where a virtual package is in the way of a solve: `lines` are of the solver. Undefined where they name none. */
export function machinesHint({ virtualPackages }: TargetProfile, lines: readonly string[]): string | undefined {
  if (!lines.some((line) => /(?:^|[\s─'"])__\w/.test(line))) return undefined;
  const known = virtualPackages.map((each) => `${each.name}=${each.version}`).join(', ') || 'no virtual package';
  return `The machines at the site are taken to have ${known}; --virtual-package changes that.`;
}
