import { join } from 'node:path';
import { hashFiles } from '../../channel/read/read-folder.js';
import { digestsOf, type Digests } from '../../codec/digests.js';
import { diskReason, explainDiskErrorOn } from '../../base/disk-errors.js';
import { RepackError, isRepackError } from '../../base/errors.js';
import { SUMS_NAME } from '../../channel/manifest/manifest.js';
import type { Runtime } from '../../runtime/runtime.js';
import { looseFiles, namesOf, type LooseFile } from './loose-files.js';
import { refuseUnfit, type OutFolder } from '../export/medium-folder.js';
import type { PlannedMember, PlannedPart, PlannedSet } from './plan-parts.js';
import { sourcePieces } from '../export/source.js';
import { parseSetFile } from '../set/headers.js';
import { setFileName } from '../set/names.js';
import { putInto, writePart, type Room, type TarMember } from './write-part.js';
import { filesIn, mediumSums } from './write-sums.js';

/** A file for those who have none of our programs; `executable` where the file system knows that. */
export interface SiteFileToWrite extends LooseFile {
  executable: boolean;
}

export interface MediumOptions {
  /** The channel folder. */
  dir: string;
  out: OutFolder;
  /** A folder of this run alone, inside OUT and empty; `undefined` until the first file is to be written. */
  openWorkFolder(): Promise<string>;
  sets: readonly PlannedSet[];
  siteFiles: readonly SiteFileToWrite[];
}

export interface WrittenSet {
  set: PlannedSet;
  /** Of each part. */
  digests: Digests[];
}

export interface WrittenMedium {
  sets: WrittenSet[];
  /** Names in OUT that have other bytes than before, sorted. */
  written: string[];
  bytesWritten: number;
}

/**
 * Puts sets into OUT beside what is there. What has the right bytes already is not touched. Everything else is written aside first, and
 * renamed when all of it is there: parts, then the small files, the set file last, then the site files and `SHA256SUMS`.
 *
 * @throws RepackError E_OUT: files of this set's name that are not of this set. E_PART_SIZE, E_DISK_FULL, E_DISK; E_FOLDER_DIFFERS.
 */
export async function writeMedium(rt: Runtime, options: MediumOptions): Promise<WrittenMedium> {
  const { out, sets, siteFiles } = options;
  try {
    const there = out.exists ? await filesIn(rt, out.path) : [];
    for (const set of sets) await refuseOtherSet(rt, out.path, { set, there });
    const kept = out.exists ? await soundParts(rt, out.path, { sets, there }) : new Map<string, Digests>();
    const missing = sets.flatMap(({ parts }) => parts.filter(({ file }) => !kept.has(file)));
    await refuseUnfit(rt, out, { parts: missing, needed: neededFor(options, missing) });

    const written = new Map(kept);
    for (const [name, digests] of await writeParts(rt, options, missing)) written.set(name, digests);
    const done = sets.map((set) => ({ set, digests: set.parts.map(({ file }) => written.get(file)!) }));

    const small = [...done.flatMap(({ set, digests }) => looseFiles(set, digests)), ...siteFiles];
    const fresh = await writeSmall(rt, options, small);
    await rt.reach('export:written');

    const names = [...missing.map(({ file }) => file), ...fresh.map(({ name }) => name)];
    await place(rt, options, names);
    const sums = await placeSums(rt, options, [...own(done), ...digestsByName(small)]);
    if (names.length > 0 || sums > 0) await rt.fs.syncDir(out.path);
    await rt.reach('export:placed');
    const partBytes = missing.reduce((sum, { file }) => sum + written.get(file)!.size, 0);
    return {
      sets: done,
      written: [...names, ...(sums > 0 ? [SUMS_NAME] : [])].sort(),
      bytesWritten: partBytes + fresh.reduce((sum, { bytes }) => sum + bytes.length, 0) + sums,
    };
  } catch (error) {
    throw await explainDiskErrorOn(rt, error, { doing: 'write the medium', path: out.path, folder: out.volume });
  }
}

