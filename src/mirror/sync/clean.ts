import type { Channel, Subdir } from '../../conda/channel/channel.js';
import type { RepodataIndex } from '../../conda/record/repodata-index.js';
import type { LiveFile, LiveFolder } from '../../channel/staged.js';
import type { MirrorSource, PickedFile } from '../select/select.js';
import { mirrorArtifact, type MirrorArtifact } from './artifact.js';

export interface MirrorCleanTask {
  live: LiveFolder;
  sources: readonly MirrorSource[];
  declared: readonly Channel[];
  /** What the filter picks. */
  picked: readonly Pick<PickedFile, 'channel' | 'subdir' | 'fn'>[];
  /** File names of the installers that the mirror file names. */
  installers: readonly string[];
  /** The mirror's own index of a subdir. */
  liveIndex: (subdir: Subdir) => RepodataIndex | undefined;
}

export interface MirrorCleanPlan {
  /** Stay, each with the record it has in the mirror: cleaning is no synchronisation. */
  stays: { artifact: MirrorArtifact; live: LiveFile }[];
  /** Leave, with why. */
  leaves: { path: string; size: number; because: 'filter' | 'channel' | 'installer' }[];
  /** Lie in a subdir whose index in the mirror is damaged: they have no record with which they could stay. */
  unindexed: string[];
}

/**
 * What the mirror's filter no longer matches (design: a changed filter removes nothing until `clean`). Pure.
 *
 * Only what lies in the mirror and the filter does not pick today leaves: left out by a list, of a channel that is no longer declared, of a
 * platform that is no longer named, an installer that is no longer listed. What its channel has withdrawn is left to the next `mirror`, with
 * its guard against a bad day upstream.
 */
export function planMirrorClean(task: MirrorCleanTask): MirrorCleanPlan {
  const { live, sources, declared, picked, installers, liveIndex } = task;
  const wanted = new Set(picked.map(({ subdir, fn }) => `${subdir}/${fn}`));
  const plan: MirrorCleanPlan = { stays: [], leaves: [], unindexed: [] };
  for (const file of live.manifest?.files ?? []) {
    const there = live.files.get(file.path);
    if (there === undefined) continue;
    const [subdir = '', fn = ''] = file.path.split('/');
    if (file.kind === 'side') {
      if (subdir === 'installers' && !installers.includes(fn))
        plan.leaves.push({ path: file.path, size: there.size, because: 'installer' });
      continue;
    }
    if (file.kind !== 'artifact') continue;
    const channel = declared.find(({ url }) => url === file.channel);
    const published = sources.some((source) => source.subdir === subdir && source.index.has(fn));
    const index = liveIndex(subdir);
    if (index?.has(fn) !== true) {
      plan.unindexed.push(file.path);
      continue;
    }
    if (wanted.has(file.path) || (channel !== undefined && !published)) {
      const from = channel ?? {
        url: file.channel ?? 'unknown',
        name: file.channel ?? 'unknown',
        authenticated: false,
        role: 'base' as const,
      };
      plan.stays.push({ artifact: mirrorArtifact({ channel: from, subdir, index }, fn), live: there });
    } else {
      plan.leaves.push({ path: file.path, size: there.size, because: channel === undefined ? 'channel' : 'filter' });
    }
  }
  return plan;
}
