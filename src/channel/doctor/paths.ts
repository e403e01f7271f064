import { PATH_MEMBERS, listedPaths, type PackagePath } from '../../archive/listed-paths.js';
import { NOARCH } from '../../conda/channel/channel.js';
import type { PackageRecord } from '../../conda/record/records.js';
import { violation } from '../check/rules.js';
import type { Violation } from '../check/rules.js';

/** Where environments lie at the site. */
export interface SitePrefix {
  /** Of its path, in characters. */
  length: number;
  /** Told by the path itself (a drive letter or `\\server`); undefined where only a length was given. */
  windows: boolean | undefined;
}

/** A path that a package brings, relative to the prefix. */
export interface LongPath {
  artifact: string;
  file: string;
  /** In characters. */
  length: number;
}

/** MAX_PATH counts the NUL at the end. Without LongPathsEnabled conda calls such a package corrupt (conda/conda#7203). */
const WINDOWS_LIMIT = 259;

/** Whether the paths of a subdir's packages matter: reading them costs more than the record alone. */
export function asksForPaths(
  subdir: string,
  { site, windows }: { site: SitePrefix | undefined; windows: boolean },
): boolean {
  return site !== undefined || subdir.startsWith('win-') || (subdir === NOARCH && windows);
}

/** What says them: how much room binaries have for the prefix stands in `info/paths.json` only. */
export function pathMembers(site: SitePrefix | undefined): readonly string[] {
  return site === undefined ? PATH_MEMBERS.slice(1) : PATH_MEMBERS;
}

/** The paths of a package as they will be below the prefix; none where it does not list them in a form that can be read. */
export function readPaths(info: ReadonlyMap<string, Uint8Array>, own: PackageRecord): PackagePath[] {
  const python = own.noarch === 'python';
  return listedPaths(info).map(({ path, room }) => ({ path: python ? placed(path) : path, room }));
}

/** noarch python packages are put where the site's python has its modules; Windows names the folder `Lib\site-packages`. */
function placed(path: string): string {
  if (path.startsWith('site-packages/')) return `Lib/${path}`;
  return path.replace(/^python-scripts\//, 'Scripts/');
}

/** What of a package can't be at the site's prefix. One finding a rule: its longest path, its least room. */
export function pathViolations(
  artifact: string,
  { paths, site, subdir }: { paths: readonly PackagePath[]; site: SitePrefix | undefined; subdir: string },
): Violation[] {
  if (site === undefined) return [];
  const found: Violation[] = [];
  const forWindows = subdir.startsWith('win-') || (subdir === NOARCH && site.windows !== false);
  const longest = forWindows ? longestOf(paths) : undefined;
  if (longest !== undefined) {
    const length = site.length + 1 + longest.path.length;
    const values = { file: longest.path, prefix: site.length, length, limit: WINDOWS_LIMIT };
    if (length > WINDOWS_LIMIT) found.push(violation('path-too-long', artifact, values));
  }
  const least = subdir.startsWith('win-') || site.windows === true ? undefined : leastRoom(paths);
  if (least?.room !== undefined && least.room < site.length) {
    found.push(violation('placeholder-short', artifact, { file: least.path, prefix: site.length, room: least.room }));
  }
  return found;
}

/** Of a package that Windows installs. */
export function longestPath(
  artifact: string,
  { paths, subdir }: { paths: readonly PackagePath[]; subdir: string },
): LongPath | undefined {
  const longest = subdir.startsWith('win-') || subdir === NOARCH ? longestOf(paths) : undefined;
  return longest === undefined ? undefined : { artifact, file: longest.path, length: longest.path.length };
}

/** The longest prefix below which this path is still within what Windows takes. */
export function longestPrefix({ length }: Pick<LongPath, 'length'>): number {
  return WINDOWS_LIMIT - 1 - length;
}

function longestOf(paths: readonly PackagePath[]): PackagePath | undefined {
  return paths.reduce<PackagePath | undefined>(
    (longest, each) => (each.path.length > (longest?.path.length ?? 0) ? each : longest),
    undefined,
  );
}

function leastRoom(paths: readonly PackagePath[]): PackagePath | undefined {
  return paths.reduce<PackagePath | undefined>(
    (least, each) => (each.room !== undefined && each.room < (least?.room ?? Infinity) ? each : least),
    undefined,
  );
}
