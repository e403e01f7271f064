import { isFolder } from '../../channel/read/list-folder.js';
import { append } from '../../base/append.js';
import path from 'node:path';
import { errnoOf } from '../../base/disk-errors.js';
import { RepackError, isRepackError } from '../../base/errors.js';
import { formatOf } from '../../conda/channel/names.js';
import { lockLabel } from '../../delivery/lock/lock.js';
import { lockHolder } from '../../delivery/lock/lock-peek.js';
import type { Runtime } from '../../runtime/runtime.js';
import { runFolders } from '../run/run-folder.js';
import { jobAtWork, whileNoJobRuns } from '../run/cache-guard.js';
import { chooseEntries, sizesOf } from './items.js';
import type { CacheEntry, CleanLimits, FoundItem, SharedFile, Sizes } from './items.js';

/** What transfers leave: longer than any pause of one that goes on. */
const TRANSFER_MS = 6 * 60 * 60 * 1000;

export interface CachePart {
  items: FoundItem[];
  /** What was left alone, and why. */
  skipped: string[];
  /** What should have gone and can't be removed, with the errno. */
  failed: string[];
}

/**
 * What of the cache folder goes: artifacts, indexes and engine packages by age and size, what broken-off runs left. Only files with
 * the names that this program gives are ever looked at. While a job works with the cache nothing of it is touched.
 *
 * Throws E_ROOT where the folder is not one of ours.
 */
export async function cleanCache(
  rt: Runtime,
  { cacheDir, limits, dryRun }: { cacheDir: string; limits: CleanLimits; dryRun: boolean },
): Promise<CachePart> {
  const part: CachePart = { items: [], skipped: [], failed: [] };
  if (!(await isOurs(rt, cacheDir))) return part;
  if (dryRun) {
    const running = await jobAtWork(rt, cacheDir);
    if (running !== undefined) part.skipped.push(`${cacheDir}: ${running}`);
    else await sweep(rt, { cacheDir, limits, dryRun, part });
    return part;
  }
  const running = await whileNoJobRuns(rt, cacheDir, () => sweep(rt, { cacheDir, limits, dryRun, part }));
  if (running !== undefined) part.skipped.push(`${cacheDir}: ${running}`);
  return part;
}

/** False: there is none yet. Throws E_ROOT for a folder in which this program would have made none of what is in it. */
async function isOurs(rt: Runtime, cacheDir: string): Promise<boolean> {
  const stats = await rt.fs.stat(cacheDir).catch(() => undefined);
  if (stats === undefined) return false;
  const refuse = (what: string): never => {
    throw new RepackError('E_ROOT', {
      what,
      where: cacheDir,
      hint: 'Give the --cache-dir that the jobs were run with. Nothing was touched.',
    });
  };
  if (!stats.isDirectory()) refuse('The cache folder is a file');
  const names = (await rt.fs.readdir(cacheDir)).map(({ name }) => name);
  if (names.length === 0) return false;
  const shaped =
    (await isFolder(rt, path.join(cacheDir, 'store', 'tmp'))) ||
    (await isFolder(rt, path.join(cacheDir, 'clean', 'lock'))) ||
    (await runFolders(rt, cacheDir)).length > 0 ||
    (await repodataEntries(rt, cacheDir)).length > 0 ||
    // Of runs that read folders only: made, and nothing put into it.
    (names.length === 1 && names[0] === 'repodata' && (await isEmpty(rt, path.join(cacheDir, 'repodata'))));
  if (!shaped) refuse('This folder was not made by this program as its cache');
  return true;
}

interface Sweep {
  cacheDir: string;
  limits: CleanLimits;
  dryRun: boolean;
  part: CachePart;
}

async function sweep(rt: Runtime, { cacheDir, limits, dryRun, part }: Sweep): Promise<void> {
  const take = (item: Omit<FoundItem, 'removes'>, remove: () => Promise<void>): Promise<void> =>
    takeAway({ part, dryRun }, { item: { ...item, removes: true }, remove });
  const engines = await lockEngines(rt, { cacheDir, dryRun, part });
  try {
    // Everything is measured before anything goes: conda hard-links packages from its cache into what a broken-off run left.
    const runs: { folder: string; sizes: Sizes }[] = [];
    for (const { folder } of await runFolders(rt, cacheDir)) runs.push({ folder, sizes: await sizesOf(rt, folder) });
    const transfers = await oldTransfers(rt, cacheDir);
    const entries = [
      ...(await storeEntries(rt, cacheDir)),
      ...(await repodataEntries(rt, cacheDir)),
      ...(await enginePackages(rt, engines)),
    ];
    for (const { folder, sizes } of runs)
      await take({ kind: 'run', path: folder, ...sizes, why: 'its run broke off' }, () => rt.fs.remove(folder));
    for (const { path: file, size, frees, shared } of transfers) {
      const item = { kind: 'transfer', path: file, size, frees, shared, why: 'its transfer broke off' } as const;
      await take(item, () => rt.fs.remove(file));
    }
    for (const { entry, why } of chooseEntries(entries, limits, rt.clock.now())) {
      rt.signal.throwIfAborted();
      const { kind, paths, size, frees, shared } = entry;
      await take({ kind, path: paths[0]!, size, frees, shared, why }, () => removeEntry(rt, entry));
    }
    if (!dryRun) await dropLost(rt, cacheDir);
  } finally {
    for (const { release } of engines) await release();
  }
}

