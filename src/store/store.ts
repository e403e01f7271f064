import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { digestStream, piecesOf, type Digests } from '../codec/digests.js';
import { turns } from '../base/turns.js';
import { errnoOf } from '../base/disk-errors.js';
import type { ArtifactStore, ExpectedDigest, StoredFile } from '../conda/plan/artifact-store.js';
import type { Runtime } from '../runtime/runtime.js';
import { sha256ByMd5, storeError, type StoreFolder } from './store-folder.js';
import { storeWriter } from './store-writer.js';

/** How old a mark of use may be before it is set anew. */
const USED_MS = 24 * 60 * 60 * 1000;

/** Older than any pause of a transfer that goes on: what still lies in `tmp/` then is left over from a run that died. */
const STALE_MS = 6 * 60 * 60 * 1000;

/**
 * The store of artifacts in `dir`, made where it is missing (owner-only):
 *
 *     sha256/ab/<sha256>   the artifacts, read-only
 *     md5/ab/<md5>         the sha256 that goes with an md5
 *     tmp/<name>.part      what is being written; renamed when its digest is right
 *
 * Several runs may use it at once: a file appears whole, by a rename, under a name that says what is in it. `find` reads the file
 * through before it is given out for the first time in a run; a damaged one is removed and counts as not there, so files need no fsync.
 *
 * @throws RepackError E_DISK, E_DISK_FULL
 */
export async function openStore(rt: Runtime, dir: string): Promise<ArtifactStore> {
  const folder: StoreFolder = {
    dir,
    tmp: join(dir, 'tmp'),
    artifactPath: (sha256) => join(dir, 'sha256', sha256.slice(0, 2), sha256),
    md5Path: (md5) => join(dir, 'md5', md5.slice(0, 2), md5),
    seen: new Map(),
  };
  await makePrivate(rt, folder);
  await sweepStale(rt, folder);
  let count = 0;
  const { take } = turns();
  return {
    find: (expected) => find(rt, folder, expected),
    bringOnce: (expected, signal, bring) =>
      take(expected.sha256 ?? expected.md5 ?? '', signal, async () => {
        const there = await find(rt, folder, expected);
        return { file: there ?? (await bring()), brought: there === undefined };
      }),
    holds: (expected) => holds(rt, folder, expected),
    writer: () =>
      storeWriter(rt, folder, join(folder.tmp, `${rt.machine.pid}-${rt.machine.randomId()}-${++count}.part`)),
  };
}

async function makePrivate(rt: Runtime, folder: StoreFolder): Promise<void> {
  try {
    await rt.fs.mkdirp(folder.dir, 0o700);
    await rt.fs.mkdirp(folder.tmp, 0o700);
    const { uid, mode } = await rt.fs.stat(folder.dir);
    if (rt.machine.uid === undefined) return;
    if (uid !== rt.machine.uid) {
      rt.events.emit({
        type: 'warning',
        message: `${folder.dir} belongs to another account: every file in it is checked before use, but that account sees what is delivered`,
      });
    } else if ((mode & 0o077) !== 0) {
      await rt.fs.chmod(folder.dir, 0o700);
    }
  } catch (error) {
    throw await storeError(rt, folder, error, folder.dir);
  }
}

async function sweepStale(rt: Runtime, folder: StoreFolder): Promise<void> {
  try {
    for (const entry of await rt.fs.readdir(folder.tmp)) {
      if (!entry.isFile() || !entry.name.endsWith('.part')) continue;
      const path = join(folder.tmp, entry.name);
      const { mtimeMs } = await rt.fs.lstat(path);
      if (rt.clock.now() - mtimeMs > STALE_MS) await rt.fs.unlink(path);
    }
  } catch (error) {
    // Another run sweeps too, or the file is held open: what is left goes the next time.
    rt.events.emit({ type: 'debug', message: `sweeping ${folder.tmp}: ${String(error)}` });
  }
}

