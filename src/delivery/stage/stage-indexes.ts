import { dirname, join } from 'node:path';
import { digestsOf } from '../../codec/digests.js';
import type { LiveFolder, StagedFile } from '../../channel/staged.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { IndexFile } from '../proposal.js';
import { checkFreeSpace } from './staging.js';
import { writeStaged } from './write-staged.js';

/** Writes new indexes into the staging folder `dir`. Throws E_DISK, E_DISK_FULL. */
export async function stageIndexes(
  rt: Runtime,
  { indexes, live, dir }: { indexes: readonly IndexFile[]; live: LiveFolder; dir: string },
): Promise<StagedFile[]> {
  // Once more for what they are put over.
  const needed = 2 * indexes.reduce((sum, { bytes }) => sum + bytes.length, 0);
  await checkFreeSpace(rt, dir, needed);
  const staged: StagedFile[] = [];
  for (const { path, kind, bytes, mtimeMs } of indexes) {
    const file = join(dir, path);
    await rt.fs.mkdirp(dirname(file));
    await writeStaged(rt, bytes, { dir, path: file, mtimeMs, needed });
    staged.push({ path, kind, ...digestsOf(bytes), mtimeMs, change: live.files.has(path) ? 'changed' : 'added' });
  }
  return staged;
}
