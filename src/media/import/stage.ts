import { splitPath } from '../../conda/channel/names.js';
import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';
import { artifactMtime, nextMtime } from '../../channel/mtimes.js';
import { bytesOfChanges, changeOf, changesTo } from '../../channel/compare-channels.js';
import { byteProgress } from '../../base/byte-progress.js';
import { explainDiskErrorOn } from '../../base/disk-errors.js';
import { RepackError } from '../../base/errors.js';
import { MANIFEST_NAME, SIGNATURE_NAME, SUMS_NAME } from '../../channel/manifest/manifest.js';
import type { PackageRecord } from '../../conda/record/records.js';
import type { RepodataIndex } from '../../conda/record/repodata-index.js';
import { scanRepodata } from '../../conda/record/repodata-scan.js';
import type { LiveFolder, StagedChannel, StagedFile } from '../../channel/staged.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { ContentFile, SetContent } from '../set/content.js';
import type { TargetFile } from '../set/target.js';

export interface StageImport {
  content: SetContent;
  live: LiveFolder;
  /** An empty folder on ROOT's volume. */
  dir: string;
}

/**
 * What an import would do to the label folder, before a byte is written: every file of the target with its change and time, and what leaves.
 *
 * @throws RepackError E_WRONG_BASE where neither the content nor the label folder has the bytes of a file
 */
export async function planImport(rt: Runtime, { content, live, dir }: StageImport): Promise<StagedChannel> {
  const { target } = content;
  const keepsSignature = keepsLiveSignature(content, live);
  const wanted = new Map(target.files);
  if (keepsSignature) for (const file of liveSignature(live)) wanted.set(file.path, file);
  refuseLost([...wanted.values()], { content, live });
  const records = recordsOf(rt, { content, live });
  const now = rt.clock.now();
  const files: StagedFile[] = [];
  for (const file of wanted.values()) {
    const was = live.files.get(file.path);
    const change = changeOf(file.sha256, was);
    const fresh = file.kind === 'artifact' && change !== 'unchanged';
    const time = fresh ? artifactMtime(await records(file.path)) : now;
    files.push({ ...file, change, mtimeMs: nextMtime(time, file.sha256, was) });
  }
  files.sort((a, b) => (a.path < b.path ? -1 : 1));
  return { dir, label: target.manifest.label, files, manifest: target.manifest, ...changesTo(live, files) };
}

/**
 * Copies what changes into the staging folder, hashing what it writes. What is unchanged is not staged: publish does not touch it.
 *
 * @throws RepackError E_MEDIUM where the bytes are not those that were checked (the medium was changed or pulled), E_DISK, E_DISK_FULL
 */
export async function stageImport(
  rt: Runtime,
  { content, staged }: { content: SetContent; staged: StagedChannel },
): Promise<void> {
  const { target } = content;
  const { dir } = staged;
  const wanted = new Map(staged.files.filter(({ change }) => change !== 'unchanged').map((file) => [file.path, file]));
  const folders = new Set([dir]);
  const onBytes = byteProgress(rt, { stage: 'publish', of: bytesOfChanges(staged.files) });
  let flushing = Promise.resolve();
  const write = async (file: ContentFile): Promise<void> => {
    const path = join(dir, file.path);
    if (!folders.has(dirname(path))) await rt.fs.mkdirp(dirname(path));
    folders.add(dirname(path));
    const written = await writeNew(rt, path, { ...file, sha256: wanted.get(file.path)!.sha256, onBytes });
    written.flushing.catch(() => undefined);
    await flushing;
    flushing = written.flushing;
    wanted.delete(file.path);
    await rt.reach('import:file-staged');
  };
  try {
    const root: [string, Uint8Array | undefined][] = [
      [MANIFEST_NAME, target.bytes],
      [SIGNATURE_NAME, target.signature],
      [SUMS_NAME, target.sums],
    ];
    for (const [path, bytes] of root) {
      if (bytes !== undefined && wanted.has(path)) await write({ path, content: once(bytes) });
    }
    for await (const file of content.walk(new Set(wanted.keys()))) if (wanted.has(file.path)) await write(file);
    await flushing;
    for (const folder of folders) await rt.fs.syncDir(folder);
  } catch (error) {
    await flushing.catch(() => undefined);
    throw await explainDiskErrorOn(rt, error, {
      doing: 'copy the channel from the medium to the staging folder',
      path: dir,
      folder: dir,
      needed: bytesOfChanges(staged.files),
    });
  }
  const [left] = wanted.keys();
  if (left !== undefined) throw changedMedium(left);
}

