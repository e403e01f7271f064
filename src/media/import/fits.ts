import { RepackError } from '../../base/errors.js';
import type { Manifest } from '../../channel/manifest/manifest.js';
import type { SetHeader } from '../set/content.js';
import type { DeltaBase } from '../set/headers.js';

/** What is to be imported, as its header says it. */
export type SetEnds = Pick<SetHeader, 'name' | 'generation' | 'manifest_sha256' | 'base' | 'subdirs'>;

/** The label folder as far as the question needs it. */
export interface FolderState {
  dir: string;
  manifest: Pick<Manifest, 'generation' | 'previous' | 'subdirs'> | undefined;
  manifestSha256: string | undefined;
}

/** What was asked for, and by which command: advice must be something that it can do. */
export interface FitOptions {
  allowRollback: boolean;
  command: 'import' | 'merge';
}

/**
 * So many generations a set may be ahead of the folder (of nothing, for a new one): one a minute for two months. An unsigned manifest of
 * generation 2^53 - 1 would lock out all that the vendor sends later.
 */
export const MOST_GENERATIONS_AHEAD = 100_000;

/**
 * Whether the set may be applied to the folder (bad-inputs G8). `same`: the folder has this very manifest; `forward`: it is older, there is
 * none, or it is the very one that a delta begins at (the generation is the same where only index files differ); `back`: it is newer, and
 * that was allowed, or the set is so far ahead that no vendor has come there, and that was allowed.
 *
 * @throws RepackError E_WRONG_BASE: a delta, and the folder is not what it was made for. E_ROLLBACK: the folder is newer, or another channel
 *   of the same generation, and `allowRollback` is not set; or the set is more than
 *   {@link MOST_GENERATIONS_AHEAD} ahead.
 */
export function fits(
  set: SetEnds,
  live: FolderState,
  { allowRollback, command }: FitOptions,
): 'same' | 'forward' | 'back' {
  if (live.manifestSha256 === set.manifest_sha256) return 'same';
  const { base } = set;
  const now = live.manifest?.generation;
  if (set.generation - (now ?? 0) > MOST_GENERATIONS_AHEAD && !allowRollback)
    throw farAhead(set, live, { now, command });
  if (base !== null && live.manifestSha256 !== base.manifest_sha256) {
    if (now !== undefined && now >= set.generation && base.generation < now)
      throw rollback(set, live, { now, command });
    throw wrongBase({ ...set, base }, live, { now, command });
  }
  if (now === undefined || now < set.generation || (base !== null && now === set.generation)) return 'forward';
  if (allowRollback) return 'back';
  throw rollback(set, live, { now, command });
}

function wrongBase(
  set: SetEnds & { base: NonNullable<DeltaBase> },
  live: FolderState,
  { now, command }: { now: number | undefined; command: FitOptions['command'] },
): RepackError {
  const { base } = set;
  const applies = `Delta ${set.name} leads from generation ${base.generation} to ${set.generation}`;
  const wholeOf = (generation: number): string =>
    command === 'import' ? 'a full set' : `the full delta folder of generation ${generation} (…-g${generation})`;
  const take = command === 'import' ? 'Import' : 'Merge';
  const [what, hint] =
    now === undefined
      ? [
          `${applies}, and there is no channel of ours in the label folder`,
          `${take} ${wholeOf(base.generation)} first.`,
        ]
      : now < base.generation
        ? [
            `${applies}, and the label folder is of generation ${now}: a delta between was skipped`,
            `${take} what leads from generation ${now} to ${base.generation} first, or ${wholeOf(base.generation)}.`,
          ]
        : now === base.generation
          ? [
              `${applies}, and the label folder is another channel of generation ${now} than it was made for (changed here, or from elsewhere)`,
              `Send the site receipt of this folder to the sender and ask for a delta made for it, or ${command} ${wholeOf(set.generation)}.`,
            ]
          : [
              `${applies}, and the label folder is already of generation ${now}`,
              `Ask the sender for a delta from generation ${now} (send the site receipt), or ${command} ${wholeOf(set.generation)}.`,
            ];
  return new RepackError('E_WRONG_BASE', {
    what,
    where: live.dir,
    hint: `${hint} The label folder was not changed.`,
    details: [
      `the delta needs  manifest ${base.manifest_sha256}`,
      `the folder has   manifest ${live.manifestSha256 ?? 'none'}`,
    ],
  });
}

function farAhead(
  set: SetEnds,
  live: FolderState,
  { now, command }: { now: number | undefined; command: FitOptions['command'] },
): RepackError {
  const from = now === undefined ? 'there is none in the label folder' : `the label folder is of generation ${now}`;
  const how =
    command === 'import' ? '--allow-rollback' : '`repackenv import` and its --allow-rollback, from a full set';
  return new RepackError('E_ROLLBACK', {
    what: `${set.name} is of generation ${set.generation}, and ${from}: more than ${MOST_GENERATIONS_AHEAD} at once`,
    where: live.dir,
    hint: `Nothing was changed. No later set could be imported over it; ask the sender whether it is theirs. If it is: ${how}.`,
  });
}

function rollback(
  set: SetEnds,
  live: FolderState,
  { now, command }: { now: number; command: FitOptions['command'] },
): RepackError {
  const others = sameTexts(set.subdirs, live.manifest?.subdirs ?? [])
    ? ''
    : ` (for ${set.subdirs.join(', ')}; the folder has ${(live.manifest?.subdirs ?? []).join(', ')})`;
  return new RepackError('E_ROLLBACK', {
    what:
      now === set.generation
        ? `${set.name} is another channel of generation ${now} than the one in the label folder${others}`
        : `${set.name} is of generation ${set.generation}, and the label folder is of generation ${now} already`,
    where: live.dir,
    hint: `Nothing was changed${rollbackHint(set, live, { now, command })}`,
    details: [
      `on the medium   manifest ${set.manifest_sha256}`,
      `the folder has  manifest ${live.manifestSha256 ?? 'none'}`,
    ],
  });
}

/**
 * A folder of the same generation with another manifest has parted from the sender's; of a later one, only `previous` can tell that it has
 * not. A merge never goes back: only an import does.
 */
function rollbackHint(
  set: SetEnds,
  live: FolderState,
  { now, command }: { now: number; command: FitOptions['command'] },
): string {
  const isDelta = set.base !== null || command === 'merge';
  const goBack = (which: string): string =>
    command === 'import'
      ? `import ${which} full set with --allow-rollback.`
      : `take ${which} full set with \`repackenv import\` and its --allow-rollback; merge never goes back.`;
  if (now === set.generation) {
    return `. The folder is not what the sender of this ${command === 'import' ? 'set' : 'delta'} has: it was changed here (doctor --repair takes lost packages out), or it came from elsewhere, or for other platforms. To have the sender's channel: ${goBack('the')}`;
  }
  if (!isDelta) return '. If this is the channel that you want all the same: --allow-rollback.';
  if (live.manifest?.previous === set.manifest_sha256)
    return ', and nothing needs to be: the folder is further than this delta leads.';
  return `. If the folder is as the sender sent it, it is further than this delta leads, and nothing needs to be done. If it was changed here (doctor --repair takes lost packages out): ${goBack('a')}`;
}

function sameTexts(a: readonly string[], b: readonly string[]): boolean {
  return [...a].sort().join('\n') === [...b].sort().join('\n');
}
