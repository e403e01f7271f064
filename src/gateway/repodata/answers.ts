import type { Channel, Subdir } from '../../conda/channel/channel.js';
import type { RepodataIndex } from '../../conda/record/repodata-index.js';
import type { CachedFile } from './cache.js';
import type { RepodataFetchContext } from './fetch-context.js';

export interface ShardedAnswer {
  found: true;
  shards: ShardedRepodata;
}

export interface FetchedRepodata {
  found: true;
  shards?: undefined;
  index: RepodataIndex;
  /** Of the unpacked document; taken when it is first asked for. Throws E_REPODATA where the index changed meanwhile. */
  sha256(): Promise<string>;
  file: CachedFile;
  /** By how much `repodata.json` is newer than this packed form; undefined where that is not known, or the server said "unchanged". */
  behindMs: number | undefined;
}

export interface MissingRepodata {
  found: false;
  status: number;
}

/** One subdir whose index is read by package names (CEP 16): what is not asked for is not fetched. */
export interface ShardedRepodata {
  /** Of every package in it. */
  names: readonly string[];
  /**
   * Fetches the records of these names, each shard once, and gives the names that they depend on. Throws E_REPODATA where a shard is not
   * there or is not what the listing says, and as `transfer` throws.
   */
  load(asked: Iterable<string>): Promise<Set<string>>;
  /** A `repodata.json` of the records that were loaded, scanned. */
  answer(): FetchedRepodata;
}

export function tellProgress(
  { rt }: RepodataFetchContext,
  { channel, subdir }: { channel: Channel; subdir: Subdir },
  { bytes, of }: { bytes: number; of: number },
): void {
  rt.events.emit({ type: 'progress', stage: 'index', what: `${channel.name}/${subdir}`, bytes, of });
}
