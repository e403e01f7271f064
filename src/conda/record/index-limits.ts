/** What every reader of a `repodata.json` takes, and no more: what one accepts, the others must not refuse. */

/** How deep one value may lie in another. */
export const MAX_DEPTH = 64;

/** 16 times today's largest channel. */
export const MAX_RECORDS = 8_000_000;

/** The keys of records by file name: `.conda` ones lie under a key of their own; some tools put both under the first. */
export const RECORD_MAPS = ['packages', 'packages.conda'] as const;

export type RecordMap = (typeof RECORD_MAPS)[number];

export function isRecordMap(key: string): key is RecordMap {
  return (RECORD_MAPS as readonly string[]).includes(key);
}
