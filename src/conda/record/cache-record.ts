import { dependencyName } from '../spec/dependency.js';
import { isPython } from './records.js';
import type { PackageRecord } from './records.js';

/** conda writes these into `repodata_record.json`; a channel's index has none of them. `url` may hold a token. */
const CACHE_KEYS: ReadonlySet<string> = new Set([
  'url',
  'channel',
  'fn',
  'schannel',
  'package_type',
  'arch',
  'platform',
]);

/**
 * The channel's record out of the one that conda keeps beside an extracted package: without the place it was loaded from, and without the
 * `pip` that conda adds to python in memory (`add_pip_as_python_dependency`) and may write down. `own`: the depends that the artifact
 * itself states (`info/index.json`); where there is a pip among them, python really depends on it (design D4).
 */
export function recordOfCache(cached: PackageRecord, own: unknown): PackageRecord {
  const kept = Object.fromEntries(Object.entries(cached).filter(([key]) => !CACHE_KEYS.has(key))) as PackageRecord;
  const isPip = (text: unknown): boolean => typeof text === 'string' && dependencyName(text) === 'pip';
  if (!isPython(kept) || (Array.isArray(own) && own.some(isPip))) return kept;
  return { ...kept, depends: kept.depends.filter((text) => text !== 'pip') };
}
