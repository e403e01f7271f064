import { join } from 'node:path';
import { digestsOf } from '../codec/digests.js';
import { errnoOf } from '../base/disk-errors.js';
import { isBlank } from '../base/json-bytes.js';
import type { Manifest, ManifestFile } from '../channel/manifest/manifest.js';
import { INDEX_NAMES, MANIFEST_NAME } from '../channel/manifest/manifest.js';
import { isSubdir, parseDistFilename } from '../conda/channel/names.js';
import { parseManifest } from '../channel/manifest/read-manifest.js';
import { indexedSubdirs } from '../channel/read/list-folder.js';
import type { RepodataIndex } from '../conda/record/repodata-index.js';
import { scanRepodata } from '../conda/record/repodata-scan.js';
import { closeChecked, readWhole } from './checked-file.js';
import type { CheckedFile, FileChecker, ServeRuntime, SmallFile, Stated } from './checked-file.js';
import { isYoung, keyNow, keyOf } from './file-state.js';
import type { Look } from './file-state.js';

/** What a folder says of itself at one instant. */
export interface FolderContents {
  /** Undefined: a channel without a manifest of ours; its indexes say what belongs to it. */
  manifest: Manifest | undefined;
  /** `manifest.json` as it was read: what is sent is what the rest is judged by. */
  manifestFile: SmallFile | undefined;
  files: ReadonlyMap<string, ManifestFile>;
  subdirs: readonly string[];
}

/** `repodata.json` of a subdir as it lies on the disk now. */
export interface SubdirIndex {
  sha256: string;
  index: RepodataIndex;
  /** Nothing is in the file: in a folder of ours it is damaged. */
  blank?: boolean;
}

export interface ChannelFolder {
  dir: string;
  /** Its name in URLs. */
  name: string;
  /** Reads the manifest again where it changed since the last time. Never throws for what is on the disk. */
  contents(): Promise<FolderContents>;
  /** Those of the names that are files beside the subdirs. */
  present(names: readonly string[]): Promise<readonly string[]>;
  /** Undefined where there is none that can be read. */
  index(subdir: string): Promise<SubdirIndex | undefined>;
  /** Whether `contents()` and `index(subdir)` would give these again, at a look and at once; false also where that takes more than a look. */
  isStill(contents: FolderContents, indexed?: { subdir: string; index: SubdirIndex }): boolean;
}

/** Larger ones are read by programs that hold a channel's index in memory; this one only hands it out. */
const LARGEST_INDEX = 1 << 30;
/** How long a list of the subdirs of a folder without a manifest is good for. */
const LIST_MS = 2000;

/** A folder that holds, or may hold, a channel. Reads nothing yet. */
export function openChannelFolder(
  rt: ServeRuntime,
  { dir, name, checker }: { dir: string; name: string; checker: FileChecker },
): ChannelFolder {
  let last: { key: string; contents: FolderContents } | undefined;
  let reading: { key: string; read: Promise<FolderContents | string> } | undefined;
  let listed: { at: number; subdirs: readonly string[] } | undefined;
  let told = '';
  const manifestPath = join(dir, MANIFEST_NAME);
  const look = checker.lookIn(dir);
  /** `key`: of the file, once it is old enough to tell by it that nothing has changed. */
  const indexes = new Map<string, { key: string; read: SubdirIndex }>();
  /** A client asks for many packages at once: one of the requests reads the index for all. */
  const scans = new Map<string, Promise<SubdirIndex | undefined>>();

  const warnOnce = (message: string): void => {
    if (message !== told) rt.events.emit({ type: 'warning', message });
    told = message;
  };

  const subdirsOnDisk = async (): Promise<readonly string[]> => {
    const now = rt.clock.monotonic();
    if (listed === undefined || now - listed.at > LIST_MS)
      listed = { at: now, subdirs: await indexedSubdirs(rt, dir, listed?.subdirs) };
    return listed.subdirs;
  };

  return {
    dir,
    name,
    async contents() {
      const path = manifestPath;
      const key = await stateOf(look, path);
      if (key === '') return withoutManifest(await subdirsOnDisk());
      if (last?.key === key) return last.contents;
      // That of a mirror is large: one of those who ask reads it for all.
      if (reading?.key !== key) {
        const read = readManifest(rt, path).catch((error: unknown) => String(errnoOf(error) ?? error));
        reading = { key, read: read.finally(() => (reading = undefined)) };
      }
      const read = await reading.read;
      if (typeof read === 'object') {
        last = { key, contents: read };
        return read;
      }
      // Being written by a copying program, or damaged: the last one that was whole still says what may be served.
      if (read !== 'other')
        warnOnce(`${path}: ${read}; ${last === undefined ? 'the indexes decide' : 'the one before counts'}`);
      return last?.contents ?? withoutManifest(await subdirsOnDisk());
    },
    isStill(contents, indexed) {
      const state = keyNow(look, manifestPath);
      if (contents.manifest !== undefined) {
        if (last?.contents !== contents || last.key !== state) return false;
      } else if (state !== '' || listed === undefined || listed.subdirs !== contents.subdirs) return false;
      else if (rt.clock.monotonic() - listed.at > LIST_MS) return false;
      if (indexed === undefined) return true;
      const seen = indexes.get(indexed.subdir);
      if (seen === undefined || seen.read !== indexed.index || seen.key === '') return false;
      return keyNow(look, join(dir, `${indexed.subdir}/${INDEX_NAMES[0]}`)) === seen.key;
    },
    async present(names) {
      const kinds = await Promise.all(names.map((name) => rt.fs.lstat(join(dir, name)).catch(() => undefined)));
      return names.filter((_, at) => kinds[at]?.isFile());
    },
    async index(subdir) {
      const path = `${subdir}/${INDEX_NAMES[0]}`;
      // Looked at before it is read: what comes in between makes it look changed, never the same.
      const key = await settledKey(rt, look, join(dir, path));
      const seen = indexes.get(subdir);
      if (seen !== undefined && key !== '' && seen.key === key) return seen.read;
      const file = await checker.open(dir, path);
      if (typeof file === 'string') return undefined;
      try {
        const { sha256 } = file.digests;
        const before = indexes.get(subdir);
        if (before?.read.sha256 === sha256) {
          indexes.set(subdir, { key, read: before.read });
          return before.read;
        }
        const name = `${subdir} ${sha256}`;
        let scan = scans.get(name);
        if (scan === undefined) {
          scan = scanned(file, { path: join(dir, path), subdir })
            .then((read) => {
              if (read !== undefined) indexes.set(subdir, { key, read });
              return read;
            })
            .finally(() => scans.delete(name));
          scans.set(name, scan);
        }
        return await scan;
      } catch (error) {
        warnOnce(error instanceof Error ? error.message : String(error));
        return undefined;
      } finally {
        await closeChecked(file);
      }
    },
  };
}

