import { plural } from '../../base/plural.js';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import type { FileHandle } from 'node:fs/promises';
import { RepackError } from '../../base/errors.js';
import { inParallel } from '../../base/parallel.js';
import { bzip2Compress } from '../../codec/bzip2.js';
import { sha256Of } from '../../codec/digests.js';
import { prepareZstd } from '../../codec/zstd.js';
import { unpackIndex } from '../../channel/index/forms.js';
import { sumsBytes } from '../../channel/manifest/make-manifest.js';
import { INDEX_NAMES, isIndexPath, MANIFEST_NAME, SIGNATURE_NAME, SUMS_NAME } from '../../channel/manifest/manifest.js';
import type { Manifest, ManifestFile } from '../../channel/manifest/manifest.js';
import type { FileSystem } from '../../runtime/fs.js';
import type { Runtime } from '../../runtime/runtime.js';
import { labelsOfRoot, STATE_NAME, type LabelPlace } from '../place/root.js';
import type { Generation } from './read-generations.js';
import { readManifest } from '../../channel/manifest/read-manifest.js';
import { poolPath } from './pool.js';
import { manifestOf, namedGeneration, signatureOf, type NamedGeneration } from './named-generation.js';

/** A folder to read from: one on disk, or what is kept of a generation. */
export interface ReadFolder {
  /** In it `dir` is a folder that can be read, whether it is on disk or not. */
  rt: Runtime;
  /** Absolute. */
  dir: string;
  named: NamedGeneration | undefined;
  /** Of a generation: files whose bytes are neither in the label folder nor in the pool. */
  missing: readonly ManifestFile[];
}

/**
 * What stands where a folder can: a path, or `ROOT/LABEL@N`. A generation looks like the folder that it was, read-only: manifest and packed
 * indexes as they were kept, artifacts and side files from the pool or the label folder, by digest; the other forms of an index are made anew.
 * What is not there any more is missing in it.
 *
 * @throws RepackError E_GENERATION: no such generation, or its manifest is not kept
 */
export async function openFolder(rt: Runtime, given: string): Promise<ReadFolder> {
  const named = await namedGeneration(rt, given);
  if (named === undefined) return { rt, dir: resolve(rt.machine.cwd, given), named, missing: [] };
  await prepareZstd();
  const { manifest, bytes } = manifestOf(named);
  const source = await makeSource(rt, named, manifest);
  const files = new Map(
    manifest.files.map((file): [string, () => Promise<Found | undefined>] => [file.path, () => source(file)]),
  );
  const own: [string, Uint8Array][] = [[MANIFEST_NAME, bytes]];
  const signature = await signatureOf(rt, named);
  if (signature !== undefined) own.push([SIGNATURE_NAME, signature]);
  const listed = [...manifest.files, ...own.map(([path, content]) => ({ path, sha256: sha256Of(content) }))];
  for (const [path, content] of [...own, [SUMS_NAME, sumsBytes(listed)] as const])
    files.set(path, async () => ({ bytes: content }));
  const missing: ManifestFile[] = [];
  for (const file of manifest.files) if ((await source(file)) === undefined) missing.push(file);
  for (const { path } of missing) files.delete(path);
  const fs = overlay(rt.fs, { dir: named.path, stateDir: named.place.root, files });
  return { rt: { ...rt, fs }, dir: named.path, named, missing };
}

/** As `openFolder`, for who needs every byte. @throws RepackError also E_ARTIFACT_MISSING: says what is missing and where it could come from */
export async function openWholeFolder(rt: Runtime, given: string): Promise<ReadFolder> {
  const folder = await openFolder(rt, given);
  const { named, missing } = folder;
  if (named === undefined || missing.length === 0) return folder;
  throw new RepackError('E_ARTIFACT_MISSING', {
    what: `Generation ${named.generation} of ${named.place.label} is not complete any more: ${missing.length} of ${plural(named.manifest!.files.length, 'file')} ${missing.length === 1 ? 'is' : 'are'} neither in the label folder nor in the pool`,
    where: given,
    details: await whereFrom(rt, named, missing),
    hint: 'An artifact can be fetched again from its channel while that has it. The set that was sent (repackenv import) has them all.',
  });
}

/**
 * Tells of a label's generations whether each artifact, side file and packed index is still here; looked at by size. The same bytes are in
 * many generations, and looked for once.
 */
export async function wholeness(
  rt: Pick<Runtime, 'fs'>,
  place: LabelPlace,
): Promise<(each: Generation) => Promise<boolean>> {
  const live = await livePaths(rt, place);
  const known = new Map<string, Promise<Found | undefined>>();
  return async ({ manifest, dir }) => {
    const needed = (manifest?.files ?? []).filter(({ path }) => !isIndexPath(path) || path.endsWith(INDEX_NAMES[1]));
    const found = await inParallel(needed, 16, (file) => {
      const there = known.get(file.sha256) ?? onDisk(rt, { dir, place, live }, file);
      // An index lies in the folder of its generation: that it is not in one says nothing of another.
      if (!isIndexPath(file.path)) known.set(file.sha256, there);
      return there;
    });
    return manifest !== undefined && found.every((each) => each !== undefined);
  };
}