/** What can't be removed (held open, of another account) is named, and keeps nothing else from going. */
async function takeAway(
  { part, dryRun }: Pick<Sweep, 'part' | 'dryRun'>,
  { item, remove }: { item: FoundItem; remove: () => Promise<void> },
): Promise<void> {
  try {
    if (!dryRun) await remove();
    part.items.push(item);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined) throw error;
    part.failed.push(`${item.path} (${errno})`);
  }
}

async function removeEntry(rt: Runtime, { paths }: CacheEntry): Promise<void> {
  for (const each of paths) {
    const stats = await rt.fs.lstat(each).catch(() => undefined);
    if (stats === undefined) continue;
    if (stats.isDirectory()) {
      // A package that is half gone would be taken for whole: out of sight first.
      const aside = `${each}.repackenv-clean`;
      await rt.fs.rename(each, aside);
      await rt.fs.remove(aside);
    } else {
      // Windows does not remove what is read-only.
      if (rt.machine.platform === 'win32') await rt.fs.chmod(each, 0o600);
      await rt.fs.unlink(each);
    }
  }
}

async function storeEntries(rt: Runtime, cacheDir: string): Promise<CacheEntry[]> {
  const entries: CacheEntry[] = [];
  for (const file of await addressed(rt, path.join(cacheDir, 'store', 'sha256'), 64)) {
    entries.push({
      kind: 'store',
      paths: [file.path],
      size: file.size,
      frees: file.frees,
      shared: file.shared,
      lastUseMs: Math.max(file.atimeMs, file.mtimeMs),
    });
  }
  return entries;
}

/** Files named by a digest, in folders of its first two digits; whatever else lies there is not ours. */
async function addressed(rt: Runtime, folder: string, length: number): Promise<FileSeen[]> {
  const found: FileSeen[] = [];
  for (const { name: head } of await rt.fs.readdir(folder).catch(() => [])) {
    if (!/^[0-9a-f]{2}$/.test(head)) continue;
    for (const { name } of await rt.fs.readdir(path.join(folder, head)).catch(() => [])) {
      if (name.length !== length || !/^[0-9a-f]+$/.test(name) || !name.startsWith(head)) continue;
      const seen = await lookAt(rt, path.join(folder, head, name));
      if (seen !== undefined) found.push(seen);
    }
  }
  return found;
}

/** What goes with artifacts that went: the name under an md5, what was read out of `info/`. */
async function dropLost(rt: Runtime, cacheDir: string): Promise<void> {
  const store = path.join(cacheDir, 'store');
  const isThere = async (sha256: string): Promise<boolean> =>
    /^[0-9a-f]{64}$/.test(sha256) &&
    (await lookAt(rt, path.join(store, 'sha256', sha256.slice(0, 2), sha256))) !== undefined;
  for (const file of await addressed(rt, path.join(store, 'md5'), 32)) {
    // A name that leads nowhere counts as none.
    if (!(await isThere((await rt.fs.readText(file.path).catch(() => '')).trim())))
      await rt.fs.unlink(file.path).catch(() => undefined);
  }
  for (const file of await addressed(rt, path.join(store, 'info'), 64))
    if (!(await isThere(path.basename(file.path)))) await rt.fs.unlink(file.path).catch(() => undefined);
}

async function oldTransfers(rt: Runtime, cacheDir: string): Promise<FileSeen[]> {
  const found: FileSeen[] = [];
  for (const folder of [path.join(cacheDir, 'store', 'tmp'), path.join(cacheDir, 'repodata')]) {
    for (const { name } of await rt.fs.readdir(folder).catch(() => [])) {
      const seen = name.endsWith('.part') ? await lookAt(rt, path.join(folder, name)) : undefined;
      if (seen !== undefined && rt.clock.now() - seen.mtimeMs > TRANSFER_MS) found.push(seen);
    }
  }
  return found;
}

/** `<key>.entry.json` with its `<key>.<sha256>.json` and `<key>.scan.json`, and `<key>.solve.json`, as the gateway writes them. */
async function repodataEntries(rt: Runtime, cacheDir: string): Promise<CacheEntry[]> {
  const folder = path.join(cacheDir, 'repodata');
  const byKey = new Map<string, CacheEntry>();
  for (const { name } of await rt.fs.readdir(folder).catch(() => [])) {
    const key = /^([0-9a-f]{32})\.(?:entry|scan|solve|[0-9a-f]{64})\.json$/.exec(name)?.[1];
    const seen = key === undefined ? undefined : await lookAt(rt, path.join(folder, name));
    if (key === undefined || seen === undefined) continue;
    const entry = byKey.get(key) ?? { kind: 'repodata', paths: [], size: 0, frees: 0, shared: [], lastUseMs: 0 };
    // The entry goes first: without it the rest counts as not there.
    entry.paths = name.endsWith('.entry.json') ? [seen.path, ...entry.paths] : [...entry.paths, seen.path];
    entry.size += seen.size;
    entry.frees += seen.frees;
    entry.shared = [...entry.shared, ...seen.shared];
    entry.lastUseMs = Math.max(entry.lastUseMs, seen.atimeMs, seen.mtimeMs);
    byKey.set(key, entry);
  }
  return [...byKey.values()];
}

