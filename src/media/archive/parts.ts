import { plural } from '../../base/plural.js';
import { emitFindings } from '../../base/emit-findings.js';
import { errnoOf } from '../../base/disk-errors.js';
import { isRepackError, RepackError } from '../../base/errors.js';
import type { SetFile, SetPart } from '../set/headers.js';
import {
  isCalled,
  refuseOtherSum,
  type FoundSet,
  type Media,
  type MediaRuntime,
  type MediumFile,
} from './read-media.js';
import {
  checkPart,
  readPartStart,
  type CheckedPart,
  type FoundPart,
  type PartCheck,
  type PartStart,
} from './read-part.js';
import { TarFault } from './read-tar.js';

/** A part whose beginning was read. */
export interface LookedPart extends FoundPart {
  start: PartStart;
}

interface PartOnMedia {
  found: FoundSet;
  part: SetPart;
  media: Media;
}

/** A part that was read whole and has the bytes that the set file says. */
export interface ReadPart extends LookedPart, CheckedPart {
  /** As it was sent, and yet not as a part is: then `members` is empty. */
  fault?: TarFault;
}

/** The part, or what is wrong with the files that could be it. */
export async function findPart(
  rt: MediaRuntime,
  { found, part, media }: PartOnMedia,
): Promise<LookedPart | { problem: string }> {
  const { set } = found;
  const title = partTitle(set, part);
  const problems: string[] = [];
  for (const file of candidates({ found, part, media })) {
    const looked = await lookAt(rt, { set, part, media, file });
    if (typeof looked !== 'string') return looked;
    if (isCalled(file, part.file)) problems.push(`${title} on ${file.medium} ${looked}`);
  }
  if (problems.length > 0) return { problem: problems.join('; ') };
  for (const file of media.files) {
    if (file.size !== part.size || set.parts.some((each) => isCalled(file, each.file))) continue;
    if (typeof (await lookAt(rt, { set, part, media, file })) === 'string') continue;
    return {
      problem: `${title} is on ${file.medium} under another name, ${file.name}: rename it, or give it itself: ${file.path}`,
    };
  }
  return { problem: `${title} is on none of the media: ${media.places.join(', ')}` };
}

/** Parts of a set that were read whole: those that are right, and by number what is wrong with the others. */
export interface ReadParts {
  sound: ReadPart[];
  damaged: ReadonlyMap<number, string>;
}

/**
 * Reads parts whole, all of them whatever is wrong with some, so that all that is damaged can be brought at once (bad-inputs G11). Where one is
 * damaged, a sound copy of it on another medium is taken, and reported. `keep`: paths in the folder whose bytes are wanted in memory.
 */
export async function readParts(
  rt: MediaRuntime,
  {
    found,
    media,
    parts,
    keep = () => false,
  }: { found: FoundSet; media: Media; parts: readonly LookedPart[]; keep?: PartCheck['keep'] },
): Promise<ReadParts> {
  const sound: ReadPart[] = [];
  const damaged = new Map<number, string>();
  if (parts.length === 0) return { sound, damaged };
  const onBytes = progressOf(rt, { name: found.set.name, parts: parts.map(({ part }) => part) });
  for (const looked of parts) {
    const read = await readWhole(rt, looked, { keep, onBytes });
    const problem = typeof read === 'string' ? damagedPart(found.set, looked, read) : undefined;
    const taken = typeof read === 'string' ? await soundCopy(rt, { found, media, looked, keep }) : read;
    if (taken === undefined) damaged.set(looked.part.number, problem!);
    else sound.push(taken);
    if (problem === undefined || taken === undefined) continue;
    const message = `${problem}; the copy on ${taken.file.medium} is used`;
    const finding = { code: 'medium-copy-damaged', message, subject: looked.file.path, exit: false, warn: true };
    emitFindings(rt, [finding]);
  }
  return { sound, damaged };
}

/** Another copy of a part that is damaged, read whole and found right. */
async function soundCopy(
  rt: MediaRuntime,
  { found, media, looked, keep }: { found: FoundSet; media: Media; looked: LookedPart; keep: PartCheck['keep'] },
): Promise<ReadPart | undefined> {
  const { part } = looked;
  for (const file of candidates({ found, part, media })) {
    if (file === looked.file || file.size !== part.size) continue;
    const copy = await lookAt(rt, { set: found.set, part, media, file });
    const read = typeof copy === 'string' ? copy : await readWhole(rt, copy, { keep });
    if (typeof read !== 'string') return read;
  }
  return undefined;
}