/** A line for each: what it is, and who has or had it. */
export async function whereFrom(
  rt: Runtime,
  { place }: Pick<NamedGeneration, 'place'>,
  missing: readonly ManifestFile[],
): Promise<string[]> {
  const holders = new Map<string, string>();
  for (const label of (await labelsOfRoot(rt, place.root).catch(() => undefined)) ?? []) {
    const manifest = (await readManifest(rt, join(place.root, label, MANIFEST_NAME)))?.manifest;
    for (const { sha256, path } of manifest?.files ?? []) holders.set(sha256, join(label, path));
  }
  return missing.slice(0, MOST_NAMED).map(({ path, sha256, kind, channel }) => {
    const other = holders.get(sha256);
    if (other !== undefined) return `${path}: ${other} has the same bytes`;
    if (kind === 'index') return `${path}: indexes lie in ${STATE_NAME}/${place.label}/generations only`;
    return `${path}: ${channel === undefined || channel === null ? 'in no channel' : `came from ${channel}/${path}`}`;
  });
}

const MOST_NAMED = 20;

type Stats = Awaited<ReturnType<FileSystem['lstat']>>;
type BigIntStats = Awaited<ReturnType<FileSystem['lstatExact']>>;
type Dirent = Awaited<ReturnType<FileSystem['readdir']>>[number];

/** A file on disk, or the bytes. */
type Found = { file: string } | { bytes: Uint8Array };

/** Where the bytes of this digest lie in the label folder. */
async function livePaths(rt: Pick<Runtime, 'fs'>, { labelDir }: LabelPlace): Promise<Map<string, string>> {
  const live = (await readManifest(rt, join(labelDir, MANIFEST_NAME)))?.manifest;
  return new Map((live?.files ?? []).map(({ path, sha256 }) => [sha256, join(labelDir, path)]));
}

interface Lying extends Pick<NamedGeneration, 'dir' | 'place'> {
  live: ReadonlyMap<string, string>;
}

/** Where the bytes of a file of a manifest lie now. By size: whoever reads them holds them against the digest. */
async function onDisk(
  rt: Pick<Runtime, 'fs'>,
  { dir, place, live }: Lying,
  { path, size, sha256 }: ManifestFile,
): Promise<{ file: string } | undefined> {
  const kept = dir === undefined || !isIndexPath(path) ? undefined : join(dir, path);
  for (const file of [kept, poolPath(place.root, sha256), live.get(sha256)]) {
    const stats = file === undefined ? undefined : await rt.fs.lstat(file).catch(() => undefined);
    if (stats?.isFile() === true && stats.size === size) return { file: file! };
  }
  return undefined;
}

/** The same, and what of it can be made anew: the other forms of an index whose packed one is there. */
async function makeSource(
  rt: Pick<Runtime, 'fs'>,
  { dir, place }: Pick<NamedGeneration, 'dir' | 'place'>,
  manifest: Manifest,
): Promise<(file: ManifestFile) => Promise<Found | undefined>> {
  const lying = { dir, place, live: await livePaths(rt, place) };
  const packed = new Map(manifest.files.map((file) => [file.path, file]));
  const made = new Map<string, Promise<Uint8Array | undefined>>();
  const remake = async ({ path, sha256 }: ManifestFile): Promise<Uint8Array | undefined> => {
    const zst = packed.get(`${dirname(path)}/${INDEX_NAMES[1]}`);
    const found = zst === undefined || zst.path === path ? undefined : await onDisk(rt, lying, zst);
    if (found === undefined) return undefined;
    try {
      const json = await unpackIndex(zst!.path, await rt.fs.readFile(found.file));
      const bytes = basename(path) === INDEX_NAMES[2] ? await bzip2Compress(json) : json;
      return sha256Of(bytes) === sha256 ? bytes : undefined;
    } catch {
      return undefined;
    }
  };
  return async (file) => {
    const found = await onDisk(rt, lying, file);
    if (found !== undefined || !isIndexPath(file.path)) return found;
    const bytes = made.get(file.path) ?? remake(file);
    made.set(file.path, bytes);
    const remade = await bytes;
    return remade === undefined ? undefined : { bytes: remade };
  };
}

interface Virtual {
  dir: string;
  /** Any folder on disk, whose times and rights those of the generation get. */
  stateDir: string;
  files: ReadonlyMap<string, () => Promise<Found | undefined>>;
}

