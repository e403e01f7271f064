import { append } from '../base/append.js';
import { INSTALLERS_NAME, SIGNATURE_NAME, type ManifestFile } from './manifest/manifest.js';
import { formatOf, parseDistFilename, pathOf, splitPath } from '../conda/channel/names.js';
import type { ChannelChanges, LiveFile, LiveFolder, PackageChange, StagedChannel, StagedFile } from './staged.js';
import { compareVersions } from '../conda/spec/version.js';

/** What a comparison reads of a manifest's files. */
export type ComparedFile = Pick<ManifestFile, 'path' | 'size' | 'sha256'> & { record?: string | undefined };

/**
 * What changes from one channel to another. Artifacts are paired by path; those that only one side has, by subdir and name: newest
 * with newest is an upgrade or a downgrade, what stays alone is added or removed. `bytesToTravel` counts every file, indexes too, that
 * is new or has other bytes; `bytesOfPackages` the artifacts among them.
 */
export function compareChannels(before: readonly ComparedFile[], after: readonly ComparedFile[]): ChannelChanges {
  const old = new Map(before.map((file) => [file.path, file]));
  const both = new Set<string>();
  const [come, rerecorded]: PackageChange[][] = [[], []];
  const counts = { kept: 0, bytesToTravel: 0, bytesOfPackages: 0 };
  for (const { path, size, sha256, record } of after) {
    const was = old.get(path);
    if (was !== undefined) both.add(path);
    const change = packageAt(path);
    if (was?.sha256 !== sha256) {
      counts.bytesToTravel += size;
      if (change !== undefined) counts.bytesOfPackages += size;
    }
    if (change === undefined) continue;
    const sameRecord = was?.record === undefined || record === undefined || was.record === record;
    if (was === undefined) come!.push(change);
    else if (was.sha256 === sha256 && sameRecord) counts.kept += 1;
    else rerecorded!.push(change);
  }
  const gone = before.flatMap(({ path }) => (both.has(path) ? [] : (packageAt(path) ?? [])));
  return { ...pairByName(sortedByPath(gone), sortedByPath(come!)), rerecorded: sortedByPath(rerecorded!), ...counts };
}

/** The files of a label folder, with what its manifest knows about their records. */
export function liveContent({
  files,
  manifest,
}: LiveFolder): (ComparedFile & { kind: ManifestFile['kind'] | undefined })[] {
  const known = new Map((manifest?.files ?? []).map((file) => [file.path, file]));
  return [...files].map(([path, { size, sha256 }]) => {
    const { kind, record } = known.get(path) ?? {};
    return { path, size, sha256, record, kind };
  });
}

/** What changes on the way from a label folder to these files, and which of its own leave: of those at its root only a signature does. */
export function changesTo(
  live: LiveFolder,
  files: readonly ComparedFile[],
): Pick<StagedChannel, 'leaving' | 'changes'> {
  const wanted = new Set(files.map(({ path }) => path));
  const mayLeave = (path: string): boolean => path.includes('/') || path === SIGNATURE_NAME;
  return {
    leaving: [...live.files.keys()].filter((path) => mayLeave(path) && !wanted.has(path)).sort(),
    changes: compareChannels(liveContent(live), files),
  };
}

/** What becomes of a file of the label folder that is to have these bytes; undefined: there is none. */
export function changeOf(sha256: string, was: Pick<LiveFile, 'sha256'> | undefined): StagedFile['change'] {
  if (was === undefined) return 'added';
  return was.sha256 === sha256 ? 'unchanged' : 'changed';
}

/** Bytes of the files that are new or have other bytes. */
export function bytesOfChanges(files: readonly Pick<StagedFile, 'change' | 'size'>[]): number {
  return files.reduce((sum, { change, size }) => sum + (change === 'unchanged' ? 0 : size), 0);
}

function sortedByPath(packages: PackageChange[]): PackageChange[] {
  return packages.sort((a, b) => (a.subdir === b.subdir ? (a.fn < b.fn ? -1 : 1) : pathOf(a) < pathOf(b) ? -1 : 1));
}

/** Which package the file at this path is, by its name; undefined where it is none. */
export function packageAt(path: string): PackageChange | undefined {
  const [subdir, fn] = splitPath(path);
  if (['', INSTALLERS_NAME].includes(subdir) || fn.includes('/') || formatOf(fn) === undefined) return undefined;
  try {
    const { name, version, build } = parseDistFilename(fn);
    return { name, version, build, subdir, fn };
  } catch {
    return undefined;
  }
}

function pairByName(
  gone: readonly PackageChange[],
  come: readonly PackageChange[],
): Pick<ChannelChanges, 'added' | 'removed' | 'upgraded' | 'downgraded'> {
  const result: Pick<ChannelChanges, 'added' | 'removed' | 'upgraded' | 'downgraded'> = {
    added: [],
    removed: [],
    upgraded: [],
    downgraded: [],
  };
  const goneByName = newestFirst(gone);
  const comeByName = newestFirst(come);
  for (const key of [...new Set([...goneByName.keys(), ...comeByName.keys()])].sort()) {
    const olds = goneByName.get(key) ?? [];
    const news = comeByName.get(key) ?? [];
    const pairs = Math.min(olds.length, news.length);
    for (let i = 0; i < pairs; i += 1) {
      const [from, to] = [olds[i]!, news[i]!];
      const step = { name: to.name, subdir: to.subdir, ...fromTo(from, to) };
      (compareBuilds(from, to) > 0 ? result.downgraded : result.upgraded).push(step);
    }
    append(result.removed, olds.slice(pairs));
    append(result.added, news.slice(pairs));
  }
  return result;
}

function newestFirst(packages: readonly PackageChange[]): Map<string, PackageChange[]> {
  const byName = new Map<string, PackageChange[]>();
  for (const change of packages) {
    const key = `${change.subdir}/${change.name}`;
    const list = byName.get(key);
    if (list === undefined) byName.set(key, [change]);
    else list.push(change);
  }
  for (const list of byName.values()) list.sort((a, b) => compareBuilds(b, a));
  return byName;
}

/** By version, then by build number. */
export function compareBuilds(a: PackageChange, b: PackageChange): number {
  return compareVersions(a.version, b.version) || buildNumber(a.build) - buildNumber(b.build);
}

/** By custom the build string ends with the build number: `py39h06a4308_2`. */
export function buildNumber(build: string): number {
  return Number(/(?:^|_)(\d{1,15})$/.exec(build)?.[1] ?? 0);
}

/** No more than is needed to see the difference. */
function fromTo(from: PackageChange, to: PackageChange): { from: string; to: string } {
  if (from.version !== to.version) return { from: from.version, to: to.version };
  if (from.build !== to.build) return { from: `${from.version} ${from.build}`, to: `${to.version} ${to.build}` };
  return { from: from.fn, to: to.fn };
}
