import { INDEX_NAMES, MANIFEST_NAME, SIGNATURE_NAME, SUMS_NAME } from '../channel/manifest/manifest.js';
import { formatOf } from '../conda/channel/names.js';
import type { FolderContents, ChannelFolder, SubdirIndex } from './channel-folder.js';
import { statedByIndex } from './channel-folder.js';
import { closeChecked } from './checked-file.js';
import type { CheckedFile, FileChecker, ServeRuntime, SmallFile, Stated } from './checked-file.js';

/** A file as it may go out; `unsteady`: its name is right and its bytes are not, now. */
export type Found =
  /** `isStill`: whether this would be found again, told at once; absent where it takes more than a look. */
  | { kind: 'file'; file: CheckedFile; isStill?: (file: SmallFile) => boolean }
  | { kind: 'absent' }
  | { kind: 'unsteady' };

const ABSENT: Found = { kind: 'absent' };
const UNSTEADY: Found = { kind: 'unsteady' };

/** Between the indexes and the manifest of one publication lie a few renames and fsyncs. */
const PATIENCE_MS = 3000;
const LOOK_MS = 100;
/** More damaged files need no more lines. */
const MOST_TOLD = 1000;

export interface FileFinder {
  find(folder: ChannelFolder, path: string): Promise<Found>;
}

/**
 * Finds what is served under a path of a channel: what its manifest names, with exactly the digest that is named there. Where the two
 * differ a publication is under way, so for a moment it waits for the manifest to follow. Where it does not (a run was killed, a copy is half
 * done, an index was made by hand), the index on the disk decides, by the rule that holds at every instant (design D6): an index
 * goes out if every file it names is there, and those files with the digests it states. A compressed form of which nobody knows
 * whether it is that index is `absent`: clients then take the plain one. In a folder without a manifest the indexes decide from the start.
 */
