import path from 'node:path';
import type { Runtime } from '../../runtime/runtime.js';

export type CleanKind =
  | 'label-file'
  | 'staging'
  | 'lost-label'
  | 'store'
  | 'transfer'
  | 'repodata'
  | 'engine-package'
  | 'run';

/** Something that goes, or is only named. Sizes in bytes. */
export interface CleanItem {
  kind: CleanKind;
  /** Absolute; the first path of what goes together. */
  path: string;
  size: number;
  why: string;
  /** False: named, and left for a person. */
  removes: boolean;
}

/** Age limit in ms and total size in bytes; undefined: no limit. */
export interface CleanLimits {
  olderThanMs: number | undefined;
  maxBytes: number | undefined;
}

/** What can go from a cache: several files that belong together. */
export interface CacheEntry {
  kind: 'store' | 'repodata' | 'engine-package';
  paths: string[];
  size: number;
  /** ms since 1970. */
  lastUseMs: number;
}

/** Which entries go: those not used for so long, then the least recently used ones until the rest is within the size. */
export function chooseEntries(
  entries: readonly CacheEntry[],
  { olderThanMs, maxBytes }: CleanLimits,
  nowMs: number,
): { entry: CacheEntry; why: string }[] {
  const chosen: { entry: CacheEntry; why: string }[] = [];
  let left = entries.reduce((sum, { size }) => sum + size, 0);
  const oldestFirst = entries.toSorted((a, b) => a.lastUseMs - b.lastUseMs || (a.paths[0]! < b.paths[0]! ? -1 : 1));
  for (const entry of oldestFirst) {
    const age = nowMs - entry.lastUseMs;
    const old = olderThanMs !== undefined && age > olderThanMs;
    if (!old && (maxBytes === undefined || left <= maxBytes)) continue;
    left -= entry.size;
    const days = `last used ${Math.max(0, Math.floor(age / DAY_MS))} days ago`;
    chosen.push({ entry, why: old ? days : `${days}, and the caches are over their size` });
  }
  return chosen;
}

export const DAY_MS = 24 * 60 * 60 * 1000;

/** Bytes of a file or of everything below a folder; links are not followed. Nothing there: 0. */
export async function sizeOf(rt: Runtime, target: string): Promise<number> {
  const stats = await rt.fs.lstat(target).catch(() => undefined);
  if (stats === undefined) return 0;
  if (!stats.isDirectory()) return stats.size;
  let sum = 0;
  for (const entry of await rt.fs.readdir(target).catch(() => []))
    sum += await sizeOf(rt, path.join(target, entry.name));
  return sum;
}
