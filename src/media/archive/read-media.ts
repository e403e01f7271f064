import { append } from '../../base/append.js';
import { basename, dirname, join, resolve } from 'node:path';
import { sha256Of } from '../../codec/digests.js';
import { errnoOf } from '../../base/disk-errors.js';
import { RepackError, isRepackError } from '../../base/errors.js';
import type { Finding } from '../../base/findings.js';
import { canonicalJson } from '../../base/json.js';
import { MANIFEST_NAME, SUMS_NAME } from '../../channel/manifest/manifest.js';
import { caseFold } from '../../conda/channel/names.js';
import { wordForAnyShell } from '../../base/shell-quote.js';
import type { Runtime } from '../../runtime/runtime.js';
import { parseSetFile, type SetFile } from '../set/headers.js';
import { formatIn, SET_FORMAT } from '../set/formats.js';
import { DELTA_NAME, setFileName } from '../set/names.js';
import { parseSums } from './read-sums.js';

export type MediaRuntime = Pick<Runtime, 'fs' | 'signal' | 'machine' | 'events' | 'workers'>;

/** A regular file at the root of a medium. */
export interface MediumFile {
  /** As it is there. What it is called is asked with {@link isCalled}. */
  name: string;
  folded: string;
  path: string;
  /** The folder it lies in, as a person knows the medium. */
  medium: string;
  size: number;
  /** It was given itself, not only the folder. */
  named: boolean;
}

