import { bzip2Compress } from '../../codec/bzip2.js';
import { digestsOf, type Digests } from '../../codec/digests.js';
import { zstdCompress } from '../../codec/zstd.js';
import { buildRepodata, type IndexedArtifact } from './repodata.js';

export interface IndexFile extends Digests {
  /** Relative to the channel, with `/`. */
  path: string;
  bytes: Uint8Array;
}

/** File names of {@link makeIndexFiles}, `repodata.json` first. */
export function indexNames({ bz2 }: { bz2: boolean }): string[] {
  return ['repodata.json', 'repodata.json.zst', ...(bz2 ? ['repodata.json.bz2'] : [])];
}

/**
 * The index files of one subdir, in lockstep: `repodata.json`, its `.zst` (a stale one would beat a fresh `.json`, so both or none),
 * and `.bz2` when asked, for conda 4.3. A subdir without packages gets an empty index (CEP 26: `noarch/repodata.json` must exist).
 */
export async function makeIndexFiles(
  subdir: string,
  artifacts: readonly IndexedArtifact[],
  options: { bz2: boolean },
): Promise<IndexFile[]> {
  return packIndexFiles(subdir, buildRepodata(subdir, artifacts), options);
}

/** The same of a `repodata.json` that is made already. */
export async function packIndexFiles(
  subdir: string,
  json: Uint8Array,
  { bz2 }: { bz2: boolean },
): Promise<IndexFile[]> {
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
