import { bzip2Compress, bzip2Decompress } from '../../codec/bzip2.js';
import { digestsOf, type Digests } from '../../codec/digests.js';
import { isTooLarge } from '../../codec/limits.js';
import { zstdCompress, zstdDecompress } from '../../codec/zstd.js';
import { INDEX_NAMES } from '../manifest/manifest.js';

/** More is no index: the largest one known unpacks to a fifth of it. */
export const MAX_INDEX_BYTES = 1_500_000_000;

export interface IndexFile extends Digests {
  /** Relative to the channel, with `/`. */
  path: string;
  bytes: Uint8Array;
}

/** File names of {@link packIndexFiles}, `repodata.json` first. */
export function indexNames({ bz2 }: { bz2: boolean }): readonly string[] {
  return bz2 ? INDEX_NAMES : INDEX_NAMES.slice(0, 2);
}

/**
 * The index files of one subdir, in lockstep: `repodata.json`, its `.zst` (a stale one would beat a fresh `.json`, so both or none),
 * and `.bz2` when asked, for conda 4.3.
 */
export async function packIndexFiles(
  subdir: string,
  json: Uint8Array,
  { bz2 }: { bz2: boolean },
): Promise<IndexFile[]> {
  const forms = [json, await zstdCompress(json), ...(bz2 ? [await bzip2Compress(json)] : [])];
  return forms.map((bytes, at) => Object.assign(digestsOf(bytes), { path: `${subdir}/${INDEX_NAMES[at]}`, bytes }));
}

/** The content of an index file, packed as its name says. Throws E_DECOMPRESS. */
export async function unpackIndex(name: string, bytes: Uint8Array, maxBytes = MAX_INDEX_BYTES): Promise<Uint8Array> {
  if (name.endsWith('.zst')) return zstdDecompress(bytes, { maxBytes });
  return name.endsWith('.bz2') ? bzip2Decompress(bytes, { maxBytes }) : bytes;
}

/** Whether a packed form unpacks to `json` and nothing else. Throws E_DECOMPRESS where it can't be unpacked. */
export async function isFormOf(name: string, packed: Uint8Array, json: Uint8Array): Promise<boolean> {
  try {
    // One byte more than there should be is enough to see that it is too much.
    return Buffer.compare(await unpackIndex(name, packed, json.length + 1), json) === 0;
  } catch (error) {
    if (isTooLarge(error)) return false;
    throw error;
  }
}
