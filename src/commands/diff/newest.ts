import { formatOf, parseDistFilename } from '../../model/names.js';
import type { DistFilename } from '../../model/names.js';
import { compareVersions } from '../../model/version.js';
import type { Side } from './open-side.js';
import type { SideFileEntry } from './side-content.js';

type Package = DistFilename & { file: SideFileEntry; key: string };

/**
 * A side's artifacts without those whose name the other side does not have in the same subdir; of a channel, which keeps every version it
 * ever had, one file of the newest: the one that the other side has too, where it does.
 */
export function newestOf(
  side: Side,
  files: readonly SideFileEntry[],
  others: readonly SideFileEntry[],
): readonly SideFileEntry[] {
  const theirs = packagesOf(others);
  const keys = new Set(theirs.map(({ key }) => key));
  const shared = packagesOf(files).filter(({ key }) => keys.has(key));
  if (side.kind !== 'channel') return shared.map(({ file }) => file);
  const paths = new Set(theirs.map(({ file }) => file.path));
  const newest = new Map<string, Package>();
  for (const each of shared) {
    const best = newest.get(each.key);
    if (best === undefined || isBetter(each, best, paths)) newest.set(each.key, each);
  }
  return [...newest.values()].map(({ file }) => file);
}

function isBetter(a: Package, b: Package, paths: ReadonlySet<string>): boolean {
  const newer = compareVersions(a.version, b.version);
  if (newer !== 0) return newer > 0;
  const [hasA, hasB] = [paths.has(a.file.path), paths.has(b.file.path)];
  return hasA === hasB ? buildNumber(a) > buildNumber(b) : hasA;
}

/** By convention the build string ends with it: `py39_1`. */
function buildNumber({ build }: Package): number {
  return Number(/(?:^|_)([0-9]{1,9})$/.exec(build)?.[1] ?? 0);
}

function packagesOf(files: readonly SideFileEntry[]): Package[] {
  return files.flatMap((file) => {
    const [subdir = '', fn = ''] = file.path.split('/');
    if (formatOf(fn) === undefined) return [];
    try {
      const parts = parseDistFilename(fn);
      return [{ ...parts, file, key: `${subdir}/${parts.name}` }];
    } catch {
      // No artifact by its name: nothing of it can be newer.
      return [];
    }
  });
}