/** A set of the same name with other contents, or what is left of one, would be mixed with this one. */
async function refuseOtherSet(
  rt: Runtime,
  out: string,
  { set, there }: { set: PlannedSet; there: readonly string[] },
): Promise<void> {
  const names = new Set(namesOf(set));
  const stray = there.filter((name) => !names.has(name) && isOfName(name, set.name));
  const other = there.includes(setFileName(set.name)) ? await idIn(rt, out, set) : undefined;
  if (stray.length === 0 && (other === undefined || other === set.id)) return;
  throw new RepackError('E_OUT', {
    what: `There are files of another set with the same name, ${set.name}`,
    where: out,
    hint: `Remove the files ${set.name}.* there (they were made with other options, or from another folder), or name an empty folder.`,
    details: there.filter((name) => isOfName(name, set.name)),
  });
}

/** Any file that a set of this name may have, with whatever options. */
function isOfName(file: string, name: string): boolean {
  if (!file.startsWith(`${name}.`)) return false;
  return /^(?:(?:part[0-9]{3}\.)?tar(?:\.zst)?(?:\.list|\.md5)?|manifest\.json(?:\.sig)?|set\.json)$/.test(
    file.slice(name.length + 1),
  );
}

/** Undefined: the set file is damaged, and is written anew. */
async function idIn(rt: Runtime, out: string, set: PlannedSet): Promise<string | undefined> {
  return (await setFileIn(rt, out, set))?.set;
}

async function setFileIn(rt: Runtime, out: string, set: PlannedSet) {
  const path = join(out, setFileName(set.name));
  try {
    return parseSetFile(await rt.fs.readFile(path), path);
  } catch (error) {
    if (isRepackError(error)) return undefined;
    throw error;
  }
}

/** Parts of these sets that lie in OUT whole, by what their set file says of them. */
async function soundParts(
  rt: Runtime,
  out: string,
  { sets, there }: { sets: readonly PlannedSet[]; there: readonly string[] },
): Promise<Map<string, Digests>> {
  const sound = new Map<string, Digests>();
  for (const set of sets) {
    if (!there.includes(setFileName(set.name))) continue;
    for (const { file, size, sha256, md5 } of (await setFileIn(rt, out, set))?.parts ?? []) {
      const stated = { size, sha256, md5 };
      if (there.includes(file) && (await isSound(rt, out, { file, ...stated }))) sound.set(file, stated);
    }
  }
  return sound;
}

async function isSound(rt: Runtime, out: string, { file, ...stated }: Digests & { file: string }): Promise<boolean> {
  if ((await rt.fs.lstat(join(out, file))).size !== stated.size) return false;
  try {
    const found = await hashFiles(rt, { dir: out, paths: [file] }, { stated: new Map([[file, stated]]) });
    return found.get(file)!.sha256 === stated.sha256;
  } catch (error) {
    rt.signal.throwIfAborted();
    rt.events.emit({
      type: 'warning',
      message: `${join(out, file)} can't be read and is written anew: ${diskReason(error)}`,
    });
    return false;
  }
}

/** At most; the small files with a block each. */
function neededFor({ sets, siteFiles }: MediumOptions, missing: readonly PlannedPart[]): number {
  const small = [
    ...sets.flatMap((set) =>
      looseFiles(
        set,
        set.parts.map(() => ZEROES),
      ),
    ),
    ...siteFiles,
  ];
  return (
    missing.reduce((sum, { maxBytes }) => sum + maxBytes, 0) +
    small.reduce((sum, { bytes }) => sum + Math.ceil(bytes.length / 4096) * 4096, 4096)
  );
}

const ZEROES: Digests = { size: 0, sha256: '0'.repeat(64), md5: '0'.repeat(32) };

