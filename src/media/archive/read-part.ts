import { plural } from '../../base/plural.js';
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { ahead } from '../../base/ahead.js';
import { piecesOf } from '../../codec/digests.js';
import { zstdDecompressFrames } from '../../codec/zstd-stream.js';
import { isRepackError } from '../../base/errors.js';
import { MANIFEST_NAME, SIGNATURE_NAME } from '../../channel/manifest/manifest.js';
import { shown } from '../../conda/channel/names.js';
import { parsePartHeader, type PartHeader, type SetPart } from '../set/headers.js';
import { partHeaderName } from '../set/names.js';
import { openBlocks, type Blocks } from './blocks.js';
import { hashBeside, type HashBeside } from './hash-beside.js';
import { unreadable, type MediaRuntime, type MediumFile } from './read-media.js';
import { readTar, TarFault, type TarMember } from './read-tar.js';

/** The header of a part of a million members is about 200 MB. */
const MAX_HEADER_BYTES = 256 * 1024 * 1024;
/** Twice the largest index there is. */
const MAX_KEPT_BYTES = 1024 * 1024 * 1024;
const MAX_SIGNATURE_BYTES = 64 * 1024;
/** More than any part unpacks to: what really comes out is held against the header, member by member. */
const MAX_TAR_BYTES = Number.MAX_SAFE_INTEGER;

/** A part on its medium, known by its header. */
export interface FoundPart {
  part: SetPart;
  file: MediumFile;
  header: PartHeader;
}

/** How a part begins. */
export interface PartStart {
  header: PartHeader;
  /** Part 1 only. */
  manifest: Uint8Array | undefined;
  signature: Uint8Array | undefined;
}

/** Where in the (unpacked) part a file of the folder lies. */
export interface MemberPlace {
  offset: number;
  size: number;
}

/**
 * Reads the header of a part, and of part 1 also manifest and signature. Reads no further.
 *
 * @throws RepackError E_MEDIUM (unreadable, or no part header); TarFault or E_DECOMPRESS where it does not begin as a part does.
 */
export async function readPartStart(rt: MediaRuntime, file: MediumFile): Promise<PartStart> {
  return withPart(rt, file, async (tar) => {
    const members = readTar(tar);
    const first = await nextMember(members);
    if (!/\.part\d{3,}\.json$/.test(first.path)) throw new TarFault('it does not begin with a part header');
    const header = parsePartHeader(await contentOf(first, MAX_HEADER_BYTES), `${first.path} in ${file.path}`);
    if (first.path !== partHeaderName(header.name, header.number)) throw new TarFault('its header has another name');
    const start: PartStart = { header, manifest: undefined, signature: undefined };
    if (header.number === 1) {
      const manifest = await nextMember(members);
      if (manifest.path !== `${header.label}/${MANIFEST_NAME}`)
        throw new TarFault('it has no manifest behind its header');
      start.manifest = await contentOf(manifest, MAX_HEADER_BYTES);
      if (header.members[1]?.path === `${header.label}/${SIGNATURE_NAME}`)
        start.signature = await contentOf(await nextMember(members), MAX_SIGNATURE_BYTES);
    }
    await members.return(undefined);
    return start;
  });
}

export interface PartCheck {
  /** Paths in the folder whose bytes are wanted in memory. */
  keep: (path: string) => boolean;
  /** Bytes of the part that were read since the last call. */
  onBytes?: ((bytes: number) => void) | undefined;
}

export interface CheckedPart {
  members: ReadonlyMap<string, MemberPlace>;
  kept: ReadonlyMap<string, Uint8Array>;
}

/**
 * Reads a whole part: its sha256, and every member's name, type, size and sha256 against the header, in the header's order and no other
 * (bad-inputs G1–G4: a member that is not expected is refused before a byte of it is read). Writes nothing.
 *
 * Gives a clause where the part is damaged on this medium.
 *
 * @throws TarFault where its bytes are what the set file says and yet wrong: the set is not one that was made by this program.
 */