/** All that was given, looked at but not read. */
export interface Media {
  places: readonly string[];
  files: readonly MediumFile[];
  /** What `SHA256SUMS` of each medium says, by medium and name; see {@link listedSum}. */
  sums: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

/** One set, from all the copies of its set file. */
export interface FoundSet {
  set: SetFile;
  /** The copy that was read. */
  file: MediumFile;
  /** It has lost its name (ISO 9660 without extensions cuts names): so will its parts. */
  renamed: boolean;
}

/** A set file of a million files is about 100 MB. */
const MAX_SET_BYTES = 256 * 1024 * 1024;
const MAX_SUMS_BYTES = 64 * 1024 * 1024;

/**
 * Looks at folders (sticks), set files and parts: what lies there, read in place. A file that is given stands for the folder it lies in,
 * and a part under another name is taken for what its header says only when it is given so.
 *
 * @throws RepackError E_MEDIUM: a place that is not there or can't be read, `SHA256SUMS` that is not one.
 */
export async function openMedia(rt: MediaRuntime, given: readonly string[]): Promise<Media> {
  const places: string[] = [];
  const named = new Set<string>();
  for (const each of given) {
    const path = resolve(rt.machine.cwd, each);
    const stats = await rt.fs.stat(path).catch((error: unknown) => {
      throw unreadable(path, error);
    });
    if (!stats.isDirectory()) named.add(path);
    const place = stats.isDirectory() ? path : dirname(path);
    if (!places.includes(place)) places.push(place);
  }
  const files: MediumFile[] = [];
  for (const medium of places) append(files, await filesOf(rt, medium, named));
  const sums = new Map<string, ReadonlyMap<string, string>>();
  for (const file of files) if (isCalled(file, SUMS_NAME)) sums.set(file.medium, await readMediumSums(rt, file));
  return { places, files, sums };
}

/** Whether this is the name of the file, on a file system that may know no upper and lower case (FAT, ISO 9660). */
export function isCalled({ name, folded }: MediumFile, wanted: string): boolean {
  return name === wanted || folded === caseFold(wanted);
}

/** What `SHA256SUMS` of a medium says of a name. */
export function listedSum({ sums }: Media, medium: string, name: string): string | undefined {
  const listed = sums.get(medium);
  return listed?.get(name) ?? listed?.get(caseFold(name));
}

/**
 * The sets whose set file lies on one of the media, each once; where a set file was given itself, that one only. `label` is the one that is
 * asked for: what is damaged of others is reported only.
 *
 * @throws RepackError E_MEDIUM: none at all; one that is damaged and has no sound copy; two that call themselves one set and differ.
 */
export async function findSets(
  rt: MediaRuntime,
  media: Media,
  label?: string,
): Promise<{ sets: FoundSet[]; findings: Finding[] }> {
  const called = media.files.filter(({ folded }) => folded.endsWith(caseFold(setFileName(''))));
  const renamed = called.length === 0;
  const all = renamed ? await setsByContent(rt, media) : called;
  const chosen = all.some(({ named }) => named) ? all.filter(({ named }) => named) : all;
  const found = new Map<string, FoundSet & { digest: string }>();
  const damaged: RepackError[] = [];
  for (const file of chosen) {
    const read = await readSetFile(rt, media, file);
    if (isRepackError(read)) {
      damaged.push(read);
      continue;
    }
    const other = found.get(read.set.set);
    if (other === undefined) found.set(read.set.set, { ...read, file, renamed });
    else if (other.digest !== read.digest) throw twoVersions(other.file, file);
  }
  const [first] = damaged;
  const sound = new Set([...found.values()].map(({ set }) => caseFold(setFileName(set.name))));
  const lost = damaged.find((error) => {
    const name = caseFold(basename(error.where ?? ''));
    return !sound.has(name) && (label === undefined || name.startsWith(`${caseFold(label)}-g`));
  });
  if (lost !== undefined || (found.size === 0 && first !== undefined)) throw lost ?? first;
  if (found.size === 0) throw await noSet(rt, media);
  return {
    sets: [...found.values()],
    findings: damaged.map((error) => asFinding(error, sound.has(caseFold(basename(error.where ?? ''))))),
  };
}

/** A damaged one is given as the error that it is, since there may be another copy. */
async function readSetFile(
  rt: MediaRuntime,
  media: Media,
  file: MediumFile,
): Promise<{ set: SetFile; digest: string } | RepackError> {
  try {
    const bytes = await readSmall(rt, file, MAX_SET_BYTES);
    const digest = sha256Of(bytes);
    refuseOtherSum(media, file, digest);
    const set = parseSetFile(bytes, file.path);
    // Two exports of one set may have asked for other sizes of a part and come to the same parts.
    return { set, digest: sha256Of(canonicalJson({ ...set, part_size: null })) };
  } catch (error) {
    if (isRepackError(error) && error.code === 'E_MEDIUM') return error;
    throw error;
  }
}

/** A whole small file of a medium. @throws RepackError E_MEDIUM */
export async function readSmall(rt: MediaRuntime, file: MediumFile, maxBytes: number): Promise<Uint8Array> {
  if (file.size > maxBytes) {
    throw new RepackError('E_MEDIUM', {
      what: `The file has ${file.size} bytes, more than the ${maxBytes} that are believable`,
      where: file.path,
      hint: 'Copy this file from its source again; if it stays so, ask the sender for it.',
    });
  }
  return rt.fs.readFile(file.path).catch((error: unknown) => {
    throw unreadable(file.path, error);
  });
}

/** @throws RepackError E_MEDIUM where `SHA256SUMS` beside the file says otherwise: of two sha256 one is wrong, so something is damaged. */
export function refuseOtherSum(media: Media, file: MediumFile, sha256: string): void {
  const listed = listedSum(media, file.medium, file.name);
  if (listed === undefined || listed === sha256) return;
  throw new RepackError('E_MEDIUM', {
    what: `${file.name} is not the file that ${SUMS_NAME} on this medium lists`,
    where: file.path,
    hint: `Copy ${file.name} and ${SUMS_NAME} to this medium again, both from the same export.`,
    details: [`listed sha256 ${listed}`, `found        ${sha256}`],
  });
}

/** What can't be read on a medium, as an error that names it. */
export function unreadable(path: string, error: unknown): unknown {
  const errno = errnoOf(error);
  if (errno === undefined) return error;
  const gone = errno === 'ENOENT' || errno === 'ENOTDIR';
  return new RepackError('E_MEDIUM', {
    what: gone ? 'There is no such medium or file' : `The medium can't be read (${errno})`,
    where: path,
    hint: gone
      ? 'Is the stick or the disc in, and mounted? Give its folder, or a NAME.set.json on it.'
      : 'Clean or replace the medium, or copy this file to another one from its source, then run the same command again.',
    cause: error,
  });
}

async function filesOf(rt: MediaRuntime, medium: string, named: ReadonlySet<string>): Promise<MediumFile[]> {
  const entries = await rt.fs.readdir(medium).catch((error: unknown) => {
    throw unreadable(medium, error);
  });
  const files: MediumFile[] = [];
  // Links are no part of our format, and lead away from the medium. Hidden files are none of ours: macOS puts a ._NAME beside each file.
  const counts = entries.filter((entry) => entry.isFile() && !entry.name.startsWith('.'));
  for (const { name } of counts.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(medium, name);
    const { size } = await rt.fs.lstat(path).catch((error: unknown) => {
      throw unreadable(path, error);
    });
    files.push({ name, folded: caseFold(name), path, medium, size, named: named.has(path) });
  }
  return files;
}

async function readMediumSums(rt: MediaRuntime, file: MediumFile): Promise<ReadonlyMap<string, string>> {
  const sums = parseSums(Buffer.from(await readSmall(rt, file, MAX_SUMS_BYTES)).toString('utf8'), 64);
  const refuse = (what: string): RepackError =>
    new RepackError('E_MEDIUM', {
      what,
      where: file.path,
      hint: `Copy ${SUMS_NAME} to this medium again, from its source.`,
    });
  if ('badLine' in sums) throw refuse(`Line ${sums.badLine} of ${SUMS_NAME} is not a sha256 and a name`);
  const listed = new Map<string, string>();
  for (const { name, digest } of sums.lines) {
    const other = listed.get(name);
    if (other !== undefined && other !== digest) throw refuse(`${SUMS_NAME} lists ${name} twice, with two digests`);
    listed.set(name, digest);
  }
  for (const [name, digest] of listed) if (!listed.has(caseFold(name))) listed.set(caseFold(name), digest);
  return listed;
}

/** Files that say of themselves that they are a set file, where none has the name of one. */
async function setsByContent(rt: MediaRuntime, media: Media): Promise<MediumFile[]> {
  const found: MediumFile[] = [];
  for (const file of media.files) {
    if (file.size < 2 || file.size > MAX_SET_BYTES || !(await beginsWithBrace(rt, file))) continue;
    const bytes = await readSmall(rt, file, MAX_SET_BYTES).catch((error: unknown) => {
      if (!isRepackError(error)) throw error;
    });
    if (bytes !== undefined && formatIn(Buffer.from(bytes).toString('utf8')) === SET_FORMAT) found.push(file);
  }
  return found;
}

async function beginsWithBrace(rt: MediaRuntime, file: MediumFile): Promise<boolean> {
  const first = new Uint8Array(1);
  try {
    const handle = await rt.fs.openNoFollow(file.path);
    try {
      await handle.read(first, 0, 1, 0);
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
  }
  return first[0] === 0x7b;
}

async function noSet(rt: MediaRuntime, media: Media): Promise<RepackError> {
  const parts = media.files.filter(({ name }) => /\.tar(\.zst)?$/i.test(name)).map(({ path }) => path);
  const below = await foldersBelow(rt, media, (name) => caseFold(name).endsWith(caseFold(setFileName(''))));
  const deltas = await foldersBelow(rt, media, (name) => name === DELTA_NAME);
  const unpacked = media.files.some(({ name }) => name === MANIFEST_NAME || name === DELTA_NAME);
  return new RepackError('E_MEDIUM', {
    what:
      parts.length === 0
        ? 'There is nothing of ours on the medium'
        : 'There are parts on the medium, and no set file that says what belongs together',
    where: media.places.join(', '),
    hint:
      below.length > 0
        ? `There are sets in a folder below: give that folder, e.g. ${below[0]}.`
        : unpacked
          ? 'This is an unpacked channel or delta: repackenv merge takes it (repackenv merge --help).'
          : deltas.length > 0
            ? `There are unpacked deltas in it: repackenv merge takes them one by one, the oldest first, e.g. repackenv merge ${wordForAnyShell(deltas[0]!) ?? 'DELTA'} ROOT/LABEL.`
            : 'A medium holds NAME.set.json beside the parts, the same on every one: copy it from another medium or ask the sender for it.',
    details: parts.slice(0, 20),
  });
}

/** People name the stick where what they mean lies in a folder on it: those that hold a file like this. */
async function foldersBelow(rt: MediaRuntime, media: Media, isMeant: (name: string) => boolean): Promise<string[]> {
  const found: string[] = [];
  for (const place of media.places) {
    for (const entry of await rt.fs.readdir(place).catch(() => [])) {
      if (!entry.isDirectory()) continue;
      const inner = await rt.fs.readdir(join(place, entry.name)).catch(() => []);
      if (inner.some(({ name }) => isMeant(name))) found.push(join(place, entry.name));
    }
  }
  return found.sort();
}

function twoVersions(one: MediumFile, other: MediumFile): RepackError {
  return new RepackError('E_MEDIUM', {
    what: 'Two set files call themselves the same set and differ',
    where: `${one.path}, ${other.path}`,
    hint: 'One of them is damaged or was changed. Copy it again from its source.',
  });
}

function asFinding({ what, where }: RepackError, hasCopy: boolean): Finding {
  return {
    code: 'medium-copy-damaged',
    message: `${what} (${where}); ${hasCopy ? 'another copy is used' : 'it is of another label'}`,
    subject: where,
    exit: false,
    warn: true,
  };
}
