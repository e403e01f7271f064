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
  /** Bytes that the disk has free afterwards: nothing of what is hard-linked elsewhere. */
  frees: number;
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
  frees: number;
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

/** Sizes in bytes: what is there, and what of it goes from the disk with it. */
export interface Sizes {
  size: number;
  frees: number;
}

/**
 * Bytes of a file or of everything below a folder; links are not followed. Nothing there: 0. A file with hard links (unchanged packages in
 * a staging folder are the published ones, conda links packages into environments) frees its bytes only where all of them go.
 */
export async function sizesOf(rt: Runtime, target: string): Promise<Sizes> {
  const sum = { size: 0, frees: 0 };
  const seen = new Map<string, number>();
  await addSizes(rt, target, { sum, seen });
  return sum;
}

async function addSizes(
  rt: Runtime,
  target: string,
  { sum, seen }: { sum: Sizes; seen: Map<string, number> },
): Promise<void> {
  const stats = await rt.fs.lstat(target).catch(() => undefined);
  if (stats === undefined) return;
  if (stats.isDirectory()) {
    for (const { name } of await rt.fs.readdir(target).catch(() => []))
      await addSizes(rt, path.join(target, name), { sum, seen });
    return;
  }
  if (stats.nlink <= 1) {
    // NTFS numbers its files beyond what a JavaScript number holds: neighbours would look like links of one another.
    sum.size += stats.size;
    sum.frees += stats.size;
    return;
  }
  const file = `${stats.dev} ${stats.ino}`;
  const links = (seen.get(file) ?? 0) + 1;
  seen.set(file, links);
  if (links === 1) sum.size += stats.size;
  if (links === stats.nlink) sum.frees += stats.size;
}
