import { emitFindings } from '../../base/emit-findings.js';
import { join } from 'node:path';
import { explainDiskErrorOn } from '../../base/disk-errors.js';
import { RepackError } from '../../base/errors.js';
import { INDEX_NAMES, isIndexPath, isOwnRootFile, MANIFEST_NAME } from '../../channel/manifest/manifest.js';
import { listFolder, type Listing } from '../../channel/read/list-folder.js';
import { hashFiles, type SeenFiles } from '../../channel/read/read-folder.js';
import { parseManifest, readManifest, type StoredManifest } from '../../channel/manifest/read-manifest.js';
import type { LiveFolder } from '../../channel/staged.js';
import type { Runtime } from '../../runtime/runtime.js';
import { isMissing } from '../../base/fs-errors.js';
import { compareWithManifest, refuseUnknownIndex } from './live-checks.js';
import type { LabelPlace } from './root.js';

export interface InspectOptions {
  place: Pick<LabelPlace, 'label' | 'labelDir' | 'stateDir'>;
  /** What may differ from the manifest because this run replaces it, as `replaceCovers` reads it. */
  replace?: readonly string[];
  /** A quick look: files that are still as they were seen are not read again. Undefined: every byte is. */
  seen?: SeenFiles | undefined;
}

/** The last published manifest, kept in the state folder against power loss in the label folder. */
export const MANIFEST_COPY_NAME = 'manifest.json';

/**
 * Looks at a label folder, every file below its subdirs hashed (or recalled, with `seen`). To be called with the label locked and
 * after `recoverLabel`. Writes nothing. Whether the folder may be published into is `requireOurs`'s to say.
 *
 * - `ours`: it has our manifest of this label (or a broken one, and the state folder has the copy of the last run);
 * - `foreign-channel`: no manifest of ours, but an index in some folder (an old script's);
 * - `foreign`: no manifest of ours, no index, and yet something (what desktops drop everywhere does not count);
 * - `empty`, `absent`.
 *
 * Below `<subdir>/` everything is ours by position, folders in it too. Everything else at the root is a stranger: named, and left.
 *
 * Throws E_NOT_OURS (manifest of another label, of a newer version; links and devices where our files belong), E_REPODATA_VERSION,
 * E_ARTIFACT_CHANGED (an artifact has other bytes than the manifest says, and `replace` does not name it), E_DISK. Emits the findings
 * `index-rewritten`, `artifact-missing`, `manifest-rebuilt`.
 */
export async function inspectLabelFolder(rt: Runtime, options: InspectOptions): Promise<LiveFolder> {
  const { labelDir } = options.place;
  try {
    return await inspect(rt, options);
  } catch (error) {
    throw await explainDiskErrorOn(rt, error, {
      doing: 'look at the label folder',
      path: labelDir,
      folder: options.place.stateDir,
    });
  }
}

/**
 * Throws E_NOT_OURS unless the folder is ours, empty, or absent, or `adopt` is set. With `adopt` it emits what will leave: everything
 * below the subdirs that the new channel does not have; where the job only `adds`, what is neither package nor index.
 */
export function requireOurs(
  rt: Pick<Runtime, 'events'>,
  live: LiveFolder,
  { adopt, adds = false }: { adopt: boolean; adds?: boolean | undefined },
): void {
  if (live.state !== 'foreign-channel' && live.state !== 'foreign') return;
  const files = [...live.files.keys()].filter((path) => path.includes('/'));
  if (adopt) {
    const leaving = adds ? files.filter((path) => !PACKAGE_OR_BESIDE.test(path) && !isIndexPath(path)) : files;
    const names = leaving.length === 0 ? 'no file' : leaving.join(', ');
    const what = adds
      ? 'its packages stay and its indexes are written anew; of what else lies in its subdirs will leave'
      : 'of it, what the new channel does not have will leave';
    rt.events.emit({ type: 'warning', message: `adopting ${live.dir}: ${what}: ${names}` });
    return;
  }
  throw new RepackError('E_NOT_OURS', {
    what:
      live.state === 'foreign-channel'
        ? 'the label folder holds a channel that was not made by this program'
        : 'the label folder holds files that were not made by this program',
    where: live.dir,
    hint: adds
      ? '--adopt makes it ours: its packages stay, its indexes are written anew. Or choose another folder.'
      : '--adopt makes it ours: packages and indexes that the new channel does not have are removed from its subdirs. Or choose another label.',
    details: files.length > 0 ? files.slice(0, 20) : live.strangers.slice(0, 20),
  });
}

const PACKAGE_OR_BESIDE = /\.(?:conda|tar\.bz2)(?:\.|$)/;

