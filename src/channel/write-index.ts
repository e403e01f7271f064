import { bzip2Compress } from '../codec/bzip2.js';
import { digestsOf, type Digests } from '../codec/digests.js';
import { zstdCompress } from '../codec/zstd.js';
import { buildRepodata, type IndexedArtifact } from './repodata.js';

export interface IndexFile extends Digests {
  /** Relative to the channel, with `/`. */
  path: string;
  bytes: Uint8Array;
}

/**
 * The index files of one subdir, in lockstep: `repodata.json`, its `.zst` (a stale one would beat a fresh `.json`, so both or none),
 * and `.bz2` when asked, for conda 4.3. A subdir without packages gets an empty index (CEP 26: `noarch/repodata.json` must exist).
 */
export async function makeIndexFiles(
  subdir: string,
  artifacts: readonly IndexedArtifact[],
  { bz2 }: { bz2: boolean },
): Promise<IndexFile[]> {
  const json = buildRepodata(subdir, artifacts);
  const files = [
    indexFile(`${subdir}/repodata.json`, json),
    indexFile(`${subdir}/repodata.json.zst`, await zstdCompress(json)),
  ];
  if (bz2) files.push(indexFile(`${subdir}/repodata.json.bz2`, await bzip2Compress(json)));
  return files;
}

function indexFile(path: string, bytes: Uint8Array): IndexFile {
  return { path, bytes, ...digestsOf(bytes) };
}
