import { pathOf } from '../conda/channel/names.js';
import { recordDigest } from '../channel/index/repodata.js';
import { compareChannels, liveContent } from '../channel/compare-channels.js';
import { isIndexPath } from '../channel/manifest/manifest.js';
import type { PlannedArtifact } from '../conda/plan/plan.js';
import type { ChannelChanges, LiveFolder } from '../channel/staged.js';

export interface PlannedChanges {
  /** `bytesToTravel` counts packages only. */
  changes: ChannelChanges;
  /** Paths in the subdirs that are no index and would not be there afterwards. */
  leaving: string[];
}

/** What a run would change, told from the records alone: nothing is fetched. */
export function plannedChanges(live: LiveFolder, artifacts: readonly PlannedArtifact[]): PlannedChanges {
  const after = artifacts.map((artifact) => {
    const { record } = artifact;
    return {
      path: pathOf(artifact),
      size: record?.size ?? 0,
      sha256: record?.sha256 ?? digestByMd5(live.files.get(pathOf(artifact)), record?.md5),
      ...(record === undefined ? {} : { record: recordDigest({ ...artifact, record }) }),
    };
  });
  const before = liveContent(live).filter(({ path }) => path.includes('/') && !isIndexPath(path));
  const names = new Set(after.map((file) => file.path));
  return {
    changes: compareChannels(before, after),
    leaving: before.map((file) => file.path).filter((path) => !names.has(path)),
  };
}

/** A channel that states no sha256: the live file counts as the same when its md5 is the stated one. */
function digestByMd5(file: { md5: string; sha256: string } | undefined, md5: string | null | undefined): string {
  return file !== undefined && file.md5 === md5 ? file.sha256 : '';
}
