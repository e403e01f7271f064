import { checkFreeSpace } from '../../delivery/stage/staging.js';
import type { LabelFolder } from '../../delivery/place/label-folder.js';
import type { ArtifactStore } from '../../conda/plan/artifact-store.js';
import type { PlannedArtifact } from '../../conda/plan/plan.js';
import type { Runtime } from '../../runtime/runtime.js';

interface DiskNeeds {
  artifacts: readonly PlannedArtifact[];
  store: ArtifactStore;
  folder: Pick<LabelFolder, 'place' | 'live'>;
  cacheDir: string;
}

/**
 * Told before the first byte is fetched, not after the last: what the store does not have yet, and what is to be staged beside the label
 * folder. An artifact whose size no record states counts nothing.
 *
 * @throws RepackError E_DISK_FULL
 */
export async function refuseSmallDisks(rt: Runtime, { artifacts, store, folder, cacheDir }: DiskNeeds): Promise<void> {
  const { place, live } = folder;
  const needed = { store: 0, root: 0 };
  for (const { subdir, fn, record } of artifacts) {
    // Records that can't be used are refused when they are fetched, all at once.
    if (typeof record?.size !== 'number' || !(record.size > 0)) continue;
    const [sha256, md5] = [record.sha256?.toLowerCase(), record.md5?.toLowerCase()];
    const there = live.files.get(`${subdir}/${fn}`);
    if (there !== undefined && there.size === record.size && (sha256 ?? there.sha256) === there.sha256) continue;
    needed.root += record.size;
    if (!(await store.holds({ sha256, md5 }))) needed.store += record.size;
  }
  if (needed.root === 0) return;
  const [cache, root] = await Promise.all([cacheDir, place.stateDir].map((dir) => rt.fs.stat(dir)));
  const oneVolume = cache?.dev === root?.dev;
  await checkFreeSpace(rt, place.stateDir, needed.root + (oneVolume ? needed.store : 0));
  if (!oneVolume && needed.store > 0) await checkFreeSpace(rt, cacheDir, needed.store, '--cache-dir');
}
