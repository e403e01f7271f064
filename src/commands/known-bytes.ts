import path from 'node:path';
import type { LiveFolder } from '../model/staged.js';
import type { ArtifactStore, StoredFile } from '../model/store.js';

/**
 * The store with the label folder before it: what lies there was hashed in this run under the label's lock, so it need not be read
 * once more, and a label that is as it should be needs nothing from the store or the network. The proof reads all of it again.
 */
export function storeWithLive(store: ArtifactStore, live: LiveFolder): ArtifactStore {
  const bySha256 = new Map<string, StoredFile>();
  for (const [name, { size, sha256, md5 }] of live.files) {
    if (name.includes('/')) bySha256.set(sha256, { path: path.join(live.dir, name), size, sha256, md5 });
  }
  return {
    ...store,
    find: async (expected) => {
      const known = bySha256.get(expected.sha256 ?? '');
      const fits =
        known !== undefined &&
        (expected.md5 ?? known.md5) === known.md5 &&
        (expected.size ?? known.size) === known.size;
      return fits ? known : store.find(expected);
    },
  };
}