export async function checkPart(
  rt: MediaRuntime,
  { part, file, header }: FoundPart,
  { keep, onBytes }: PartCheck,
): Promise<CheckedPart | string> {
  const raw = hashBeside(rt, 'sha256', { bytes: part.size });
  try {
    const checked = await withPart(rt, file, (tar) => checkMembers(tar, header, keep), { raw, onBytes });
    return (await raw.digest()) === part.sha256 ? checked : OTHER_BYTES;
  } catch (error) {
    if (isRepackError(error) && error.code === 'E_MEDIUM') return error.what.replace(/^The medium /, 'it ');
    if (!(error instanceof TarFault) && !(isRepackError(error) && error.code === 'E_DECOMPRESS')) throw error;
    const whole = createHash('sha256');
    await withHandle(rt, file, async (handle) => {
      for await (const piece of watched(rt, { handle, file })) whole.update(piece);
    });
    if (whole.digest('hex') !== part.sha256) return OTHER_BYTES;
    throw error instanceof TarFault ? error : new TarFault(error.what);
  } finally {
    await raw.close();
  }
}

const OTHER_BYTES = 'its sha256 is not the one in the set file: it was damaged on the way';

/**
 * The wanted files of a checked part, in its order. What lies between is not read where the part is not packed. A piece of content is
 * overwritten by the next one.
 */
export async function* walkPart(
  rt: MediaRuntime,
  { file, members }: { file: MediumFile; members: ReadonlyMap<string, MemberPlace> },
  wanted: (path: string) => boolean,
): AsyncGenerator<{ path: string; content: AsyncIterable<Uint8Array> }> {
  const places = [...members].filter(([path]) => wanted(path));
  if (places.length === 0) return;
  const handle = await rt.fs.openNoFollow(file.path).catch((error: unknown) => {
    throw unreadable(file.path, error);
  });
  try {
    if (!(await isPacked(handle))) {
      for (const [path, { offset, size }] of places)
        yield { path, content: rangeOf(rt, { handle, file, offset, size }) };
      return;
    }
    const paths = new Map(places.map(([path, { offset }]) => [offset, path]));
    for await (const member of readTar(unpacked(watched(rt, { handle, file })))) {
      const path = paths.get(member.offset);
      if (path !== undefined) yield { path, content: member.content };
    }
  } finally {
    await handle.close();
  }
}

async function checkMembers(
  tar: AsyncIterable<Uint8Array>,
  header: PartHeader,
  keep: PartCheck['keep'],
): Promise<CheckedPart> {
  const places = new Map<string, MemberPlace>();
  const kept = new Map<string, Uint8Array>();
  const prefix = `${header.label}/`;
  let index = -1;
  for await (const member of readTar(tar)) {
    const expected = header.members[index];
    if (index++ === -1) {
      if (member.path !== partHeaderName(header.name, header.number))
        throw new TarFault('it does not begin with its header');
      continue;
    }
    if (expected === undefined) throw new TarFault(`${shown(member.path)} is in it, which its header does not list`);
    if (member.path !== expected.path) {
      throw new TarFault(`${shown(member.path)} is in it where its header has ${shown(expected.path)}`);
    }
    if (member.size !== expected.size) {
      throw new TarFault(`${expected.path} has ${plural(member.size, 'byte')} in it, its header says ${expected.size}`);
    }
    const path = expected.path.slice(prefix.length);
    const hash = createHash('sha256');
    const pieces: Uint8Array[] | undefined = keep(path) ? [] : undefined;
    if (pieces !== undefined && member.size > MAX_KEPT_BYTES)
      throw new TarFault(`${expected.path} has ${plural(member.size, 'byte')}`);
    for await (const piece of member.content) {
      hash.update(piece);
      pieces?.push(piece.slice());
    }
    if (hash.digest('hex') !== expected.sha256)
      throw new TarFault(`${expected.path} in it has another sha256 than its header says`);
    places.set(path, { offset: member.offset, size: member.size });
    if (pieces !== undefined) kept.set(path, Buffer.concat(pieces));
  }
  if (index !== header.members.length) {
    throw new TarFault(
      `it holds ${Math.max(index, 0)} of the ${plural(header.members.length, 'file')} that its header lists`,
    );
  }
  return { members: places, kept };
}

