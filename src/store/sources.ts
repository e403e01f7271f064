import type { Finding } from '../base/findings.js';
import type { ArtifactStore, FetchArtifact } from '../conda/plan/artifact-store.js';
import type { LiveFolder } from '../channel/staged.js';
import type { AcquireProgress } from './progress.js';

/** Everything one artifact's way through the sources needs. */
export interface Sources {
  store: ArtifactStore;
  /** The label folder as it was looked at. */
  live: Pick<LiveFolder, 'dir' | 'files'> | undefined;
  caches: readonly string[];
  fetch: FetchArtifact | undefined;
  progress: AcquireProgress;
  findings: Finding[];
  /** sha256 of what was downloaded earlier in this run. */
  downloaded: ReadonlySet<string>;
}