async function inspect(rt: Runtime, { place, replace = [], seen }: InspectOptions): Promise<LiveFolder> {
  const dir = place.labelDir;
  const entries = await rt.fs.readdir(dir).catch((error: unknown) => {
    if (isMissing(error)) return undefined;
    throw error;
  });
  if (entries === undefined || entries.length === 0) {
    const state = entries === undefined ? 'absent' : 'empty';
    return { dir, state, manifest: undefined, manifestSha256: undefined, files: new Map(), strangers: [] };
  }

  const found = await readLiveManifest(rt, place);
  const listing = await listFolder(rt, dir, { manifest: found?.manifest, deep: true });
  refuseOdd(listing);
  const stated = new Map((found?.manifest.files ?? []).map((file) => [file.path, file]));
  const files = await hashFiles(rt, listing, { stated, seen });
  const strangers = [...listing.strangers, ...[...listing.odd.keys()].filter(isOwnRootFile)];
  const live: LiveFolder = {
    dir,
    state: 'ours',
    manifest: found?.manifest,
    manifestSha256: found?.sha256,
    files,
    strangers: strangers.sort(),
  };

  if (found !== undefined) {
    await compareWithManifest(rt, live, found.manifest, replace);
    return live;
  }
  const indexes = await foreignIndexes(rt, listing);
  for (const path of indexes) await refuseUnknownIndex(rt, dir, path);
  if (indexes.length > 0) return { ...live, state: 'foreign-channel' };
  const some = files.size > 0 || strangers.some((name) => !DROPPINGS.has(name));
  return { ...live, state: some ? 'foreign' : 'empty' };
}

/** What desktops and file systems leave in folders by themselves. */
const DROPPINGS = new Set(['.DS_Store', 'Thumbs.db', 'desktop.ini', 'lost+found', '.directory']);

async function readLiveManifest(
  rt: Runtime,
  { label, labelDir, stateDir }: InspectOptions['place'],
): Promise<StoredManifest | undefined> {
  const path = join(labelDir, MANIFEST_NAME);
  const refuse = (what: string, hint: string): never => {
    throw new RepackError('E_NOT_OURS', { what, where: path, hint });
  };
  let bytes: Buffer;
  try {
    if (!(await rt.fs.lstat(path)).isFile()) refuse(`${MANIFEST_NAME} is not a regular file`, 'Move it away.');
    bytes = await rt.fs.readFile(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  const parsed = parseManifest(bytes);
  switch (parsed.kind) {
    case 'sound':
      if (parsed.manifest.label !== label) {
        refuse(
          `the folder of label ${label} holds the channel of label ${parsed.manifest.label}`,
          'One label, one folder: move it away, or repack that label.',
        );
      }
      return parsed;
    case 'newer':
      return refuse(
        `the label folder was made by a newer version (manifest schema ${parsed.schema})`,
        'Use that version, or choose another label.',
      );
    case 'other':
      return undefined;
    case 'broken':
      return fromCopy(rt, { label, stateDir, path, reason: parsed.reason });
  }
}

/** A broken manifest is what a power loss leaves (0 bytes, NUL); the copy beside the label folder says what it was. */
async function fromCopy(
  rt: Runtime,
  broken: { label: string; stateDir: string; path: string; reason: string },
): Promise<StoredManifest> {
  const copy = await readManifest(rt, join(broken.stateDir, MANIFEST_COPY_NAME));
  if (copy?.manifest.label !== broken.label) {
    throw new RepackError('E_NOT_OURS', {
      what: `the manifest of the label folder is broken (${broken.reason}), and there is no copy of it beside the folder`,
      where: broken.path,
      hint: 'If the folder is a channel of this label: remove that file, then run again with --adopt.',
    });
  }
  const message = `the manifest was broken (${broken.reason}) and is written anew`;
  emitFindings(rt, [{ code: 'manifest-rebuilt', message, subject: broken.path, exit: false, warn: true }]);
  return copy;
}

/** What is no regular file below a subdir would be followed or deleted; a folder that can't be listed is not known. */
function refuseOdd({ dir, odd, closed }: Listing): void {
  for (const error of closed.values()) throw error;
  const path = [...odd.keys()].find((each) => !isOwnRootFile(each));
  if (path === undefined) return;
  const kind = { link: 'symbolic link', special: 'device or pipe', folder: 'folder', file: 'file named like a subdir' };
  throw new RepackError('E_NOT_OURS', {
    what: `the label folder holds a ${kind[odd.get(path)!]} where only files of the channel belong`,
    where: join(dir, path),
    hint: 'Remove it, then run again.',
  });
}

/** `<any folder>/repodata.json`, whatever the folder is called. */
async function foreignIndexes(rt: Runtime, { dir, paths, strangers }: Listing): Promise<string[]> {
  const indexes = paths.filter((path) => /^[^/]+\/repodata\.json$/.test(path));
  for (const name of strangers) {
    const path = `${name}/${INDEX_NAMES[0]}`;
    const stats = await rt.fs.lstat(join(dir, path)).catch(() => undefined);
    if (stats?.isFile() === true) indexes.push(path);
  }
  return indexes;
}
