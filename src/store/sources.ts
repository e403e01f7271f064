import type { Finding } from '../base/findings.js';
import type { ArtifactStore, FetchArtifact } from '../conda/plan/artifact-store.js';
import type { AcquireProgress } from './progress.js';

/** Everything one artifact's way through the sources needs. */
export interface Sources {
  store: ArtifactStore;
  caches: readonly string[];
  fetch: FetchArtifact | undefined;
  progress: AcquireProgress;
  findings: Finding[];
  /** sha256 of what was downloaded earlier in this run. */
  downloaded: ReadonlySet<string>;
}
