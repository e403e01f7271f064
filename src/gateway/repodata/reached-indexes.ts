import { isRepackError } from '../../base/errors.js';
import { reachable } from '../../conda/record/reachable.js';
import type { RepodataIndex } from '../../conda/record/repodata-index.js';
import type { FetchedRepodata, MissingRepodata, ShardedAnswer, ShardedRepodata } from './answers.js';

interface Place {
  key: string;
  answer: FetchedRepodata | ShardedAnswer | MissingRepodata | undefined;
  /** For a place with a shard that is not what the listing says, or an index that is not what was scanned. */
  whole: () => Promise<FetchedRepodata | MissingRepodata>;
}

/**
 * Of each place that is read by names an answer with all that a solve of `names` can meet in any of the places: a record of one needs names
 * that only another has. A place that can't be read so is read whole. Throws as `transfer`.
 */
export async function reachedIndexes(
  places: readonly Place[],
  names: readonly string[],
): Promise<Map<string, FetchedRepodata | MissingRepodata>> {
  const whole: RepodataIndex[] = [];
  const byName: { place: Place; shards: ShardedRepodata }[] = [];
  for (const place of places) {
    if (place.answer?.found !== true) continue;
    if (place.answer.shards === undefined) whole.push(place.answer.index);
    else byName.push({ place, shards: place.answer.shards });
  }
  const found = new Set<string>();
  const broken = new Set<Place>();
  let wave = new Set(names.map((name) => name.toLowerCase()));
  while (wave.size > 0) {
    const met = reachable(whole, wave);
    // conda adds it to what python needs.
    if (met.has('python')) met.add('pip');
    const fresh = [...met].filter((name) => !found.has(name));
    for (const name of fresh) found.add(name);
    const needed = new Set<string>();
    await Promise.all(
      byName.map(async ({ place, shards }) => {
        try {
          for (const name of await shards.load(fresh)) needed.add(name);
        } catch (error) {
          if (!isRepackError(error) || error.code !== 'E_REPODATA') throw error;
          broken.add(place);
        }
      }),
    );
    if (broken.size > 0) break;
    wave = new Set([...needed].filter((name) => !found.has(name) && !name.startsWith('__')));
  }
  if (broken.size === 0) return new Map(byName.map(({ place, shards }) => [place.key, shards.answer()]));
  // What only its records lead to is to be looked for in the others too: from the beginning, with what they have loaded.
  for (const place of broken) place.answer = await place.whole().catch(() => undefined);
  const again = await reachedIndexes(places, names);
  // Who asks for one that gives no answer is told.
  for (const { key, answer } of broken) {
    if (answer !== undefined && (!answer.found || answer.shards === undefined)) again.set(key, answer);
  }
  return again;
}
