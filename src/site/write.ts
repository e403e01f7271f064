import { join } from 'node:path';
import { explainDiskErrorOn } from '../base/disk-errors.js';
import { RepackError } from '../base/errors.js';
import type { Manifest } from '../channel/manifest/manifest.js';
import { shown } from '../conda/channel/names.js';
import { programText } from '../runtime/program-files.js';
import type { Runtime } from '../runtime/runtime.js';
import { condaLockText } from './conda-lock.js';
import { explicitFiles, platformSets } from './explicit-lock.js';
import type { SiteRecord } from './choose.js';
import { installPage, nameOf } from './install-guide.js';
import { CONDA_LOCK, isSiteFile } from './names.js';
import type { RunningPackage } from './runs.js';
import { needsLine, needsLineIn, openNeeds } from './needs.js';

export type { SiteRecord } from './choose.js';
export { readSiteRecords } from './records.js';
export { readRuns } from './runs.js';

/** A file beside the label folder, for a site that has none of our programs. `name` is one path segment, `LABEL.…`. */
export interface SiteFile {
  name: string;
  bytes: Uint8Array;
  executable: boolean;
}

export interface SiteFilesInput {
  /** Name of the channel folder beside which the files are written. */
  label: string;
  manifest: Manifest;
  /** Every record of the channel's indexes. Without them, and for a mirror (no specs), there is no explicit file. */
  records?: readonly SiteRecord[] | undefined;
  /** Default: found out of the records. */
  needs?: string | undefined;
  /** `manifest.json.sig` lies beside the manifest: the page says how to check it. */
  signed?: boolean | undefined;
  /** What runs at installation, as `readRuns` gives it. */
  runs?: readonly RunningPackage[] | undefined;
}

/**
 * `LABEL.verify.sh`, `LABEL.verify.ps1`, `LABEL.INSTALL.md`, one `LABEL.<subdir>.explicit.txt` per platform and `LABEL.conda-lock.yml`, sorted by
 * name. The same input gives the same bytes. The scripts are of no generation: they read the manifest. Throws E_LABEL.
 */
export function makeSiteFiles({ label: name, manifest, records = [], ...more }: SiteFilesInput): SiteFile[] {
  const label = plainName(name);
  const {
    signed = false,
    runs = [],
    needs = needsLine(manifest, openNeeds(manifest.specs.map(nameOf), records)),
  } = more;
  // Both read the manifest as text, line by line, as `manifestBytes` writes it: what changes there must change in them.
  const script = (name: string): string => programText(`site/assets/${name}`).replaceAll('@LABEL@', label);
  const sets = platformSets({ manifest, records });
  const about = { label, generation: manifest.generation };
  const explicit = explicitFiles(about, sets);
  const lock = condaLockText(about, sets);
  const texts: [name: string, text: string, executable?: boolean][] = [
    [`${label}.verify.sh`, script('verify.sh'), true],
    // Windows PowerShell reads a file without a mark in the code page of the machine: the script is ASCII, lines end as there.
    [`${label}.verify.ps1`, script('verify.ps1').replaceAll('\n', '\r\n')],
    [`${label}.INSTALL.md`, installPage({ label, manifest, explicit, signed, needs, runs })],
    ...explicit.map(({ name, text }): [string, string] => [name, text]),
    ...(lock === undefined ? [] : [[`${label}.${CONDA_LOCK}`, lock] as [string, string]]),
  ];
  return texts
    .map(([name, text, executable = false]) => ({ name, bytes: Buffer.from(text, 'utf8'), executable }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** What the page beside an unchanged mirror says of its needs; undefined where that must be found out. Reads only. */
export async function needsOfMirror(
  rt: Pick<Runtime, 'fs'>,
  { dir, label }: { dir: string; label: string },
): Promise<string | undefined> {
  return needsLineIn(await rt.fs.readText(join(dir, `${label}.INSTALL.md`)).catch(() => ''));
}

/** It stands in scripts and in commands of three shells: letters, digits and signs that none of them reads anything into. Throws E_LABEL. */
function plainName(label: string): string {
  if (/^[\p{L}\p{N}_][\p{L}\p{N}\p{M}_ .+=@,()-]*$/u.test(label)) return label;
  throw new RepackError('E_LABEL', {
    what: `no scripts and papers are made for a folder of the name ${shown(label)}: a shell would read something into it`,
    where: `folder ${shown(label)}`,
    hint: 'Rename the folder: letters, digits, "_", "-" and "." are best.',
  });
}

/** What {@link writeSiteFiles} did, by name. */
export interface WrittenSiteFiles {
  written: string[];
  removed: string[];
}

/**
 * Writes the files into `dir` (ROOT, or the folder of a medium): each whole or not at all, equal bytes untouched. A lock
 * of the same label for what it no longer has is removed. `onlyThere`: none is made that does not lie there. To be called with the label
 * locked. Throws E_DISK, E_DISK_FULL.
 */
export async function writeSiteFiles(
  rt: Pick<Runtime, 'fs' | 'machine'>,
  { dir, files, onlyThere = false }: { dir: string; files: readonly SiteFile[]; onlyThere?: boolean | undefined },
): Promise<WrittenSiteFiles> {
  const done: WrittenSiteFiles = { written: [], removed: [] };
  for (const file of files) {
    const path = join(dir, file.name);
    try {
      if (onlyThere && !(await isFile(rt, path))) continue;
      if (await isThere(rt, path, file)) continue;
      await writeWhole(rt, path, file);
      done.written.push(file.name);
    } catch (error) {
      throw await explainDiskErrorOn(rt, error, { doing: `write ${file.name}`, path, folder: dir });
    }
  }
  for (const name of await leftOver(rt, dir, files)) {
    await rt.fs.unlink(join(dir, name));
    done.removed.push(name);
  }
  return done;
}

async function isFile(rt: Pick<Runtime, 'fs'>, path: string): Promise<boolean> {
  return (await rt.fs.lstat(path).catch(() => undefined))?.isFile() === true;
}

async function isThere(rt: Pick<Runtime, 'fs'>, path: string, { bytes }: SiteFile): Promise<boolean> {
  const stats = await rt.fs.lstat(path).catch(() => undefined);
  if (stats?.isFile() !== true || stats.size !== bytes.length) return false;
  return (await rt.fs.readFile(path)).equals(bytes);
}

async function writeWhole(
  rt: Pick<Runtime, 'fs' | 'machine'>,
  path: string,
  { bytes, executable }: SiteFile,
): Promise<void> {
  const aside = `${path}.${rt.machine.pid}-${rt.machine.randomId()}.part`;
  await rt.fs.writeWhole(path, bytes, { aside, mode: executable ? 0o755 : 0o644, exactMode: true });
}

/** Locks of what is gone, and what a run that was killed left half written. */
async function leftOver(rt: Pick<Runtime, 'fs'>, dir: string, files: readonly SiteFile[]): Promise<string[]> {
  const script = files.find(({ name }) => name.endsWith('.verify.sh'))?.name;
  if (script === undefined) return [];
  const label = script.slice(0, -'.verify.sh'.length);
  const names = new Set(files.map(({ name }) => name));
  const found: string[] = [];
  for (const entry of await rt.fs.readdir(dir)) {
    const { name } = entry;
    if (!entry.isFile() || !name.startsWith(`${label}.`) || names.has(name)) continue;
    const half = /^(.+)\.[0-9]+-[\w-]+\.part$/.exec(name)?.[1];
    if (isSiteFile(label, name) || (half !== undefined && names.has(half))) found.push(name);
  }
  return found;
}