/**
 * `flushing` goes on while the next file is copied. Publish flushes each once more, with its time, before it gives it its name: of a large one
 * little is left to do then.
 */
async function writeNew(
  rt: Runtime,
  path: string,
  file: ContentFile & { sha256: string; onBytes: ReturnType<typeof byteProgress> },
): Promise<{ flushing: Promise<void> }> {
  const handle = await rt.fs.open(path, 'wx');
  let size = 0;
  try {
    const hash = createHash('sha256');
    for await (const piece of file.content) {
      rt.signal.throwIfAborted();
      const writing = rt.fs.writeAll(handle, piece);
      // Hashed while the disk has its turn.
      hash.update(piece);
      size += piece.length;
      await writing;
      file.onBytes(piece.length, `staging ${file.path}`);
    }
    if (hash.digest('hex') !== file.sha256) throw changedMedium(file.path);
  } catch (error) {
    await handle.close();
    throw error;
  }
  const flushed = size < LARGE_FILE ? Promise.resolve() : handle.sync();
  return { flushing: flushed.finally(() => handle.close()) };
}

const LARGE_FILE = 256 * 1024;

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

function changedMedium(path: string): RepackError {
  return new RepackError('E_MEDIUM', {
    what: `${path} was right when it was checked, and is not any more`,
    where: path,
    hint: 'Leave the medium in, and let nothing write to it; then run the same command again. The label folder was not changed.',
  });
}

/** The signature that the folder has over the same manifest stays, where the set was made before it was signed. */
function keepsLiveSignature({ target }: SetContent, live: LiveFolder): boolean {
  return (
    target.signature === undefined &&
    live.manifestSha256 === target.sha256 &&
    live.files.has(SIGNATURE_NAME) &&
    live.files.has(SUMS_NAME)
  );
}

function liveSignature(live: LiveFolder): TargetFile[] {
  const kinds = { [SIGNATURE_NAME]: 'signature', [SUMS_NAME]: 'sums' } as const;
  return Object.entries(kinds).map(([path, kind]) => {
    const { size, sha256, md5 } = live.files.get(path)!;
    return { path, kind, size, sha256, md5 };
  });
}

function refuseLost(files: readonly TargetFile[], { content, live }: Pick<StageImport, 'content' | 'live'>): void {
  const root: ReadonlySet<string> = new Set([MANIFEST_NAME, SIGNATURE_NAME, SUMS_NAME]);
  const lost = files.filter(
    ({ path, sha256 }) => live.files.get(path)?.sha256 !== sha256 && !root.has(path) && !content.has(path),
  );
  if (lost.length === 0) return;
  throw new RepackError('E_WRONG_BASE', {
    what: `${lost.length === 1 ? 'A file' : `${lost.length} files`} of the label folder ${lost.length === 1 ? 'is' : 'are'} missing or changed, and the delta does not carry ${lost.length === 1 ? 'it' : 'them'}`,
    where: live.dir,
    hint: `Import a full set of generation ${content.target.manifest.generation} (or later) instead: it brings them back. Nothing was changed; repackenv verify says more of the folder.`,
    details: lost.slice(0, 20).map(({ path }) => (live.files.has(path) ? `${path}: other bytes` : `${path}: missing`)),
  });
}

/** Records by path, from the indexes at hand, else from the folder's own, which are then unchanged. */
function recordsOf(
  rt: Runtime,
  { content, live }: Pick<StageImport, 'content' | 'live'>,
): (path: string) => Promise<PackageRecord> {
  const read = new Map<string, RepodataIndex>();
  return async (path) => {
    const subdir = splitPath(path)[0];
    const indexPath = `${subdir}/repodata.json`;
    let index = read.get(subdir);
    if (index === undefined) {
      const bytes = content.indexes.get(indexPath) ?? (await rt.fs.readFile(join(live.dir, indexPath)));
      index = scanRepodata(bytes, indexPath);
      read.set(subdir, index);
    }
    const record = index.record(path.slice(subdir.length + 1));
    if (record !== undefined) return record;
    throw new RepackError('E_MEDIUM', {
      what: `${path} is in no index`,
      where: indexPath,
      hint: 'Nothing was written. Ask the sender to verify the folder (repackenv verify) and to export it again.',
    });
  };
}
