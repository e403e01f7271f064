import { basename, dirname, join, parse, resolve } from 'node:path';
import { RepackError } from '../../base/errors.js';
import { INDEX_NAMES, MANIFEST_NAME } from '../../channel/manifest/manifest.js';
import { NOARCH } from '../../conda/channel/channel.js';
import { KNOWN_SUBDIRS } from '../../conda/channel/names.js';
import type { FileSystem } from '../../runtime/fs.js';
import type { Runtime } from '../../runtime/runtime.js';
import { diskReason } from '../../base/disk-errors.js';
import { codeOf, isMissing } from '../../base/fs-errors.js';

type Stats = Awaited<ReturnType<FileSystem['lstat']>>;

/** Folder below ROOT that holds locks, journals, staging and receipts of every label. Never inside a label folder. */
export const STATE_NAME = '.repackenv';

/** Where one label lives. All paths absolute and free of links. */
export interface LabelPlace {
  label: string;
  root: string;
  /** `ROOT/LABEL`: only `publish` writes there. Need not exist. */
  labelDir: string;
  /** `ROOT/.repackenv/LABEL`. Exists unless opened with `create: false`. */
  stateDir: string;
  /** ROOT was made by this call. */
  created: boolean;
}

/**
 * Checks ROOT before any work and resolves links in it once. A ROOT that does not exist is created, and said; with `create: false`
 * (plan, verify) nothing is written. `label` must have passed `parseLabel`. `made` is given each folder that this call makes, the outermost
 * first.
 *
 * Refused (E_ROOT): empty, a file, below a file, a dangling link, read-only, a file system's root, the home folder, inside a conda
 * environment or package cache, inside a state folder, a channel folder itself or inside one of ours; a label folder that is a link, a file,
 * or a ROOT. E_LABEL: the label exists in another spelling of upper and lower case, which are one folder on Windows and macOS.
 */
export async function openRoot(
  rt: Runtime,
  rootText: string,
  label: string,
  options: { create?: boolean; made?: string[] } = {},
): Promise<LabelPlace> {
  const wanted = wantedPath(rt, rootText);
  const { real, exists } = await resolveOnce(rt, wanted);
  if (real !== wanted) rt.events.emit({ type: 'note', message: `ROOT ${wanted} is ${real}` });
  await refusePlaces(rt, real);

  const { create = true, made = [] } = options;
  if (!exists && create) {
    await writing(rt.fs.mkdirp(real, undefined, made), real);
    rt.events.emit({ type: 'note', message: `created ROOT ${real}` });
  }

  const place: LabelPlace = {
    label,
    root: real,
    labelDir: join(real, label),
    stateDir: join(real, STATE_NAME, label),
    created: !exists && create,
  };
  if (dirname(place.labelDir) !== real || label.toLowerCase() === STATE_NAME) {
    throw new RepackError('E_LABEL', {
      what: `'${label}' can't be the name of a label folder`,
      where: real,
      hint: 'Choose another label.',
    });
  }
  await refuseOtherCase(rt, real, label);
  await refuseOtherCase(rt, join(real, STATE_NAME), label);
  await plainFolder(rt, place.labelDir, 'the label folder');
  await refuseRoot(rt, place.labelDir);
  await plainFolder(rt, join(real, STATE_NAME), 'the state folder');
  await plainFolder(rt, place.stateDir, 'the state folder');
  if (create) {
    await writing(rt.fs.mkdirp(place.stateDir, undefined, made), real);
    await writing(rt.fs.access(place.stateDir, WRITABLE), place.stateDir);
    await writing(rt.fs.access((await exist(rt, place.labelDir)) ? place.labelDir : real, WRITABLE), place.labelDir);
  }
  return place;
}

/** Takes away what `openRoot` made, as far as nobody has put anything into it. Never throws. */
export async function unmakeFolders(rt: Pick<Runtime, 'fs'>, made: readonly string[]): Promise<void> {
  try {
    for (const folder of made.toReversed()) await rt.fs.rmdir(folder);
  } catch {
    // It is used, or gone: so is what is above it.
  }
}

/** `W_OK | X_OK` of access(2). */
const WRITABLE = 3;

function wantedPath(rt: Runtime, rootText: string): string {
  if (rootText.trim() === '') {
    throw new RepackError('E_ROOT', {
      what: 'ROOT is empty',
      hint: 'Name the folder that holds the label folders, e.g. /srv/conda-offline.',
    });
  }
  if (/^(?:env|file|https?|s3):/.test(rootText)) {
    throw new RepackError('E_ROOT', {
      what: 'ROOT is no path of a folder: it looks like a TOKEN or a URL',
      where: `ROOT ${rootText}`,
      hint: 'Name the folder that holds the label folders (update-offline-repo takes LABEL TOKEN ROOT PACKAGE… in this order). One whose name begins like this is written ./NAME.',
    });
  }
  if (rootText.includes('\0')) throw new RepackError('E_ROOT', { what: 'ROOT holds a NUL character' });
  return resolve(rt.machine.cwd, rootText);
}

