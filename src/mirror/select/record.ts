import { isRepackError } from '../../base/errors.js';
import { parseDistFilename } from '../../conda/channel/names.js';
import type { PackageRecord } from '../../conda/record/records.js';
import { pickedAndKept } from '../../conda/record/stated-bytes.js';
import type { MirrorSource } from './gather.js';
import type { Exclusion, ExclusionReason, Rules } from './rules.js';

/** A record that may be used, or why it may not. */
export type CheckedRecord = { record: PackageRecord; problem?: undefined } | { record?: undefined; problem: string };

/** The record of a file that the index has. */
export function checkedRecord({ index, subdir }: Pick<MirrorSource, 'index' | 'subdir'>, fn: string): CheckedRecord {
  try {
    return { record: pickedAndKept(index, fn, subdir)! };
  } catch (error) {
    if (!isRepackError(error)) throw error;
    return { problem: error.what };
  }
}

/** Rules that ask for name, version and build only. */
const BY_FILENAME: ReadonlySet<ExclusionReason> = new Set(['blacklist', 'not-included', 'exclude']);

/**
 * The rule that leaves out a file whose record can't be used: then it matters to nobody that it can't. Judged by what its file name says,
 * and by the rest of the record where that can be read. Undefined where the file is wanted, or nothing can be said of it.
 */
export function excludesUnusable(rules: Rules, source: MirrorSource, fn: string): Exclusion | undefined {
  const named = recordOfFilename(fn);
  if (named === undefined) return undefined;
  const { index, channel, subdir } = source;
  let stated: PackageRecord | undefined;
  try {
    stated = index.record(fn);
  } catch (error) {
    if (!isRepackError(error)) throw error;
  }
  const { name, version, build } = named;
  const exclusion = rules.excludes({ record: { ...named, ...stated, name, version, build }, channel, subdir });
  return stated !== undefined || (exclusion !== undefined && BY_FILENAME.has(exclusion.reason)) ? exclusion : undefined;
}

/** What a file name says of its record; undefined for a name that is none. */
export function recordOfFilename(fn: string): PackageRecord | undefined {
  try {
    const { name, version, build } = parseDistFilename(fn);
    return { name, version, build, build_number: 0, depends: [] };
  } catch (error) {
    if (!isRepackError(error)) throw error;
    return undefined;
  }
}
