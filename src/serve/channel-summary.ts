import { packageAt } from '../channel/compare-channels.js';
import type { PackageChange } from '../channel/staged.js';
import { isSubdir, splitPath } from '../conda/channel/names.js';
import { compareVersions } from '../conda/spec/version.js';
import type { FolderContents, ChannelFolder } from './channel-folder.js';

/** One package file, as the page lists it. */
export interface ListedPackage extends PackageChange {
  /** Bytes; undefined where the index does not say. */
  size: number | undefined;
}

/** What a page tells of a channel. */
export interface ChannelSummary {
  name: string;
  label: string | undefined;
  generation: number | undefined;
  subdirs: readonly string[];
  specs: readonly string[];
  /** By name, newest first: at most `MOST_LISTED`. */
  packages: readonly ListedPackage[];
  /** All of them. */
  count: number;
  bytes: number;
}

/** A page stays readable, and small: the index has the others. */
export const MOST_LISTED = 5000;

/** What the manifest lists; without one, what the indexes name. `subdir`: of that one only. */
export async function summarise(
  folder: ChannelFolder,
  contents: FolderContents,
  subdir?: string,
): Promise<ChannelSummary> {
  const { manifest } = contents;
  const subdirs = contents.subdirs.filter((each) => subdir === undefined || each === subdir);
  const all: { subdir: string; fn: string; size: number | undefined }[] = [];
  if (manifest === undefined) {
    for (const each of subdirs) {
      const index = (await folder.index(each))?.index;
      for (const fn of index?.allFilenames() ?? [])
        all.push({ subdir: each, fn, size: sizeOf(() => index?.record(fn)) });
    }
  } else {
    for (const { path, kind, size } of manifest.files) {
      const [subdir, fn] = splitPath(path);
      if (kind === 'artifact' && subdirs.includes(subdir)) all.push({ subdir, fn, size });
    }
  }
  // By name first: versions are only taken apart of what is shown.
  const packages = all.flatMap((each) => listed(each)).sort((a, b) => inOrder(a.name, b.name));
  return {
    name: folder.name,
    label: manifest?.label,
    generation: manifest?.generation,
    subdirs: contents.subdirs,
    specs: manifest?.specs ?? [],
    packages: packages.slice(0, MOST_LISTED).sort(byNameAndNewest),
    count: packages.length,
    bytes: packages.reduce((sum, { size }) => sum + (size ?? 0), 0),
  };
}

function listed({ subdir, fn, size }: { subdir: string; fn: string; size: number | undefined }): ListedPackage[] {
  const parts = isSubdir(subdir) ? packageAt(`${subdir}/${fn}`) : undefined;
  return parts === undefined ? [] : [{ ...parts, size }];
}

function sizeOf(record: () => { size?: number | undefined } | undefined): number | undefined {
  try {
    return record()?.size;
  } catch {
    return undefined;
  }
}

function byNameAndNewest(a: ListedPackage, b: ListedPackage): number {
  return (
    inOrder(a.name, b.name) ||
    compareVersions(b.version, a.version) ||
    inOrder(a.subdir, b.subdir) ||
    inOrder(a.fn, b.fn)
  );
}

function inOrder(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