/** Links resolved in the part that exists; the rest appended. */
async function resolveOnce(rt: Runtime, wanted: string): Promise<{ real: string; exists: boolean }> {
  const rest: string[] = [];
  for (let candidate = wanted; ; candidate = dirname(candidate)) {
    let real: string;
    let stats: Stats;
    try {
      real = await rt.fs.realpath(candidate);
      stats = await rt.fs.stat(real);
    } catch (error) {
      const code = codeOf(error);
      const there = code === 'ENOENT' ? await lstatOrUndefined(rt, candidate) : undefined;
      // Another run has made it meanwhile.
      if (there?.isDirectory() === true) return resolveOnce(rt, wanted);
      if (code === 'ELOOP' || there !== undefined) {
        throw new RepackError('E_ROOT', {
          what: 'ROOT leads over a symbolic link that points to nothing',
          where: candidate,
          hint: 'Repair or remove the link, or name the real folder.',
          cause: error,
        });
      }
      if ((code !== 'ENOENT' && code !== 'ENOTDIR') || dirname(candidate) === candidate) {
        throw new RepackError('E_ROOT', {
          what: `ROOT can't be opened (${code ?? 'unknown error'})`,
          where: candidate,
          hint: 'Check that the drive or share is there and that this account may read the folder.',
          cause: error,
        });
      }
      rest.unshift(basename(candidate));
      continue;
    }
    if (!stats.isDirectory()) {
      throw new RepackError('E_ROOT', {
        what: rest.length === 0 ? 'ROOT is a file, not a folder' : 'ROOT would lie below a file',
        where: candidate,
        hint: 'Name a folder, or one that can be created.',
      });
    }
    return { real: join(real, ...rest), exists: rest.length === 0 };
  }
}

/** Places where a repository would be destroyed by others, or would destroy what is theirs. */
async function refusePlaces(rt: Runtime, real: string): Promise<void> {
  const refuse = (what: string, where: string): never => {
    throw new RepackError('E_ROOT', { what, where, hint: 'Name a folder of its own for the label folders.' });
  };
  if (parse(real).root === real) refuse('ROOT is the root of a file system', real);
  const home = await rt.fs.realpath(rt.machine.homedir).catch(() => resolve(rt.machine.homedir));
  if (real === home) refuse('ROOT is the home folder', real);
  if (real.split(/[\\/]/).includes(STATE_NAME)) refuse(`ROOT lies inside a ${STATE_NAME} state folder`, real);

  for (let folder = real; ; folder = dirname(folder)) {
    if (await isFolder(rt, join(folder, 'conda-meta'))) refuse('ROOT lies inside a conda environment', folder);
    if (await isPackageCache(rt, folder)) refuse("ROOT lies inside a conda package cache ('pkgs' folder)", folder);
    if (dirname(folder) === folder) break;
  }

  const entries = await list(rt, real);
  if (entries.some((entry) => entry.isFile() && ARTIFACT.test(entry.name))) {
    refuse('ROOT holds conda packages itself: it is a package cache or a subdir of a channel', real);
  }
  for (let folder = dirname(real); dirname(folder) !== folder; folder = dirname(folder))
    if (await isOurs(rt, folder)) refuse('ROOT lies inside a label folder', folder);
  const ours = await isOurs(rt, real);
  if (!ours && !(await isChannel(rt, real))) return;
  throw new RepackError('E_ROOT', {
    what: ours ? 'ROOT is itself a label folder' : 'ROOT is itself a channel folder',
    where: real,
    hint: `Name the folder above it: ${dirname(real)}`,
  });
}

/** A label folder, or what a broken-off synchronisation left of one. */
async function isOurs(rt: Runtime, folder: string): Promise<boolean> {
  return (await exist(rt, join(folder, MANIFEST_NAME))) && (await exist(rt, join(folder, NOARCH)));
}

/** Whoever made it: a label folder, or an index lies in a subdir. */
export async function isChannel(rt: Runtime, folder: string): Promise<boolean> {
  if (await isOurs(rt, folder)) return true;
  const entries = await rt.fs.readdir(folder).catch(() => []);
  const subdirs = entries.flatMap(({ name }) => (KNOWN_SUBDIRS.includes(name) ? [name] : []));
  for (const subdir of subdirs)
    for (const index of INDEX_NAMES) if (await exist(rt, join(folder, subdir, index))) return true;
  return false;
}

