import { isRepackError, RepackError } from '../../base/errors.js';
import type { OpenedSet } from './open.js';
import { damagedPart, incomplete, partTitle, progressOf, soundCopy } from './parts.js';
import { checkIndexes } from './indexes.js';
import type { Target } from './target.js';
import type { SetFile } from '../medium/format.js';
import type { FoundSet, Media, MediaRuntime } from '../medium/read-media.js';
import { checkPart, walkPart, type CheckedPart, type FoundPart } from '../medium/read-part.js';
import { TarFault } from '../medium/read-tar.js';

/** A file on its way: its content must be taken, or left, before the next one is asked for; a piece is overwritten by the next. */
export interface ContentFile {
  path: string;
  content: AsyncIterable<Uint8Array>;
}

/** What a label folder is to become, and where its bytes come from: a checked set, or an unpacked delta folder. */
export interface Delivery {
  target: Target;
  /** Paths whose bytes are at hand. */
  has: (path: string) => boolean;
  /** The wanted files in the order in which they can be read fastest. */
  walk: (wanted: ReadonlySet<string>) => AsyncIterable<ContentFile>;
  /** `repodata.json` of the subdirs whose index is at hand, by path. */
  indexes: ReadonlyMap<string, Uint8Array>;
}

/**
 * Reads every byte of an opened set and holds it against set file, headers and manifest. Nothing is written. Where a part is damaged, a sound
 * copy on another medium is taken. Every damaged part is found, so that all of them can be brought at once (bad-inputs G11).
 *
 * @throws RepackError E_MEDIUM naming parts and media, E_ARCHIVE_MEMBER where undamaged parts hold what they must not
 */
export async function checkSet(
  rt: MediaRuntime,
  { found, parts, target }: Pick<OpenedSet, 'found' | 'parts' | 'target'>,
  media: Media,
): Promise<Delivery> {
  const { set } = found;
  const checked: (CheckedPart & FoundPart)[] = [];
  const damaged: string[] = [];
  const onBytes = progressOf(rt, set);
  for (const first of parts) {
    const result = await checkAny(rt, { found, media, first, onBytes });
    if (typeof result === 'string') damaged.push(damagedPart(set, first, result));
    else checked.push(result);
  }
  if (damaged.length > 0) throw incomplete({ set, media, problems: damaged, lacking: damaged.length });
  const kept = new Map(checked.flatMap((part) => [...part.kept]));
  await checkIndexes({ target, indexes: kept, where: parts[0]!.file.path });
  const at = new Set(checked.flatMap((part) => [...part.members.keys()]));
  return {
    target,
    has: (path) => at.has(path),
    walk: (wanted) => walkParts(rt, checked, wanted),
    indexes: new Map([...kept].filter(([path]) => path.endsWith('/repodata.json'))),
  };
}

/** The part, or a sound copy of it; else what is wrong with the one that was looked at first. */
async function checkAny(
  rt: MediaRuntime,
  {
    found,
    media,
    first,
    onBytes,
  }: { found: FoundSet; media: Media; first: FoundPart; onBytes: (bytes: number) => void },
): Promise<(CheckedPart & FoundPart) | string> {
  const { set } = found;
  const problem = await check(rt, { set, part: first, onBytes });
  if (typeof problem !== 'string') return { ...problem, ...first };
  const copy = await soundCopy(rt, { found, media, damaged: first, problem });
  if (copy === undefined) return problem;
  const result = await check(rt, { set, part: copy, onBytes: () => undefined });
  return typeof result === 'string' ? result : { ...result, ...copy };
}

async function check(
  rt: MediaRuntime,
  { set, part, onBytes }: { set: SetFile; part: FoundPart; onBytes: (bytes: number) => void },
): Promise<CheckedPart | string> {
  try {
    return await checkPart(rt, part, { keep: (path) => path.includes('/repodata.json'), onBytes });
  } catch (error) {
    if (!(error instanceof TarFault)) throw error;
    throw new RepackError('E_ARCHIVE_MEMBER', {
      what: `${partTitle(set, part.part)} is as it was sent, and is refused: ${error.message}`,
      where: part.file.path,
      hint: 'Nothing was written. This is not a set that repackenv made: find out where the medium comes from.',
      cause: error,
    });
  }
}

async function* walkParts(
  rt: MediaRuntime,
  parts: readonly (CheckedPart & FoundPart)[],
  wanted: ReadonlySet<string>,
): AsyncGenerator<ContentFile> {
  for (const part of parts) {
    try {
      yield* walkPart(rt, part, (path) => wanted.has(path));
    } catch (error) {
      // It was right a moment ago: the stick was pulled, or written to.
      if (!(error instanceof TarFault) && !(isRepackError(error) && error.code === 'E_DECOMPRESS')) throw error;
      throw new RepackError('E_MEDIUM', {
        what: `${part.file.name} changed while it was read`,
        where: part.file.path,
        hint: 'Leave the medium in, and let nothing write to it; then run the same command again.',
        cause: error,
      });
    }
  }
}
