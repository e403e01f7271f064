import { bzip2DecompressStream } from '../codec/bzip2.js';
import { zstdDecompressStream } from '../codec/zstd.js';
import { parseDistFilename } from '../conda/channel/names.js';
import { asCorrupt, corrupt, misfit } from './corrupt.js';
import { streamRange, type RandomAccessSource } from './source.js';
import { readTarMembers } from './tar-members.js';

export interface ReadInfoOptions {
  /** The name that the artifact must bear inside too: `numpy-1.26.4-py39_0.conda`. */
  distFilename: string;
  /** Names as in the archive: `info/index.json`, `info/has_prefix`, … */
  wanted: readonly string[];
  /** The largest member that is read, in bytes. */
  maxMemberBytes?: number;
  /** The most that the archive is unpacked to, read or not, in bytes. Default: 256 MiB and 200 times its size. */
  maxUnpackedBytes?: number;
  /**
   * Read every byte and check every checksum, for an artifact whose digest nobody has stated. By default reading stops when all that is wanted
   * is found, and damage behind it goes unseen.
   */
  whole?: boolean;
  /** As of `readTarMembers`; of a `.conda` it is told of the `info-` member only. */
  goesOn?: (name: string) => boolean;
}

const MAX_MEMBER_BYTES = 64 * 1024 * 1024;

/**
 * Reads files out of `info/` of a `.conda` or `.tar.bz2` artifact, streamed. What is returned has passed a checksum of the
 * archive (CRC-32 of the member in a `.conda`, of the block in a `.tar.bz2`). Wanted files that are not there are
 * missing from the result. Nothing in the archive is taken as a path.
 *
 * @throws RepackError E_ARTIFACT_CORRUPT naming the artifact and the reason (rows C11, N9 of the threat model): empty, not an
 *   archive, truncated, damaged, misnamed inside, a bomb. E_RECORD where `distFilename` is none. Errors of the disk as they are.
 */
export async function readInfo(source: RandomAccessSource, options: ReadInfoOptions): Promise<Map<string, Uint8Array>> {
  const { distFilename } = options;
  const { format, stem } = parseDistFilename(distFilename);
  const problem = misfit(await source.read(0, 512), format);
  if (problem !== undefined) throw corrupt(distFilename, problem);
  try {
    return format === 'conda' ? await readConda(source, stem, options) : await readTarBz2(source, options);
  } catch (error) {
    throw asCorrupt(distFilename, error);
  }
}

async function readConda(
  source: RandomAccessSource,
  stem: string,
  options: ReadInfoOptions,
): Promise<Map<string, Uint8Array>> {
  // A reader of zip files, which a plan that finds nothing new has no use for.
  const { checkMemberCrc, locateCondaMembers } = await import('./conda-members.js');
  const { info, pkg } = await locateCondaMembers(source, stem);
  // Before unpacking: the streaming zstd decoder takes flipped bits without a word.
  await checkMemberCrc(source, info);
  if (options.whole === true) await checkMemberCrc(source, pkg);
  const packed = streamRange(source, info.start, info.end);
  return readTarMembers(
    zstdDecompressStream(packed, { maxBytes: options.maxUnpackedBytes ?? believableSize(info.end - info.start) }),
    tarOptions(options),
  );
}

async function readTarBz2(source: RandomAccessSource, options: ReadInfoOptions): Promise<Map<string, Uint8Array>> {
  return readTarMembers(
    bzip2DecompressStream(source.stream(), { maxBytes: options.maxUnpackedBytes ?? believableSize(source.size) }),
    tarOptions(options),
  );
}

function tarOptions({ wanted, maxMemberBytes = MAX_MEMBER_BYTES, whole = false, goesOn }: ReadInfoOptions) {
  return { wanted: new Set(wanted), maxMemberBytes, whole, goesOn };
}

/** Real packages unpack to 2 to 50 times their size, small ones of long runs to more. What is beyond this is a bomb. */
function believableSize(packedSize: number): number {
  return 256 * 1024 * 1024 + 200 * packedSize;
}