/**
 * The label folders and mirrors that a ROOT holds, whether or not this program has worked there; undefined for a folder that is none. A label
 * folder of ours is none, whatever others have put into it.
 */
export async function labelsOfRoot(rt: Runtime, folder: string): Promise<string[] | undefined> {
  if (await isOurs(rt, folder)) return undefined;
  const known = (await isFolder(rt, join(folder, STATE_NAME))) ? await labelsWithState(rt, folder) : undefined;
  const labels = new Set(known);
  for (const { name } of await list(rt, folder)) if (await isChannel(rt, join(folder, name))) labels.add(name);
  return known === undefined && labels.size === 0 ? undefined : [...labels].sort();
}

/** Labels that something is remembered of in this ROOT. No label begins with a dot: what else lies there is all labels'. */
export async function labelsWithState(rt: Runtime, root: string): Promise<string[]> {
  const entries = await list(rt, join(root, STATE_NAME));
  return entries.flatMap((entry) => (entry.isDirectory() && !entry.name.startsWith('.') ? [entry.name] : []));
}

/** As a label folder its subdirs would be emptied, and every label in it would lie in a label folder. */
async function refuseRoot(rt: Runtime, labelDir: string): Promise<void> {
  const labels = await labelsOfRoot(rt, labelDir);
  if (labels === undefined) return;
  throw new RepackError('E_ROOT', {
    what: `The label folder is itself a ROOT${labels.length === 0 ? '' : `: it holds ${labels.slice(0, MANY).join(', ')}`}`,
    where: labelDir,
    hint: `Give this folder as ROOT, with a LABEL (as one folder: ${join(labelDir, 'LABEL')}), or choose another label.`,
  });
}

const MANY = 5;

const ARTIFACT = /\.(conda|tar\.bz2)$/;

/** conda marks a cache by `urls.txt`; others may have a file of that name, so a second sign is asked for. */
async function isPackageCache(rt: Runtime, folder: string): Promise<boolean> {
  if (!(await exist(rt, join(folder, 'urls.txt')))) return false;
  if (basename(folder) === 'pkgs') return true;
  const entries = await list(rt, folder);
  return entries.some(
    (entry) => (entry.isFile() && ARTIFACT.test(entry.name)) || (entry.isDirectory() && entry.name === 'cache'),
  );
}

async function refuseOtherCase(rt: Runtime, folder: string, label: string): Promise<void> {
  const other = (await list(rt, folder)).find(
    (entry) => entry.name !== label && entry.name.toLowerCase() === label.toLowerCase(),
  );
  if (other === undefined) return;
  throw new RepackError('E_LABEL', {
    what: `label '${label}' differs from the existing '${other.name}' only in upper and lower case`,
    where: join(folder, other.name),
    hint: `On Windows and macOS the two are one folder. Use '${other.name}', or choose another label.`,
  });
}

async function plainFolder(rt: Runtime, path: string, name: string): Promise<void> {
  const stats = await lstatOrUndefined(rt, path);
  if (stats === undefined || (stats.isDirectory() && !stats.isSymbolicLink())) return;
  throw new RepackError('E_ROOT', {
    what: `${name} is ${stats.isSymbolicLink() ? 'a symbolic link' : 'not a folder'}`,
    where: path,
    hint: stats.isSymbolicLink()
      ? 'Link ROOT instead, or name the real ROOT.'
      : 'Move it away, or choose another label.',
  });
}

async function writing(work: Promise<void>, where: string): Promise<void> {
  try {
    await work;
  } catch (error) {
    throw new RepackError('E_ROOT', {
      what: `ROOT can't be written: ${diskReason(error)}`,
      where,
      hint: 'Check the rights of this account, free space, and that the volume is not mounted read-only.',
      cause: error,
    });
  }
}

async function isFolder(rt: Runtime, path: string): Promise<boolean> {
  return (await lstatOrUndefined(rt, path))?.isDirectory() ?? false;
}

async function exist(rt: Runtime, path: string): Promise<boolean> {
  return (await lstatOrUndefined(rt, path)) !== undefined;
}

async function list(rt: Runtime, folder: string): ReturnType<Runtime['fs']['readdir']> {
  try {
    return await rt.fs.readdir(folder);
  } catch (error) {
    if (isMissing(error)) return [];
    throw new RepackError('E_ROOT', {
      what: `a folder can't be listed (${codeOf(error) ?? 'unknown error'})`,
      where: folder,
      hint: 'Check the rights of this account.',
      cause: error,
    });
  }
}

async function lstatOrUndefined(rt: Runtime, path: string): Promise<Stats | undefined> {
  try {
    return await rt.fs.lstat(path);
  } catch {
    return undefined;
  }
}
