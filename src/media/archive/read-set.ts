import { isRepackError, RepackError } from '../../base/errors.js';
import { checkedContent, isKept, type ContentFile, type SetContent } from '../set/content.js';
import type { OpenedSet } from './open-set.js';
import { incomplete, partTitle, readParts, type ReadPart } from './parts.js';
import type { Media, MediaRuntime } from './read-media.js';
import { walkPart } from './read-part.js';
import { TarFault } from './read-tar.js';

/**
 * Reads every byte of an opened set and holds it against set file, headers and manifest. Nothing is written. Every damaged part is found, so
 * that all of them can be brought at once.
 *
 * @throws RepackError E_MEDIUM naming parts and media, E_ARCHIVE_MEMBER where undamaged parts hold what they must not
 */
export async function readSet(rt: MediaRuntime, opened: OpenedSet, media: Media): Promise<SetContent> {
  const { set, target, parts } = opened;
  const { sound, damaged } = await readParts(rt, { found: opened, media, parts, keep: isKept });
  for (const { part, file, fault } of sound) {
    if (fault === undefined) continue;
    throw new RepackError('E_ARCHIVE_MEMBER', {
      what: `${partTitle(set, part)} is as it was sent, and is refused: ${fault.message}`,
      where: file.path,
      hint: 'Nothing was written. This is not a set that repackenv made: find out where the medium comes from.',
      cause: fault,
    });
  }
  if (damaged.size > 0) throw incomplete({ set, media, wrong: damaged });
  const at = new Set(sound.flatMap((part) => [...part.members.keys()]));
  return checkedContent({
    target,
    kept: new Map(sound.flatMap((part) => [...part.kept])),
    where: parts[0]!.file.path,
    has: (path) => at.has(path),
    walk: (wanted) => walkParts(rt, sound, wanted),
  });
}

async function* walkParts(
  rt: MediaRuntime,
  parts: readonly ReadPart[],
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
