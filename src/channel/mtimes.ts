import type { PackageRecord } from '../conda/record/records.js';
import { timeOf } from '../conda/record/times.js';
import type { LiveFile } from './staged.js';

/** 2000-01-01 UTC: the time of an artifact whose record has no believable timestamp. */
export const UNDATED_MS = Date.UTC(2000, 0, 1);
/** FAT keeps times to two seconds, and robocopy and rsync compare nothing but size and time. */
const STEP_MS = 2000;
/** Times before and after are beyond what FAT, zip and old copy programs can hold. */
const EARLIEST_MS = Date.UTC(1980, 0, 2);
const LATEST_MS = Date.UTC(2100, 0, 1);

/**
 * When an artifact was made, from its record's `timestamp` (milliseconds; older ones seconds), on an even second: a new build host gives the same
 * one, so nothing travels again (design D7). {@link UNDATED_MS} where there is none.
 */
export function artifactMtime(record: PackageRecord): number {
  const ms = timeOf(record.timestamp);
  if (ms === undefined || ms < EARLIEST_MS || ms > LATEST_MS) return UNDATED_MS;
  return Math.floor(ms / STEP_MS) * STEP_MS;
}

/**
 * The mtime that a file must get, ms. Equal bytes keep the live file's. Other bytes get `wanted`, but at least 2 s more than the live file has, whatever
 * the clock says, so that a synchronisation sees the difference even where the size is the same (bad-inputs F5, N15).
 */
export function nextMtime(wanted: number, sha256: string, live: LiveFile | undefined): number {
  if (live === undefined) return Math.floor(Math.max(wanted, EARLIEST_MS) / STEP_MS) * STEP_MS;
  if (live.sha256 === sha256) return live.mtimeMs;
  return Math.ceil(Math.max(wanted, live.mtimeMs + STEP_MS) / STEP_MS) * STEP_MS;
}
