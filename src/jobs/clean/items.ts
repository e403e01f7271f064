import { plural } from '../../base/plural.js';
import path from 'node:path';
import type { Runtime } from '../../runtime/runtime.js';

export type CleanKind =
  | 'label-file'
  | 'staging'
  | 'lost-label'
  | 'kept'
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
  /** Bytes that the disk has free without it alone: nothing of what has hard links outside it. */
  frees: number;
  why: string;
  /** False: named, and left for a person. */
  removes: boolean;
}

/** As it is found: with what it shares with other things. */
export interface FoundItem extends CleanItem {
  shared: readonly SharedFile[];
}

/** A file with hard links of which a thing holds some: its bytes go from the disk with the last of them. Sizes in bytes. */
export interface SharedFile {
  /** Device and inode. */
  file: string;
  size: number;
  /** Of all there are, when it was looked at; and those that the thing holds. */
  links: number;
  held: number;
}

/**
 * Bytes that the disk has free without these things, and bytes of theirs that stay since a hard link elsewhere holds them. Things may hold
 * links of one file: it goes where all of them go.
 */
export function freedBy(items: readonly FoundItem[]): { freed: number; linkedElsewhere: number } {
  const total = { freed: 0, linkedElsewhere: 0 };
  const held = new Map<string, SharedFile>();
  for (const { frees, shared } of items) {
    total.freed += frees;
    for (const each of shared) {
      const key = `${each.file} ${each.size} ${each.links}`;
      held.set(key, { ...each, held: each.held + (held.get(key)?.held ?? 0) });
    }
  }
  for (const { size, links, held: gone } of held.values()) {
    if (gone >= links) total.freed += size;
    else total.linkedElsewhere += size;
  }
  return total;
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
  shared: readonly SharedFile[];
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
    const days = `last used ${plural(Math.max(0, Math.floor(age / DAY_MS)), 'day')} ago`;
    chosen.push({ entry, why: old ? days : `${days}, and the caches are over their size` });
  }
  return chosen;
}

export const DAY_MS = 24 * 60 * 60 * 1000;

/** Sizes in bytes: what is there, what of it goes from the disk with it, and what other things have a part in. */
export interface Sizes {
  size: number;
  frees: number;
  shared: readonly SharedFile[];
}

/**
 * Bytes of a file or of everything below a folder; links are not followed. Nothing there: 0. A file with hard links (unchanged packages in
 * a staging folder are the published ones, conda links packages into environments) frees its bytes only where all of them go.
 */
export async function sizesOf(rt: Runtime, target: string): Promise<Sizes> {
  const sum = { size: 0, frees: 0 };
  const seen = new Map<string, SharedFile>();
  await addSizes(rt, target, { sum, seen });
  const linked = [...seen.values()];
  const whole = linked.filter(({ links, held }) => held === links);
  return {
    size: sum.size,
    frees: sum.frees + whole.reduce((bytes, { size }) => bytes + size, 0),
    shared: linked.filter(({ links, held }) => held < links),
  };
}

async function addSizes(
  rt: Runtime,
  target: string,
  { sum, seen }: { sum: { size: number; frees: number }; seen: Map<string, SharedFile> },
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
  const held = (seen.get(file)?.held ?? 0) + 1;
  seen.set(file, { file, size: stats.size, links: stats.nlink, held });
  if (held === 1) sum.size += stats.size;
}
