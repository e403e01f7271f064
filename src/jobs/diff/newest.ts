import { buildNumber, compareBuilds, packageAt } from '../../channel/compare-channels.js';
import type { PackageChange } from '../../channel/staged.js';
import { compareVersions } from '../../conda/spec/version.js';
import type { Side } from './open-side.js';
import type { SideFileEntry } from './side-content.js';

type Package = PackageChange & { file: SideFileEntry; key: string };

/** One side of a comparison. */
export interface NewestSide {
  side: Side;
  files: readonly SideFileEntry[];
}

/**
 * Both sides without the artifacts whose name the other side does not have in the same subdir. Against an upstream channel, which keeps every
 * version it ever had, one file of the newest of each name: the one that both have, where they do; a name of which the channel has
 * nothing newer than the other side is left out.
 */
export function newestOf(a: NewestSide, b: NewestSide): { a: readonly SideFileEntry[]; b: readonly SideFileEntry[] } {
  const [ours, theirs] = [sharedOf(a, b), sharedOf(b, a)];
  if (a.side.kind !== 'channel' && b.side.kind !== 'channel') return { a: ours.map(fileOf), b: theirs.map(fileOf) };
  const [first, second] = [bestOf(ours, theirs), bestOf(theirs, ours)];
  const told = [...first].flatMap(([key, before]) => {
    const after = second.get(key);
    if (after === undefined || isOlderUpstream({ a, b }, before, after)) return [];
    return [{ before, after }];
  });
  return { a: told.map(({ before }) => before.file), b: told.map(({ after }) => after.file) };
}

function fileOf({ file }: Package): SideFileEntry {
  return file;
}

/** Packages of one side whose name the other has too. */
function sharedOf({ files }: NewestSide, other: NewestSide): Package[] {
  const keys = new Set(packagesOf(other.files).map(({ key }) => key));
  return packagesOf(files).filter(({ key }) => keys.has(key));
}

/** Where both sides are channels, either may be the newer. */
function isOlderUpstream({ a, b }: { a: NewestSide; b: NewestSide }, before: Package, after: Package): boolean {
  if (a.side.kind === b.side.kind) return false;
  const [local, upstream] = b.side.kind === 'channel' ? [before, after] : [after, before];
  if (local.file.path === upstream.file.path) return false;
  return compareBuilds(upstream, local) <= 0;
}

function bestOf(packages: readonly Package[], others: readonly Package[]): Map<string, Package> {
  const paths = new Set(others.map(({ file }) => file.path));
  const newest = new Map<string, Package>();
  for (const each of packages) {
    const best = newest.get(each.key);
    if (best === undefined || isBetter(each, best, paths)) newest.set(each.key, each);
  }
  return newest;
}

function isBetter(a: Package, b: Package, paths: ReadonlySet<string>): boolean {
  const newer = compareVersions(a.version, b.version);
  if (newer !== 0) return newer > 0;
  const [hasA, hasB] = [paths.has(a.file.path), paths.has(b.file.path)];
  if (hasA !== hasB) return hasA;
  // The path last, so that of several builds both sides take the same.
  return (buildNumber(a.build) - buildNumber(b.build) || (a.file.path < b.file.path ? 1 : -1)) > 0;
}

function packagesOf(files: readonly SideFileEntry[]): Package[] {
  return files.flatMap((file) => {
    const parts = packageAt(file.path);
    return parts === undefined ? [] : [{ ...parts, file, key: `${parts.subdir}/${parts.name}` }];
  });
}