async function writeParts(
  rt: Runtime,
  { dir, out, openWorkFolder }: MediumOptions,
  missing: readonly PlannedPart[],
): Promise<Map<string, Digests>> {
  const written = new Map<string, Digests>();
  const needed = missing.reduce((sum, { maxBytes }) => sum + maxBytes, 0);
  let seen = 0;
  let told = 0;
  const onBytes = (bytes: number): void => {
    seen += bytes;
    if (seen - told < needed / 100) return;
    told = seen;
    rt.events.emit({ type: 'progress', stage: 'medium', bytes: seen, of: needed });
  };
  for (const part of missing) {
    rt.events.emit({ type: 'stage-started', stage: 'medium', detail: `writing ${join(out.path, part.file)}` });
    const path = join(await openWorkFolder(), part.file);
    const members = part.members.map((member) => tarMember(rt, dir, member));
    const compression = part.file.endsWith('.zst') ? 'zstd' : 'none';
    written.set(part.file, await writePart(rt, members, { path, compression, needed, onBytes }));
    await rt.reach('export:part-written');
  }
  return written;
}

function tarMember(rt: Runtime, dir: string, { name, size, mtimeMs, from }: PlannedMember): TarMember {
  const pieces = (room: Room): AsyncIterable<Uint8Array> =>
    'file' in from ? sourcePieces(rt, dir, from.file, room) : putInto(room, from.bytes);
  return { name, size, mtimeMs, pieces };
}

/** Those that are not in OUT with these very bytes. */
async function writeSmall<F extends LooseFile & { executable?: boolean }>(
  rt: Runtime,
  { out, openWorkFolder }: MediumOptions,
  files: readonly F[],
): Promise<F[]> {
  const fresh: F[] = [];
  for (const file of files) {
    if (out.exists && (await hasBytes(rt, join(out.path, file.name), file.bytes))) continue;
    await writeAside(rt, join(await openWorkFolder(), file.name), file);
    fresh.push(file);
  }
  return fresh;
}

async function hasBytes(rt: Runtime, path: string, bytes: Uint8Array): Promise<boolean> {
  const stats = await rt.fs.lstat(path).catch(() => undefined);
  if (stats?.isFile() !== true || stats.size !== bytes.length) return false;
  return (await rt.fs.readFile(path)).equals(bytes);
}

async function writeAside(
  rt: Runtime,
  path: string,
  { bytes, executable = false }: { bytes: Uint8Array; executable?: boolean },
): Promise<void> {
  await rt.fs.writeFile(path, bytes, executable ? 0o777 : 0o666);
  await rt.fs.syncFile(path);
}

async function place(rt: Runtime, { out, openWorkFolder }: MediumOptions, names: readonly string[]): Promise<void> {
  for (const name of names) {
    await rt.fs.rename(join(await openWorkFolder(), name), join(out.path, name));
    await rt.reach('export:file-placed');
  }
}

/** Bytes written: 0 where the file is right already. Again where another export put files there in the meantime. */
async function placeSums(
  rt: Runtime,
  options: MediumOptions,
  known: readonly (readonly [string, string])[],
): Promise<number> {
  const { out, openWorkFolder } = options;
  const path = join(out.path, SUMS_NAME);
  let written = 0;
  for (;;) {
    const { bytes, names } = await mediumSums(rt, out.path, new Map(known));
    if (!(await hasBytes(rt, path, bytes))) {
      await rt.fs.writeWhole(path, bytes, { aside: join(await openWorkFolder(), SUMS_NAME), mode: 0o666 });
      written = bytes.length;
    }
    const now = await filesIn(rt, out.path);
    if (now.join('\n') === names.join('\n')) return written;
  }
}

function own(sets: readonly WrittenSet[]): [string, string][] {
  return sets.flatMap(({ set, digests }) =>
    set.parts.map(({ file }, index): [string, string] => [file, digests[index]!.sha256]),
  );
}

function digestsByName(files: readonly LooseFile[]): [string, string][] {
  return files.map(({ name, bytes }): [string, string] => [name, digestsOf(bytes).sha256]);
}