/** `raw` is given all bytes that are read. */
function withPart<T>(
  rt: MediaRuntime,
  file: MediumFile,
  work: (tar: AsyncIterable<Uint8Array>) => Promise<T>,
  whole?: { raw: HashBeside; onBytes: PartCheck['onBytes'] },
): Promise<T> {
  return withHandle(rt, file, async (handle) => {
    const pieces = whole === undefined ? watched(rt, { handle, file }) : hashed(rt, { handle, file }, whole);
    return work((await isPacked(handle)) ? unpacked(pieces) : pieces);
  });
}

/** What the disk says no to is a matter of the medium. */
async function withHandle<T>(rt: MediaRuntime, file: MediumFile, work: (handle: FileHandle) => Promise<T>): Promise<T> {
  try {
    const handle = await rt.fs.openNoFollow(file.path);
    try {
      return await work(handle);
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw unreadable(file.path, error);
  }
}

interface OpenPart {
  handle: FileHandle;
  file: MediumFile;
}

async function* watched(rt: MediaRuntime, { handle, file }: OpenPart): AsyncGenerator<Uint8Array> {
  try {
    for await (const piece of piecesOf(handle)) {
      rt.signal.throwIfAborted();
      yield piece;
    }
  } catch (error) {
    throw unreadable(file.path, error);
  }
}

/** The same, and a piece is read and the one before it hashed while that is worked on. */
async function* hashed(
  rt: MediaRuntime,
  { handle, file }: OpenPart,
  { raw, onBytes }: { raw: HashBeside; onBytes: PartCheck['onBytes'] },
): AsyncGenerator<Uint8Array> {
  const blocks = openBlocks();
  try {
    for await (const piece of ahead(blocksOf(handle, blocks))) {
      rt.signal.throwIfAborted();
      const used = raw.update(piece);
      onBytes?.(piece.length);
      yield piece;
      const give = (): void => blocks.give(piece);
      void used.then(give, give);
    }
  } catch (error) {
    throw unreadable(file.path, error);
  }
}

async function* blocksOf(handle: FileHandle, blocks: Blocks): AsyncGenerator<Uint8Array> {
  for (let position = 0; ;) {
    const block = await blocks.take();
    const { bytesRead } = await handle.read(block, 0, block.length, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield block.subarray(0, bytesRead);
  }
}

function unpacked(pieces: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  return zstdDecompressFrames(pieces, { maxBytes: MAX_TAR_BYTES });
}

/** By its first bytes: what it is called does not decide. */
async function isPacked(handle: FileHandle): Promise<boolean> {
  const magic = new Uint8Array(4);
  await handle.read(magic, 0, 4, 0);
  return Buffer.from(magic).toString('hex') === '28b52ffd';
}

async function* rangeOf(
  rt: MediaRuntime,
  { handle, file, offset, size }: OpenPart & MemberPlace,
): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(Math.min(size, 1 << 20));
  for (let done = 0; done < size;) {
    rt.signal.throwIfAborted();
    const { bytesRead } = await handle
      .read(buffer, 0, Math.min(buffer.length, size - done), offset + done)
      .catch((error: unknown) => {
        throw unreadable(file.path, error);
      });
    if (bytesRead === 0) return;
    done += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

async function nextMember(members: AsyncGenerator<TarMember>): Promise<TarMember> {
  const { done, value } = await members.next();
  if (done === true) throw new TarFault('it holds nothing');
  return value;
}

async function contentOf(member: TarMember, maxBytes: number): Promise<Uint8Array> {
  if (member.size > maxBytes) throw new TarFault(`${shown(member.path)} in it claims ${member.size} bytes`);
  const pieces: Uint8Array[] = [];
  // Grows with what comes, not with what is claimed.
  for await (const piece of member.content) pieces.push(piece.slice());
  return Buffer.concat(pieces);
}
