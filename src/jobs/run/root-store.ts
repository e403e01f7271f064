import path from 'node:path';
import type { ArtifactStore } from '../../conda/plan/artifact-store.js';
import { STATE_NAME } from '../../delivery/place/root.js';
import type { Runtime } from '../../runtime/runtime.js';
import { storeWithRoot } from '../../store/store-with-root.js';

/** The store of a job on a folder below `root`, with what ROOT has behind it. */
export function rootStore(rt: Runtime, store: ArtifactStore, root: string): ArtifactStore {
  return storeWithRoot(rt, store, { root, pool: path.join(root, STATE_NAME, '.kept') });
}
