import { isRepackError } from '../../base/errors.js';
import { reachable } from '../../conda/record/reachable.js';
import type { RepodataIndex } from '../../conda/record/repodata-index.js';
import type { FetchedRepodata, MissingRepodata, ShardedAnswer } from './fetch.js';
import type { ShardedRepodata } from './shards.js';

interface Place {
  key: string;
  answer: FetchedRepodata | ShardedAnswer | MissingRepodata | undefined;
}

/**
 * Of each sharded place an index of all that a solve of `names` can meet in any of the places, whole ones and sharded ones: a record of one
 * needs names that only another has. A place with a shard that can't be used is not in the answer. Throws as `transfer`.
 */
export async function reachedIndexes(
  places: readonly Place[],
  names: readonly string[],
): Promise<ReadonlyMap<string, RepodataIndex>> {
  const whole: RepodataIndex[] = [];
  const sharded = new Map<string, ShardedRepodata>();
  for (const { key, answer } of places) {
    if (answer?.found !== true) continue;
    if (answer.shards === undefined) whole.push(answer.index);
    else sharded.set(key, answer.shards);
  }
  const found = new Set<string>();
  let wave = new Set(names.map((name) => name.toLowerCase()));
  while (wave.size > 0) {
    const met = reachable(whole, wave);
    // conda adds it to what python needs.
    if (met.has('python')) met.add('pip');
    const fresh = [...met].filter((name) => !found.has(name));
    for (const name of fresh) found.add(name);
    const needed = new Set<string>();
    await Promise.all(
      [...sharded].map(async ([key, shards]) => {
        try {
          for (const name of await shards.load(fresh)) needed.add(name);
        } catch (error) {
          if (!isRepackError(error) || error.code !== 'E_REPODATA') throw error;
          sharded.delete(key);
        }
      }),
    );
    wave = new Set([...needed].filter((name) => !found.has(name) && !name.startsWith('__')));
  }
  return new Map([...sharded].map(([key, shards]) => [key, shards.index()]));
}
