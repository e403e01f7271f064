import { largest } from '../../base/largest.js';
import { RepackError } from '../../base/errors.js';
import { parseLabel } from '../../conda/channel/names.js';
import type { SetFile } from '../set/headers.js';
import type { FolderState } from './fits.js';
import { setFileName } from '../set/names.js';
import type { FoundSet, Media } from '../archive/read-media.js';

/**
 * The label to import: the one that is asked for, or the only one on the media.
 *
 * @throws RepackError E_USAGE, E_LABEL
 */
export function chooseLabel(sets: readonly FoundSet[], media: Media, asked: string | undefined): string {
  const labels = [...new Set(sets.map(({ set }) => set.label))].sort();
  const where = media.places.join(', ');
  if (asked !== undefined && !labels.includes(asked)) {
    throw new RepackError('E_USAGE', {
      what: `There is no set of label ${asked} on the media`,
      where,
      hint: `They hold ${labels.join(', ')}: give --label with one of these, or none.`,
    });
  }
  const label = asked ?? labels[0]!;
  if (asked === undefined && labels.length > 1) {
    throw new RepackError('E_USAGE', {
      what: `The media hold sets of ${labels.length} labels`,
      where,
      hint: `Say which: --label ${labels.join(' or --label ')}.`,
    });
  }
  return parseLabel(label);
}

/**
 * Which of the sets of one label to import, in order: the shortest way from what the folder is to the newest generation on the media,
 * over deltas from here, else from the newest full set from which it can be reached. Whether they may be applied is not asked here; where
 * nothing leads on, the set is given that says best why.
 *
 * @throws RepackError E_USAGE where the newest generation is there in several forms (one per platform)
 */
export function chooseSets(
  sets: readonly FoundSet[],
  live: Pick<FolderState, 'manifest' | 'manifestSha256'>,
): FoundSet[] {
  const [only] = sets;
  if (sets.length === 1 && only !== undefined) return [only];
  const goals = goalsOf(sets);
  const goal = goals[0]!.set;
  const other = goals.find(({ set }) => set.manifest_sha256 !== goal.manifest_sha256);
  if (other !== undefined) throw severalForms(goals);
  if (live.manifestSha256 === goal.manifest_sha256) return [goals[0]!];

  const here = live.manifestSha256 === undefined ? undefined : wayOver(sets, live.manifestSha256, goal);
  if (here !== undefined) return here;
  const full = wayFromFull(sets, goal);
  if (full !== undefined) return full;
  const from = live.manifest?.generation ?? 0;
  const later = sets
    .filter(({ set }) => (set.base?.generation ?? 0) >= from)
    .sort((a, b) => (a.set.base?.generation ?? 0) - (b.set.base?.generation ?? 0));
  return [later[0] ?? goals[0]!];
}

/**
 * Another way to the same end, for a folder that lacks what the deltas from here do not carry: from a full set that is no step back.
 * Undefined where there is none.
 */
export function chooseFullSets(
  sets: readonly FoundSet[],
  live: Pick<FolderState, 'manifest' | 'manifestSha256'>,
): FoundSet[] | undefined {
  const [goal, ...more] = goalsOf(sets);
  if (goal === undefined || more.some(({ set }) => set.manifest_sha256 !== goal.set.manifest_sha256)) return undefined;
  return wayFromFull(
    sets.filter(
      ({ set }) => set.generation > (live.manifest?.generation ?? 0) || set.manifest_sha256 === live.manifestSha256,
    ),
    goal.set,
  );
}

/** Sets of the newest generation; without those from which a delta of the same generation leads on (to other index files). */
function goalsOf(sets: readonly FoundSet[]): FoundSet[] {
  const newest = largest(sets.map(({ set }) => set.generation));
  const all = sets.filter(({ set }) => set.generation === newest);
  const ends = all.filter(({ set }) => !all.some((each) => each.set.base?.manifest_sha256 === set.manifest_sha256));
  return ends.length > 0 ? ends : all;
}

function wayFromFull(sets: readonly FoundSet[], goal: SetFile): FoundSet[] | undefined {
  const starts = sets.filter(({ set }) => set.kind === 'full').sort((a, b) => b.set.generation - a.set.generation);
  for (const start of starts) {
    const way = wayOver(sets, start.set.manifest_sha256, goal);
    if (way !== undefined) return [start, ...way];
  }
  return undefined;
}

/** The fewest deltas from one manifest to the goal's; none where they are the same. */
function wayOver(sets: readonly FoundSet[], from: string, goal: SetFile): FoundSet[] | undefined {
  const ways = new Map<string, FoundSet[]>([[from, []]]);
  for (const [at, way] of ways) {
    if (at === goal.manifest_sha256) return way;
    for (const found of sets) {
      const { base, manifest_sha256: to } = found.set;
      if (base?.manifest_sha256 === at && !ways.has(to)) ways.set(to, [...way, found]);
    }
  }
  return undefined;
}

function severalForms(goals: readonly FoundSet[]): RepackError {
  return new RepackError('E_USAGE', {
    what: `The media hold generation ${goals[0]!.set.generation} in ${goals.length} forms`,
    where: goals.map(({ file }) => file.path).join(', '),
    hint: `Each is a channel of its own: give the ${setFileName('NAME')} of the one for this site.`,
    details: goals.map(({ set }) => `${set.name}: ${set.subdirs.join(', ')}`),
  });
}