interface LockedEngine {
  dir: string;
  release(): Promise<void>;
}

/** The engines' package caches that no engine uses now, each under its lock. */
async function lockEngines(rt: Runtime, { cacheDir, dryRun, part }: Omit<Sweep, 'limits'>): Promise<LockedEngine[]> {
  const folder = path.join(cacheDir, 'engine-pkgs');
  const locked: LockedEngine[] = [];
  for (const { name } of await rt.fs.readdir(folder).catch(() => [])) {
    const [dir, stateDir] = [path.join(folder, name), path.join(folder, `${name}.state`)];
    if (name.endsWith('.state') || !(await isFolder(rt, path.join(stateDir, 'lock')))) continue;
    const used = (by: string): void => void part.skipped.push(`${dir}: ${by}`);
    if (dryRun) {
      const holder = await lockHolder(rt, stateDir);
      if (holder === undefined) locked.push({ dir, release: async () => undefined });
      else used(`an engine uses it (pid ${holder.pid} on ${holder.host})`);
      continue;
    }
    try {
      const lock = await lockLabel(rt, { stateDir, label: 'package cache', waitMs: 0, command: 'clean' });
      locked.push({ dir, release: lock.release });
    } catch (error) {
      if (!isRepackError(error) || error.code !== 'E_LOCKED') throw error;
      used(`an engine uses it: ${error.what}`);
    }
  }
  return locked;
}

/** An archive and what was extracted from it. conda reads `repodata_record.json` of every package it considers: that is its last use. */
async function enginePackages(rt: Runtime, engines: readonly LockedEngine[]): Promise<CacheEntry[]> {
  const entries: CacheEntry[] = [];
  for (const { dir } of engines) {
    const byStem = new Map<string, CacheEntry>();
    for (const item of await rt.fs.readdir(dir).catch(() => [])) {
      const target = path.join(dir, item.name);
      const left = item.isDirectory() && item.name.endsWith('.repackenv-clean');
      const format = item.isFile() ? formatOf(item.name) : undefined;
      const marks = item.isDirectory() ? await extractedMarks(rt, target) : format === undefined ? undefined : [target];
      if (marks === undefined && !left) continue;
      const stem = format === undefined ? item.name : item.name.slice(0, -(format.length + 1));
      const entry = byStem.get(stem) ?? {
        kind: 'engine-package',
        paths: [],
        size: 0,
        frees: 0,
        shared: [],
        lastUseMs: 0,
      };
      entry.paths = item.isDirectory() ? [target, ...entry.paths] : [...entry.paths, target];
      const { size, frees, shared } = await sizesOf(rt, target);
      entry.size += size;
      entry.frees += frees;
      entry.shared = [...entry.shared, ...shared];
      for (const mark of marks ?? []) {
        const seen = await lookAt(rt, mark);
        if (seen !== undefined) entry.lastUseMs = Math.max(entry.lastUseMs, seen.atimeMs, seen.mtimeMs);
      }
      byStem.set(stem, entry);
    }
    append(entries, byStem.values());
  }
  return entries;
}

/** Undefined for a folder that is no extracted package (`cache/`, locks). */
async function extractedMarks(rt: Runtime, folder: string): Promise<string[] | undefined> {
  const marks = ['index.json', 'repodata_record.json'].map((name) => path.join(folder, 'info', name));
  const there = await Promise.all(marks.map((mark) => lookAt(rt, mark)));
  return there[0] === undefined ? undefined : marks;
}

interface FileSeen {
  path: string;
  size: number;
  frees: number;
  shared: readonly SharedFile[];
  atimeMs: number;
  mtimeMs: number;
}

/** Regular files only; a link is never followed. */
async function lookAt(rt: Runtime, target: string): Promise<FileSeen | undefined> {
  const stats = await rt.fs.lstat(target).catch(() => undefined);
  if (stats === undefined || !stats.isFile()) return undefined;
  const { size, atimeMs, mtimeMs, nlink, dev, ino } = stats;
  const shared = nlink > 1 ? [{ file: `${dev} ${ino}`, size, links: nlink, held: 1 }] : [];
  return { path: target, size, frees: nlink > 1 ? 0 : size, shared, atimeMs, mtimeMs };
}

async function isEmpty(rt: Runtime, target: string): Promise<boolean> {
  return (await rt.fs.readdir(target).catch(() => [undefined])).length === 0;
}
