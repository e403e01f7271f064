import { join } from 'node:path';
import type { FileSystem } from '../../runtime/fs.js';
import type { InstalledRecord } from '../prefix-records.js';

/** What is in an environment without conda's knowledge: it can't be repacked. */
export interface NotRepackable {
  kind: 'pip' | 'editable' | 'virtual' | 'odd';
  name: string;
  version: string | undefined;
  /** In the environment, with `/`; a virtual package has none. */
  path: string | undefined;
  /** Of an odd record: what is wrong with it. */
  problem?: string;
}

/** What marks a python distribution in site-packages (PEP 376, PEP 610, PEP 660, setuptools). */
const MARK = /^(?<name>.+?)(?:-(?<version>\d[^-]*)(?:-[^-]+)*)?\.(?<kind>dist-info|egg-info|egg-link|egg)$/;
const MAX_DIRECT_URL = 64 * 1024;

/**
 * Distributions that lie in the environment's `site-packages` and that no conda package owns: put there by pip, or linked to a working
 * copy. Sorted by path. Also the virtual packages that a foreign tool may have recorded.
 */
export async function findNotRepackable(
  fs: FileSystem,
  prefix: string,
  records: readonly InstalledRecord[],
): Promise<NotRepackable[]> {
  const owned = ownedMarks(records);
  const found: NotRepackable[] = [];
  for (const folder of await sitePackages(fs, prefix)) {
    for (const entry of await names(fs, join(prefix, folder))) {
      const mark = MARK.exec(entry)?.groups;
      const path = `${folder}/${entry}`;
      if (mark === undefined || owned.has(`site-packages/${entry}`.toLowerCase())) continue;
      const editable = mark['kind'] === 'egg-link' || (await isEditable(fs, join(prefix, path)));
      found.push({ kind: editable ? 'editable' : 'pip', name: mark['name']!, version: mark['version'], path });
    }
  }
  return found.sort((a, b) => (a.path! < b.path! ? -1 : 1));
}

/** Marks that conda packages brought, from `site-packages` on (a noarch package may be listed so), lower case as Windows folds them. */
function ownedMarks(records: readonly InstalledRecord[]): Set<string> {
  const owned = new Set<string>();
  for (const record of records) {
    for (const file of record.files) {
      const mark = /(?:^|\/)(site-packages\/[^/]+\.(?:dist-info|egg-info|egg-link|egg))(?:\/|$)/i.exec(file);
      if (mark !== null) owned.add(mark[1]!.toLowerCase());
    }
  }
  return owned;
}

async function sitePackages(fs: FileSystem, prefix: string): Promise<string[]> {
  const candidates = ['Lib/site-packages'];
  for (const lib of ['lib', 'lib64']) {
    for (const entry of await names(fs, join(prefix, lib))) {
      if (/^(?:python|pypy)\d/.test(entry)) candidates.push(`${lib}/${entry}/site-packages`);
    }
  }
  const seen = new Set<string>();
  const folders: string[] = [];
  for (const candidate of candidates) {
    const real = await fs.realpath(join(prefix, candidate)).catch(() => undefined);
    // lib64 is often a link to lib; a case-folding disk shows lib as Lib.
    if (real === undefined || seen.has(real)) continue;
    seen.add(real);
    folders.push(candidate);
  }
  return folders;
}

async function names(fs: FileSystem, folder: string): Promise<string[]> {
  try {
    return (await fs.readdir(folder)).map((entry) => entry.name).sort();
  } catch {
    return [];
  }
}

/** PEP 610: `direct_url.json` says `dir_info.editable`. */
async function isEditable(fs: FileSystem, mark: string): Promise<boolean> {
  try {
    const path = join(mark, 'direct_url.json');
    if ((await fs.stat(path)).size > MAX_DIRECT_URL) return false;
    const value = JSON.parse(await fs.readText(path)) as { dir_info?: { editable?: unknown } } | null;
    return value?.dir_info?.editable === true;
  } catch {
    return false;
  }
}