/** The disk, and on it a read-only folder that is not there. What is not of that folder goes to the disk as it is. */
export function overlay(disk: FileSystem, { dir, stateDir, files }: Virtual): FileSystem {
  const within = (path: string): string | undefined => {
    const rest = relative(dir, path);
    if (rest === '') return '';
    return rest.startsWith('..') || resolve(dir, rest) !== resolve(path) ? undefined : rest.split(sep).join('/');
  };
  const folders = new Map<string, Map<string, boolean>>([['', new Map()]]);
  for (const path of files.keys()) {
    const [folder, name = ''] = path.includes('/') ? [dirname(path), basename(path)] : ['', path];
    if (folder !== '') folders.get('')!.set(folder.split('/')[0]!, true);
    folders.set(folder, (folders.get(folder) ?? new Map()).set(name, false));
  }
  const fail = (code: string, path: string): never => {
    throw Object.assign(new Error(`${code}: ${path}`), { code, path });
  };
  const find = async (rest: string, path: string): Promise<Found> => {
    if (folders.has(rest)) return fail('EISDIR', path);
    return (await files.get(rest)?.()) ?? fail('ENOENT', path);
  };
  const statOf = async (rest: string, path: string): Promise<Stats> => {
    const base = await disk.lstat(stateDir);
    if (folders.has(rest)) return base;
    const found = await find(rest, path);
    return 'file' in found ? disk.lstat(found.file) : ofBytes(base, found.bytes);
  };
  const exactStatOf = async (rest: string, path: string): Promise<BigIntStats> => {
    if (folders.has(rest)) return disk.lstatExact(stateDir);
    const found = await find(rest, path);
    return 'file' in found ? disk.lstatExact(found.file) : inBigInts(await statOf(rest, path));
  };
  const readFile = async (rest: string, path: string): Promise<Buffer> => {
    const found = await find(rest, path);
    return 'file' in found ? disk.readFile(found.file) : Buffer.from(found.bytes);
  };
  const either =
    <T>(mine: (rest: string, path: string) => Promise<T>, theirs: (path: string) => Promise<T>) =>
    async (path: string): Promise<T> => {
      const rest = within(path);
      return rest === undefined ? theirs(path) : mine(rest, path);
    };
  return {
    ...disk,
    readFile: either(readFile, (path) => disk.readFile(path)),
    readText: either(
      async (rest, path) => (await readFile(rest, path)).toString('utf8'),
      (path) => disk.readText(path),
    ),
    lstat: either(statOf, (path) => disk.lstat(path)),
    lstatExact: either(exactStatOf, (path) => disk.lstatExact(path)),
    stat: either(statOf, (path) => disk.stat(path)),
    realpath: either(
      async (rest, path) => (folders.has(rest) || files.has(rest) ? path : fail('ENOENT', path)),
      (path) => disk.realpath(path),
    ),
    readdir: either(
      async (rest, path) =>
        [...(folders.get(rest) ?? fail('ENOENT', path))].map(([name, isFolder]) => entryOf(path, name, isFolder)),
      (path) => disk.readdir(path),
    ),
    openNoFollow: either(
      async (rest, path) => {
        const found = await find(rest, path);
        return 'file' in found ? disk.openNoFollow(found.file) : handleOf(await statOf(rest, path), found.bytes);
      },
      (path) => disk.openNoFollow(path),
    ),
  };
}

/** With an inode of its own, by which readers know files again. */
function ofBytes(base: Stats, bytes: Uint8Array): Stats {
  const plain = { isFile: () => true, isDirectory: () => false, isSymbolicLink: () => false };
  const ino = Number.parseInt(sha256Of(bytes).slice(0, 12), 16);
  return Object.assign(Object.create(base) as Stats, plain, { size: bytes.length, nlink: 1, ino });
}

function inBigInts(stats: Stats): BigIntStats {
  const [dev, ino, size] = [stats.dev, stats.ino, stats.size].map(BigInt);
  const [mtimeNs, ctimeNs] = [stats.mtimeMs, stats.ctimeMs].map((ms) => BigInt(Math.round(ms * 1e6)));
  const [mtimeMs, ctimeMs] = [mtimeNs! / 1_000_000n, ctimeNs! / 1_000_000n];
  return { dev, ino, size, mtimeNs, ctimeNs, mtimeMs, ctimeMs, isFile: () => true } as BigIntStats;
}

function entryOf(parentPath: string, name: string, isFolder: boolean): Dirent {
  const kind = { isFile: () => !isFolder, isDirectory: () => isFolder, isSymbolicLink: () => false };
  return { name, parentPath, path: parentPath, ...kind } as Dirent;
}

/** As far as readers of a channel folder go: at a position. */
function handleOf(stats: Stats, bytes: Uint8Array): FileHandle {
  const handle = {
    async read(into: Uint8Array, offset: number, length: number, position: number) {
      const piece = bytes.subarray(position, position + length);
      into.set(piece, offset);
      return { bytesRead: piece.length, buffer: into };
    },
    readFile: async () => Buffer.from(bytes),
    stat: async ({ bigint = false } = {}) => (bigint ? inBigInts(stats) : stats),
    close: async () => undefined,
  };
  return handle as unknown as FileHandle;
}
