import { readFileSync } from 'node:fs';
import yazl from 'yazl';
import { bzip2Compress } from '../../../src/codec/bzip2.js';
import { zstdCompress } from '../../../src/codec/zstd.js';
import { tarOf, type ArchiveMember } from '../../../scripts/lib/sample-upstream.js';
import { bufferSource, type RandomAccessSource } from '../../../src/archive/source.js';

export const STEM = 'pkg-1.0-0';

export const indexJson = (over: Record<string, unknown> = {}) =>
  JSON.stringify({ name: 'pkg', version: '1.0', build: '0', build_number: 0, depends: [], subdir: 'noarch', ...over });

/** An archive made by other people's tools: `test/fixtures/archives/make.py`. */
export const fixture = (name: string) =>
  new Uint8Array(readFileSync(new URL(`../../fixtures/archives/${name}`, import.meta.url)));

/** `deflate`, and descriptors as `addReadStream` writes them, are per member; `zip64` forces its fields everywhere. */
export interface ZipMember {
  name: string;
  content: Uint8Array | string;
  deflate?: boolean;
}

export async function zipOf(
  members: readonly ZipMember[],
  options: { zip64?: boolean; comment?: string } = {},
): Promise<Uint8Array> {
  const zip = new yazl.ZipFile();
  for (const { name, content, deflate = false } of members) {
    const bytes = Buffer.from(content as Uint8Array);
    zip.addBuffer(bytes, name, {
      compress: deflate,
      mtime: new Date(1980, 0, 1),
      forceZip64Format: options.zip64 ?? false,
    });
  }
  zip.end({ forceZip64Format: options.zip64 ?? false, comment: options.comment ?? '' });
  const chunks: Buffer[] = [];
  for await (const chunk of zip.outputStream) chunks.push(chunk as unknown as Buffer);
  return new Uint8Array(Buffer.concat(chunks));
}

export const zstTar = async (members: readonly ArchiveMember[]) => zstdCompress(await tarOf(members));

/** The three members of a good `.conda`; `over` replaces some by name, `undefined` takes one away. */
export async function condaMembers(
  over: Record<string, ZipMember['content'] | undefined> = {},
  { stem = STEM, info = [{ name: 'info/index.json', content: indexJson() }] as readonly ArchiveMember[] } = {},
): Promise<ZipMember[]> {
  const members: Record<string, ZipMember['content'] | undefined> = {
    'metadata.json': '{"conda_pkg_format_version": 2}',
    [`pkg-${stem}.tar.zst`]: await zstTar([{ name: 'share/pkg/about.txt', content: 'about' }]),
    [`info-${stem}.tar.zst`]: await zstTar(info),
    ...over,
  };
  return Object.entries(members).flatMap(([name, content]) => (content === undefined ? [] : [{ name, content }]));
}

export const condaOf = async (info: readonly ArchiveMember[]) => zipOf(await condaMembers({}, { info }));
export const tarBz2Of = async (members: readonly ArchiveMember[]) => bzip2Compress(await tarOf(members));

/** Replaces bytes at the place of the `nth` occurrence of a signature; the file stays as long. */
export function patched(
  bytes: Uint8Array,
  signature: readonly number[],
  edit: (view: DataView, at: number) => void,
  nth = 0,
): Uint8Array {
  const copy = bytes.slice();
  let at = -1;
  for (let i = 0; i <= nth; i++) at = Buffer.from(copy.buffer).indexOf(Buffer.from(signature), at + 1);
  if (at < 0) throw new Error('no such signature');
  edit(new DataView(copy.buffer), at);
  return copy;
}

export const LOCAL_HEADER = [0x50, 0x4b, 3, 4];
export const DIRECTORY_HEADER = [0x50, 0x4b, 1, 2];

/** A source that counts what is read of it. */
export function countingSource(bytes: Uint8Array): RandomAccessSource & { bytesRead(): number } {
  const plain = bufferSource(bytes);
  let count = 0;
  const counted = (piece: Uint8Array) => {
    count += piece.length;
    return piece;
  };
  return {
    size: plain.size,
    read: async (position, length) => counted(await plain.read(position, length)),
    stream: async function* (start) {
      for await (const piece of plain.stream(start)) yield counted(piece);
    },
    bytesRead: () => count,
  };
}