export function makeFileFinder(rt: ServeRuntime, checker: FileChecker): FileFinder {
  /** Paths that a wait has not helped, with the state in which that was: the next reader is not kept waiting. */
  const settled = new Map<string, string>();
  const told = new Map<string, string>();

  const named = async (folder: ChannelFolder, path: string, first: FolderContents): Promise<Found> => {
    let seen: FolderContents | undefined;
    let contents = first;
    const deadline = rt.clock.monotonic() + PATIENCE_MS;
    for (; ; contents = await folder.contents()) {
      const stated = contents.files.get(path);
      if (stated === undefined) return byIndex(folder, path, contents);
      const file = await checker.open(folder.dir, path, stated);
      if (typeof file === 'object') {
        const by = contents;
        return {
          kind: 'file',
          file,
          isStill: (small) => folder.isStill(by) && checker.isStill(folder.dir, path, small),
        };
      }
      const isIndex = stated.kind === 'index';
      if (!isIndex && (file === 'absent' || file === 'odd')) {
        // It may have left with a publication that has just written its manifest.
        if (seen === contents) return ABSENT;
        seen = contents;
        continue;
      }
      const place = `${folder.dir}/${path}`;
      const state = contents.manifestFile?.digests.sha256 ?? '';
      if (settled.get(place) === state || rt.clock.monotonic() >= deadline || rt.signal.aborted) {
        settled.set(place, state);
        return stated.kind === 'side' || stated.kind === 'paper' ? UNSTEADY : byIndex(folder, path, contents);
      }
      await rt.clock.sleep(LOOK_MS, rt.signal).catch(() => {});
    }
  };

  /** Where the manifest is no help. */
  const byIndex = async (folder: ChannelFolder, path: string, contents: FolderContents): Promise<Found> => {
    const [subdir = '', fn = '', ...deeper] = path.split('/');
    if (deeper.length > 0 || !contents.subdirs.includes(subdir)) return ABSENT;
    const indexName = INDEX_NAMES.find((name) => name === fn);
    if (indexName === undefined && formatOf(fn) === undefined) return ABSENT;
    const ours = contents.manifest !== undefined;
    const plain = `${subdir}/${INDEX_NAMES[0]}`;
    if (ours && indexName !== undefined && fn !== INDEX_NAMES[0]) return ABSENT;
    // The manifest lists everything that an index of its own names.
    if (ours && indexName === undefined && (await isAsStated(folder, plain, contents))) {
      return contents.files.has(path) ? UNSTEADY : ABSENT;
    }
    const index = await folder.index(subdir);
    if (index === undefined || (ours && index.blank === true)) return UNSTEADY;
    const stated = indexName === undefined ? statedByIndex(index, fn) : undefined;
    if (indexName === undefined && stated === undefined) return ABSENT;
    const found = await (stated === undefined
      ? form(folder, path, { index, ours, subdir })
      : open(folder, path, stated));
    if (ours || found.kind !== 'file') return found;
    const indexed = { subdir, index };
    return {
      ...found,
      isStill: (small) => folder.isStill(contents, indexed) && checker.isStill(folder.dir, path, small),
    };
  };

  const form = async (
    folder: ChannelFolder,
    path: string,
    { index, ours, subdir }: { index: SubdirIndex; ours: boolean; subdir: string },
  ): Promise<Found> => {
    if (!path.endsWith(INDEX_NAMES[0])) return open(folder, path, {});
    if (ours && !(await holdsAll(rt, folder, subdir, index))) return UNSTEADY;
    return open(folder, path, { sha256: index.sha256 });
  };

  const isAsStated = async (folder: ChannelFolder, path: string, contents: FolderContents): Promise<boolean> => {
    const stated = contents.files.get(path);
    if (stated === undefined) return false;
    const file = await checker.open(folder.dir, path, stated);
    if (typeof file === 'string') return false;
    await closeChecked(file);
    return true;
  };

  const open = async (folder: ChannelFolder, path: string, stated: Stated): Promise<Found> => {
    const file = await checker.open(folder.dir, path, stated);
    if (typeof file === 'object') return { kind: 'file', file };
    return file === 'absent' || file === 'odd' ? ABSENT : UNSTEADY;
  };

  const found = (folder: ChannelFolder, path: string, contents: FolderContents): Promise<Found> | Found => {
    if (contents.manifest !== undefined) {
      if (path === MANIFEST_NAME) return { kind: 'file', file: contents.manifestFile! };
      if (path === SUMS_NAME || path === SIGNATURE_NAME) return open(folder, path, {});
      if (contents.files.has(path)) return named(folder, path, contents);
    }
    return byIndex(folder, path, contents);
  };

  /** Clients say "503" and no more: who serves is told why, once for each file and state of the folder. */
  const tell = ({ dir }: ChannelFolder, path: string, { manifestFile }: FolderContents): void => {
    const place = `${dir}/${path}`;
    const state = manifestFile?.digests.sha256 ?? '';
    if (told.get(place) === state || told.size >= MOST_TOLD) return;
    told.set(place, state);
    const message = `${place} is answered with 503: it can't be read, or is not what the manifest or the index says; repackenv verify ${dir} tells which`;
    rt.events.emit({ type: 'warning', message });
  };

  return {
    async find(folder, path) {
      const contents = await folder.contents();
      const answer = await found(folder, path, contents);
      if (answer.kind === 'unsteady') tell(folder, path, contents);
      return answer;
    },
  };
}

/** Sizes only: the digest of each file is looked at when it is asked for. */
async function holdsAll(
  rt: ServeRuntime,
  { dir }: ChannelFolder,
  subdir: string,
  { index }: SubdirIndex,
): Promise<boolean> {
  for (const fn of index.allFilenames()) {
    const stated = statedByIndex({ sha256: '', index }, fn);
    if (stated === undefined) return false;
    const stats = await rt.fs.lstat(`${dir}/${subdir}/${fn}`).catch(() => undefined);
    if (stats?.isFile() !== true || (stated.size ?? stats.size) !== stats.size) return false;
  }
  return true;
}
