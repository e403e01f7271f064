import type { MirrorFilter } from '../../config/mirror-file/filter.js';
import type { KeptFile } from '../../mirror/sync/sync.js';
import type { Finding } from '../../base/findings.js';
import { findingOpenDependencies } from '../../conda/record/open-dependencies.js';
import type { DependentFile } from '../../conda/record/open-dependencies.js';
import { inSteps } from '../../base/steps.js';
import { splitPath } from '../../conda/channel/names.js';
import { listed } from '../../delivery/collect-findings.js';

const MANY = 5;

/**
 * What nothing in the mirror satisfies. It takes a look at every dependency there is: where nobody asked for them to be there, only after a
 * change.
 */
export async function dependencyFindings(options: {
  signal: AbortSignal;
  /** `with_dependencies`. */
  dependencies: MirrorFilter['dependencies'];
  /** All that the mirror holds, or is to hold. */
  artifacts: readonly DependentFile[];
  /** Of them, those that the filter no longer picks. */
  kept: readonly KeptFile[];
  changed: boolean;
  /** Whether a list of the mirror file forbids all that could satisfy a need: reported already, and not asked for. */
  forbids: (subdir: string, depends: string) => boolean;
}): Promise<Finding[]> {
  const { signal, dependencies, artifacts, kept, changed, forbids } = options;
  if (dependencies === 'none' && !changed) return [];
  const all = await inSteps(findingOpenDependencies(artifacts), signal);
  const open = dependencies === 'none' ? all : all.filter(({ path, depends }) => !forbids(splitPath(path)[0], depends));
  if (open.length === 0) return [];
  const unpicked = new Set(kept.map(({ path }) => path));
  const shown = open.slice(0, MANY).map(({ path: file, depends }) => `${file} needs ${depends}`);
  const count = open.length === 1 ? '1 dependency is' : `${open.length} dependencies are`;
  return [
    {
      code: 'open-dependencies',
      message: `${count} satisfied by nothing in the mirror: ${listed(shown, open.length)}`,
      // A mirror that is filtered on purpose need not be closed, and cron should not hear each night of that, nor of what only waits for `clean`.
      exit: dependencies !== 'none' && open.some(({ path }) => !unpicked.has(path)),
    },
  ];
}
