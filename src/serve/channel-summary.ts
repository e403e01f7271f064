import { packageAt } from '../channel/compare-channels.js';
import { isSubdir, splitPath } from '../conda/channel/names.js';
import type { RepodataIndex } from '../conda/record/repodata-index.js';
import { compareVersions } from '../conda/spec/version.js';
import { sizesByName } from '../site/page/treemap.js';
import type { PagePackage, PagedPackages, PageSize } from '../site/page/view.js';
import type { FolderContents, ChannelFolder } from './channel-folder.js';

/** What a page tells of a channel. */
export interface ChannelSummary {
  name: string;
  label: string | undefined;
  generation: number | undefined;
  subdirs: readonly string[];
  specs: readonly string[];
  /** By name. */
  packages: readonly PagePackage[];
  count: number;
  bytes: number;
  sizes: readonly PageSize[];
}

/** A page shows all packages of a channel that has no more. */
export const MOST_AT_ONCE = 1000;
/** Of one with more it shows so many, and others where they are searched. */
export const PAGE_LENGTH = 100;

/** What the manifest lists; without one, what the indexes name. `subdir`: of that one only. Parses no record. */
export async function summarise(
  folder: ChannelFolder,
  contents: FolderContents,
  subdir?: string,
): Promise<ChannelSummary> {
  const { manifest } = contents;
  const subdirs = contents.subdirs.filter((each) => subdir === undefined || each === subdir);
  const packages: PagePackage[] = [];
  const add = (path: string, size: number | undefined): void => {
    const parts = packageAt(path);
    if (parts !== undefined) packages.push({ ...parts, size });
  };
  if (manifest === undefined) {
    for (const each of subdirs.filter(isSubdir)) {
      const index = (await folder.index(each))?.index;
      for (const fn of index?.allFilenames() ?? []) add(`${each}/${fn}`, sizeIn(index!, fn));
    }
  } else {
    for (const { path, kind, size } of manifest.files) {
      if (kind === 'artifact' && subdirs.includes(splitPath(path)[0])) add(path, size);
    }
  }
  packages.sort((a, b) => inOrder(a.name, b.name));
  return {
    name: folder.name,
    label: manifest?.label,
    generation: manifest?.generation,
    subdirs: contents.subdirs,
    specs: manifest?.specs ?? [],
    packages,
    count: packages.length,
    bytes: packages.reduce((sum, { size }) => sum + (size ?? 0), 0),
    sizes: sizesByName(packages),
  };
}

/** As the record states it, without parsing it: a quote within a text has a backslash before it. */
function sizeIn(index: RepodataIndex, fn: string): number | undefined {
  const raw = index.rawRecord(fn);
  const stated = raw && /[{,\s]"size"\s*:\s*(\d{1,15})\s*[,}]/.exec(Buffer.from(raw).toString('latin1'))?.[1];
  return stated === undefined ? undefined : Number(stated);
}

export interface FoundPackages {
  packages: PagePackage[];
  /** Undefined: it is all of them. */
  paged: PagedPackages | undefined;
}

/**
 * Those whose subdir and file name have each word of `query`: who is called so first, then who begins so; by name, the newest first. `page`:
 * from 1.
 */
export function findPackages(
  { packages: all, count }: Pick<ChannelSummary, 'packages' | 'count'>,
  { query, page }: { query: string; page: number },
): FoundPackages {
  if (count <= MOST_AT_ONCE) return { packages: newestFirst(all), paged: undefined };
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = ({ subdir, fn }: PagePackage): boolean => {
    const text = `${subdir}/${fn}`.toLowerCase();
    return words.every((word) => text.includes(word));
  };
  const found = words.length === 0 ? all : ranked(all.filter(fits), words[0]!);
  const pages = Math.max(1, Math.ceil(found.length / PAGE_LENGTH));
  const at = Math.min(Math.max(1, page), pages);
  const [first, last] = [(at - 1) * PAGE_LENGTH, Math.min(at * PAGE_LENGTH, found.length)];
  // Versions are only compared of names that are shown; those of one name may begin on the page before.
  let [start, end] = [first, last];
  while (start > 0 && found[start - 1]!.name === found[start]?.name) start -= 1;
  while (end < found.length && found[end]!.name === found[end - 1]?.name) end += 1;
  const packages = newestFirst(found.slice(start, end)).slice(first - start, last - start);
  return { packages, paged: { count: found.length, total: count, query, page: at, pages } };
}

function ranked(found: readonly PagePackage[], word: string): PagePackage[] {
  const rank = ({ name }: PagePackage): number => {
    const lower = name.toLowerCase();
    return lower === word ? 0 : lower.startsWith(word) ? 1 : 2;
  };
  const rows: PagePackage[][] = [[], [], []];
  for (const each of found) rows[rank(each)]!.push(each);
  return rows.flat();
}

/** Names keep the order that they are in. */
function newestFirst(packages: readonly PagePackage[]): PagePackage[] {
  const place = new Map<string, number>();
  for (const { name } of packages) if (!place.has(name)) place.set(name, place.size);
  return packages.toSorted(
    (a, b) =>
      place.get(a.name)! - place.get(b.name)! ||
      compareVersions(b.version, a.version) ||
      inOrder(a.subdir, b.subdir) ||
      inOrder(a.fn, b.fn),
  );
}

function inOrder(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
