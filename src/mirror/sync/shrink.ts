import { plural } from '../../base/plural.js';
import { RepackError } from '../../base/errors.js';

export interface ShrinkCheck {
  /** Where the mirror is, for the message. */
  mirrorDir: string;
  /** Artifacts in the mirror now. */
  before: number;
  /** Paths of those that would leave because their channel no longer has them. */
  withdrawn: readonly string[];
  /** Share, 0 to 1. */
  limit: number;
  /** `--allow-shrink`. */
  allowed: boolean;
}

const EXAMPLES = 5;

/**
 * A bad day upstream (a half-written index, a wrong mirror behind a proxy) must not empty the mirror (bad-inputs N13).
 *
 * @throws RepackError E_SHRINK where more than `limit` of what is in the mirror would leave at once
 */
export function refuseShrink({ mirrorDir, before, withdrawn, limit, allowed }: ShrinkCheck): void {
  const count = withdrawn.length;
  if (allowed || count === 0 || count <= limit * before) return;
  const more = count > EXAMPLES ? [`… and ${count - EXAMPLES} more`] : [];
  throw new RepackError('E_SHRINK', {
    what: `${count} of the ${plural(before, 'artifact')} in the mirror ${count === 1 ? 'is' : 'are'} gone upstream, more than ${percent(limit)} at once; nothing was changed`,
    where: mirrorDir,
    hint: 'Look whether the channel really dropped them. If so: run again with --allow-shrink (once), or raise shrink_limit in the mirror file.',
    details: [...withdrawn.slice(0, EXAMPLES).map((path) => `gone upstream: ${path}`), ...more],
  });
}

function percent(share: number): string {
  return `${Number((share * 100).toFixed(2))} %`;
}