/** Changes whenever the file does; empty where there is none, or one so young that it may change without it. */
async function settledKey(rt: ServeRuntime, look: Look, path: string): Promise<string> {
  try {
    const stats = await look(path);
    return stats?.isFile() === true && !isYoung(stats, rt.clock.now()) ? keyOf(stats) : '';
  } catch {
    return '';
  }
}

/** Its key, else why it can't be looked at; empty: it is not there. */
async function stateOf(look: Look, path: string): Promise<string> {
  try {
    const stats = await look(path);
    return stats === undefined ? '' : keyOf(stats);
  } catch (error) {
    return errnoOf(error) ?? 'unreadable';
  }
}

/** Undefined where it is too large, or was cut meanwhile. Throws what is wrong with it. */
async function scanned(
  file: CheckedFile,
  { path, subdir }: { path: string; subdir: string },
): Promise<SubdirIndex | undefined> {
  const { sha256, size } = file.digests;
  if (size > LARGEST_INDEX) return undefined;
  const bytes = file.kind === 'small' ? file.bytes : await readWhole(file.handle, size);
  return bytes && { sha256, index: scanRepodata(bytes, path, { subdir, mayBeBlank: true }), blank: isBlank(bytes) };
}

/** What an index says of an artifact; undefined where it does not name it, or not safely. */
export function statedByIndex({ index }: SubdirIndex, fn: string): Stated | undefined {
  if (!index.has(fn)) return undefined;
  try {
    parseDistFilename(fn);
    const record = index.record(fn);
    if (record === undefined || (record.sha256 === undefined && record.md5 === undefined)) return undefined;
    return { size: record.size, sha256: record.sha256, md5: record.md5 };
  } catch {
    return undefined;
  }
}

/** The text of why not, or `other` for a manifest of somebody else. */
async function readManifest(rt: ServeRuntime, path: string): Promise<FolderContents | string> {
  const handle = await rt.fs.openNoFollow(path);
  try {
    const bytes = await handle.readFile();
    const { mtimeMs } = await handle.stat();
    const parsed = parseManifest(bytes);
    if (parsed.kind === 'broken') return parsed.reason;
    if (parsed.kind === 'newer') return `it has schema ${parsed.schema}, which this version does not know`;
    if (parsed.kind === 'other') return 'other';
    const { manifest } = parsed;
    return {
      manifest,
      manifestFile: { kind: 'small', bytes, digests: digestsOf(bytes), mtimeMs },
      files: new Map(manifest.files.map((file) => [file.path, file])),
      // Whoever made it: what is no subdir is none of ours, and no link of a page.
      subdirs: manifest.subdirs.filter(isSubdir),
    };
  } finally {
    await handle.close();
  }
}

function withoutManifest(subdirs: readonly string[]): FolderContents {
  return { manifest: undefined, manifestFile: undefined, files: new Map(), subdirs };
}