async function holds(rt: Runtime, folder: StoreFolder, { sha256, md5 = '' }: ExpectedDigest): Promise<boolean> {
  const named = sha256 ?? (await sha256ByMd5(rt, folder, md5));
  if (named === undefined || !/^[0-9a-f]{64}$/.test(named)) return false;
  return rt.fs.lstat(folder.artifactPath(named)).then(
    () => true,
    () => false,
  );
}

async function find(rt: Runtime, folder: StoreFolder, expected: ExpectedDigest): Promise<StoredFile | undefined> {
  const sha256 =
    expected.sha256 ?? (expected.md5 === undefined ? undefined : await sha256ByMd5(rt, folder, expected.md5));
  if (sha256 === undefined || !/^[0-9a-f]{64}$/.test(sha256)) return undefined;
  const path = folder.artifactPath(sha256);
  // A file that was taken in under both digests needs only the faster one to be found intact.
  const { md5 } = expected;
  const md5Known = md5 !== undefined && (await sha256ByMd5(rt, folder, md5)) === sha256;
  const found = await readThrough(rt, folder, { path, sha256, md5: md5Known ? md5 : undefined });
  if (found === undefined) return undefined;
  if (found === 'damaged') {
    await removeDamaged(rt, path);
    return undefined;
  }
  if (expected.md5 !== undefined && expected.md5 !== found.md5) return undefined;
  if (expected.size !== undefined && expected.size !== found.size) return undefined;
  return { path, ...found };
}

async function readThrough(
  rt: Runtime,
  folder: StoreFolder,
  { path, sha256, md5 }: { path: string; sha256: string; md5: string | undefined },
): Promise<Digests | 'damaged' | undefined> {
  let handle: FileHandle | undefined;
  try {
    const before = await rt.fs.lstat(path);
    if (!before.isFile()) return 'damaged';
    await markUsed(rt, path, before);
    const seen = folder.seen.get(sha256);
    if (
      seen !== undefined &&
      seen.ino === before.ino &&
      Math.round(seen.mtimeMs) === Math.round(before.mtimeMs) &&
      seen.size === before.size
    ) {
      return { size: seen.size, sha256, md5: seen.md5 };
    }
    handle = await rt.fs.openNoFollow(path);
    const digests = md5 === undefined ? digestStream() : digestStream({ md5 });
    for await (const piece of piecesOf(handle)) {
      rt.signal.throwIfAborted();
      digests.update(piece);
    }
    const found = digests.digest();
    if (found.sha256 !== sha256) return 'damaged';
    folder.seen.set(sha256, { ...found, ino: before.ino, mtimeMs: before.mtimeMs });
    return found;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT') return undefined;
    // A sector that can't be read, a link where a file should be: as good as damaged.
    if (errno === 'EIO' || errno === 'ELOOP') return 'damaged';
    throw await storeError(rt, folder, error, path);
  } finally {
    await handle?.close().catch(() => undefined);
  }
}

/**
 * Sets the time of the last use, at most once a day, for `clean`: by ourselves, since volumes are mounted without. The time of writing stays
 * (a whole millisecond is all that is kept of it, so it is compared in those).
 */
async function markUsed(
  rt: Runtime,
  path: string,
  { atimeMs, mtimeMs }: { atimeMs: number; mtimeMs: number },
): Promise<void> {
  const now = rt.clock.now();
  if (now - atimeMs < USED_MS) return;
  // Of another account, or a read-only volume: `clean` then goes by what the file says.
  await rt.fs.utimes(path, now, mtimeMs).catch(() => undefined);
}

async function removeDamaged(rt: Runtime, path: string): Promise<void> {
  rt.events.emit({
    type: 'warning',
    message: `${path} is damaged: removed from the store, taken from its source again`,
  });
  try {
    // Windows does not remove what is read-only. A symbolic link is not followed by `remove`, but would be by `chmod`.
    if ((await rt.fs.lstat(path)).isFile()) await rt.fs.chmod(path, 0o600);
    await rt.fs.remove(path);
  } catch (error) {
    // The good copy replaces it by a rename.
    rt.events.emit({ type: 'debug', message: `removing ${path}: ${String(error)}` });
  }
}