/** Or what is wrong with its bytes, as a clause. */
async function readWhole(rt: MediaRuntime, part: LookedPart, check: PartCheck): Promise<ReadPart | string> {
  try {
    const checked = await checkPart(rt, part, check);
    return typeof checked === 'string' ? checked : { ...part, ...checked };
  } catch (error) {
    if (!(error instanceof TarFault)) throw error;
    return { ...part, members: new Map(), kept: new Map(), fault: error };
  }
}

function damagedPart(set: SetFile, { part, file }: FoundPart, problem: string): string {
  return `${partTitle(set, part)} on ${file.medium} is damaged: ${problem}`;
}

/** An error that names each part, its medium, and what has to be brought: in the order of the parts, then what is there too many. */
export function incomplete({
  set,
  media,
  wrong,
  stray = [],
}: {
  set: SetFile;
  media: Media;
  /** By number of the part; the others were read whole and found right. */
  wrong: ReadonlyMap<number, string>;
  stray?: readonly string[];
}): RepackError {
  const told = set.parts.map(({ number }) => wrong.get(number)).filter((problem) => problem !== undefined);
  const problems = [...told, ...stray];
  const good = set.parts.length - wrong.size;
  const rest =
    wrong.size === 0 || good === 0
      ? ''
      : ` The other ${good === 1 ? 'part is' : `${good} parts are`} right and need not be copied again.`;
  return new RepackError('E_MEDIUM', {
    what:
      problems.length === 1
        ? `${problems[0]}`
        : `Set ${set.name} can't be imported: ${problems.length} things are wrong on the media`,
    where: media.places.join(', '),
    hint: `Bring what is named here from the sender or another copy, and give all media of the set in one command.${rest} Nothing was changed.`,
    details: problems.length === 1 ? [] : problems,
  });
}

/** Told at each percent. */
function progressOf(
  rt: MediaRuntime,
  { name, parts }: { name: string; parts: readonly SetPart[] },
): (bytes: number) => void {
  const of = parts.reduce((sum, part) => sum + part.size, 0);
  rt.events.emit({
    type: 'stage-started',
    stage: 'medium',
    detail: `checking ${name}, ${parts.length} ${parts.length === 1 ? 'archive' : 'parts'}`,
  });
  let read = 0;
  let told = 0;
  return (bytes) => {
    read += bytes;
    if (read - told < of / 100 && read !== of) return;
    told = read;
    rt.events.emit({ type: 'progress', stage: 'medium', bytes: Math.min(read, of), of });
  };
}

/** `Part 2 of 3 (acme-g7.part002.tar)`. */
export function partTitle(set: SetFile, { number, file }: SetPart): string {
  return set.parts.length === 1 ? `The archive ${file}` : `Part ${number} of ${set.parts.length} (${file})`;
}

/**
 * Files that are to be looked at: those of its name, and those of its size that were given themselves, or lie on media that do not keep
 * names (which the set file has lost too).
 */
function candidates({ found, part, media }: PartOnMedia): MediumFile[] {
  const renamed = media.files.filter(
    (file) => (file.named || found.renamed) && !isCalled(file, part.file) && file.size === part.size,
  );
  return [...media.files.filter((file) => isCalled(file, part.file)), ...renamed];
}

/** The part, or a clause that says why this file is not it. */
async function lookAt(
  rt: MediaRuntime,
  { set, part, media, file }: { set: SetFile; part: SetPart; media: Media; file: MediumFile },
): Promise<LookedPart | string> {
  if (file.size === 0) return 'is empty (0 bytes)';
  const length =
    file.size < part.size
      ? `was cut off: ${file.size} of ${plural(part.size, 'byte')} are there`
      : file.size > part.size
        ? `has ${plural(file.size - part.size, 'byte')} more than it should`
        : undefined;
  let start: PartStart;
  try {
    start = await readPartStart(rt, file);
  } catch (error) {
    if (isRepackError(error) && errnoOf(error.cause) !== undefined) return lower(error.what);
    if (error instanceof TarFault || isRepackError(error)) {
      return length ?? 'does not begin as a part does: it was damaged on the way, or is something else';
    }
    throw error;
  }
  const { header } = start;
  if (header.set !== set.set) {
    return `is of another set: part ${header.number} of ${header.of} of ${header.name}`;
  }
  if (header.number !== part.number) return `holds part ${header.number} under this name: the parts were swapped`;
  if (length !== undefined) return length;
  try {
    refuseOtherSum(media, { ...file, name: part.file }, part.sha256);
  } catch (error) {
    if (isRepackError(error)) return `is not right: ${error.what}`;
    throw error;
  }
  return { part, file, header, start };
}

function lower(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
