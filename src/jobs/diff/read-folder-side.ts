import { RepackError } from '../../base/errors.js';
import { PAPERS_NAME } from '../../channel/manifest/manifest.js';
import { formatOf } from '../../conda/channel/names.js';
import type { Runtime } from '../../runtime/runtime.js';
import { readFolder } from '../../channel/read/read-folder.js';
import { readIndexes } from '../../channel/read/read-indexes.js';
import { lazyRecordDigest } from './side-content.js';
import type { SideContent, SideFileEntry } from './side-content.js';

/** A channel folder without a manifest of ours: its files as they are, each read and hashed; records from its indexes. Throws E_NOT_A_CHANNEL. */
export async function readBareFolder(rt: Runtime, dir: string): Promise<SideContent> {
  const folder = await readFolder(rt, dir, { sides: [PAPERS_NAME] });
  if (folder.subdirs.length === 0) {
    throw new RepackError('E_NOT_A_CHANNEL', {
      what: 'This folder is no channel: it has no manifest and no subdir',
      where: dir,
      hint: 'Give the folder that holds noarch/repodata.json.',
    });
  }
  const { indexes } = await readIndexes(folder, { needsZst: false });
  const files = [...folder.files].map(([path, { size, sha256, md5 }]): SideFileEntry => {
    const [subdir = '', fn = ''] = path.split('/');
    const index = formatOf(fn) === undefined ? undefined : indexes.get(subdir);
    const record = index?.record(fn);
    return {
      path,
      size,
      sha256,
      md5,
      record: record === undefined ? undefined : lazyRecordDigest({ fn, subdir, record }),
    };
  });
  return { manifest: undefined, root: [], files };
}
