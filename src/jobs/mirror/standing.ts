import path from 'node:path';
import { withBytes } from '../../mirror/sync/artifact.js';
import type { MirrorArtifact } from '../../mirror/sync/artifact.js';
import type { AcquiredArtifact } from '../../conda/plan/plan.js';
import type { LiveFile, LiveFolder, SideFile } from '../../channel/staged.js';

/** An artifact that lies in the mirror, as one that is at hand. */
export function standingArtifact(
  { dir }: LiveFolder,
  { artifact, live }: { artifact: MirrorArtifact; live: LiveFile },
): AcquiredArtifact {
  return withBytes(artifact, { ...live, storePath: path.join(dir, artifact.subdir, artifact.fn), source: 'store' });
}

/** The side files that lie there with the bytes that the manifest states. */
export function standingSideFiles(live: LiveFolder): SideFile[] {
  return (live.manifest?.files ?? []).flatMap(({ path: file, kind, sha256 }) => {
    const there = live.files.get(file);
    if (kind !== 'side' || there === undefined || there.sha256 !== sha256) return [];
    return [{ path: file, storePath: path.join(live.dir, file), ...there }];
  });
}
