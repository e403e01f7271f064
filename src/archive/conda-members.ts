import { crc32 } from 'node:zlib';
import { fromRandomAccessReaderPromise, RandomAccessReader, type Entry, type ZipFile } from 'yauzl';
import { streamRange, type RandomAccessSource } from './source.js';

/** A stored member of a `.conda` file: where its bytes lie. Offsets in bytes. */
export interface CondaMember {
  name: string;
  start: number;
  end: number;
  crc32: number;
}

/** A package has three members, one more for each signature. */
const MAX_ENTRIES = 100;

/**
 * The `info-` and `pkg-` members of a `.conda` file (conda-package-streaming's format 2): exactly one each, named after the
 * package, stored without further compression. Reads the zip's directory and their local headers only. Sizes come from the
 * directory, so data descriptors are no matter; zip64 is understood.
 *
 * @throws Error saying what is wrong with the zip file.
 */
export async function locateCondaMembers(
  source: RandomAccessSource,
  stem: string,
): Promise<Record<CondaPart, CondaMember>> {
  const zip = await fromRandomAccessReaderPromise(new SourceReader(source), source.size, { strictFileNames: true });
  try {
    const entries = await readDirectory(zip);
    return { info: await locate(zip, entries, 'info', stem), pkg: await locate(zip, entries, 'pkg', stem) };
  } finally {
    zip.close();
  }
}

export type CondaPart = 'info' | 'pkg';

/** Reads a member through and compares its CRC-32, which yauzl does not. Throws Error where it differs. */
export async function checkMemberCrc(source: RandomAccessSource, member: CondaMember): Promise<void> {
  let crc = 0;
  for await (const chunk of streamRange(source, member.start, member.end)) crc = crc32(chunk, crc);
  if (crc !== member.crc32) throw new Error(`the checksum of its member ${member.name} is wrong`);
}

async function readDirectory(zip: ZipFile): Promise<Entry[]> {
  if (zip.entryCount > MAX_ENTRIES) throw new Error(`it has ${zip.entryCount} members, where a package has three`);
  const entries: Entry[] = [];
  for await (const entry of zip.eachEntry()) {
    if (entries.some((other) => other.fileName === entry.fileName))
      throw new Error(`it has two members named ${entry.fileName}`);
    entries.push(entry);
  }
  return entries;
}

async function locate(zip: ZipFile, entries: readonly Entry[], part: CondaPart, stem: string): Promise<CondaMember> {
  const name = `${part}-${stem}.tar.zst`;
  const parts = entries.filter(({ fileName }) => fileName.startsWith(`${part}-`) && fileName.endsWith('.tar.zst'));
  const [entry] = parts;
  if (entry === undefined) throw new Error(`it has no member ${name}`);
  if (parts.length > 1)
    throw new Error(`it has ${parts.length} "${part}-" members: ${parts.map(({ fileName }) => fileName).join(', ')}`);
  if (entry.fileName !== name)
    throw new Error(`its member is named ${entry.fileName} instead of ${name}: the file was renamed`);
  if (entry.isEncrypted()) throw new Error(`its member ${name} is encrypted`);
  if (entry.compressionMethod !== 0)
    throw new Error(`its member ${name} is not stored as it is (zip method ${entry.compressionMethod})`);
  const local = await zip.readLocalFileHeaderPromise(entry);
  if (!local.fileName.equals(entry.fileNameRaw))
    throw new Error(`its directory and its member ${name} disagree about the name`);
  return { name, start: local.fileDataStart, end: local.fileDataStart + entry.compressedSize, crc32: entry.crc32 };
}

/** yauzl's way of asking, answered by a source. */
class SourceReader extends RandomAccessReader {
  constructor(private readonly source: RandomAccessSource) {
    super();
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null, bytesRead?: number) => void,
  ): void {
    this.source.read(position, length).then(
      (piece) => {
        buffer.set(piece, offset);
        callback(null, piece.length);
      },
      (error: unknown) => callback(error instanceof Error ? error : new Error(String(error))),
    );
  }
}
