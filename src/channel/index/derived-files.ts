export const SHARDS = 'repodata_shards.msgpack.zst';
/** The same, of the records as they were before hotfixes: conda-index writes both over one set of shard files. */
export const RAW_SHARDS = 'repodata_shards_from_packages.msgpack.zst';
export const SHARD = /^[0-9a-f]{64}\.msgpack\.zst$/;
/** Indexes made out of `repodata.json`, in each form; the second has the records as they were before hotfixes. */
export const DERIVED = /^(current_repodata|repodata_from_packages)\.json(\.zst|\.bz2|\.gz)?$/;
/** Can't be held against an index without remaking it: it goes wherever `repodata.json` changes. */
export const UNCHECKED = /^(repodata|current_repodata)(\.json)?\.jlap$|\.json\.gz$/;

/** Index files that are made out of `repodata.json` and wrong as soon as it changes: `current_repodata.json`, shards, jlap. */
export function isDerived(fn: string): boolean {
  return DERIVED.test(fn) || UNCHECKED.test(fn) || isShardList(fn) || SHARD.test(fn);
}

export function isShardList(fn: string): boolean {
  return fn === SHARDS || fn === RAW_SHARDS;
}
