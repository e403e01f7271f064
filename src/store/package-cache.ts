import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { isFolder } from '../channel/read/list-folder.js';
import { piecesOf } from '../codec/digests.js';
import { accountOf, errnoOf } from '../base/disk-errors.js';
import { isRepackError } from '../base/errors.js';
import type { Finding } from '../base/findings.js';
import { parseDistFilename } from '../conda/channel/names.js';
import type { ArtifactStore, ExpectedDigest, StoredFile } from '../conda/plan/artifact-store.js';
import type { Runtime } from '../runtime/runtime.js';

/** What a package cache has under one file name. */
export type CacheAnswer =
  | { kind: 'stored'; path: string; file: StoredFile }
  /** `extracted`: only the unpacked folder is there (conda/conda#8731). */
  | { kind: 'absent'; extracted: boolean }
  /** Something is there that must not be delivered; `reason` as a clause. */
  | { kind: 'refused'; path: string; reason: string };

/**
 * The caches that are folders, once each however many links lead to them, in the given order, with one finding for each
 * that other accounts can write to. A cache is a hint: bytes out of it count only by their digest (bad-inputs C9).
 */
export async function openCaches(
  rt: Runtime,
  caches: readonly string[],
): Promise<{ caches: string[]; findings: Finding[] }> {
  const open = new Map<string, string>();
  const findings: Finding[] = [];
  for (const cache of caches) {
    try {
      const real = await rt.fs.realpath(cache);
      const stats = await rt.fs.stat(real);
      if (!stats.isDirectory() || open.has(real)) continue;
      open.set(real, cache);
      const problem = rt.machine.uid === undefined ? undefined : privacyProblem(stats, rt.machine.uid);
      if (problem !== undefined) {
        findings.push({
          code: 'cache-not-private',
          message: `The package cache ${cache} ${problem}; what comes out of it is delivered only where its digest is the channel's`,
          subject: cache,
          exit: false,
        });
      }
    } catch (error) {
      rt.events.emit({ type: 'debug', message: `package cache ${cache}: ${String(error)}` });
    }
  }
  return { caches: [...open.values()], findings };
}

/**
 * Takes `<cache>/<fn>` into the store, as `takeFile`. `cache` is the very folder; no other name is ever looked at
 * (`.partial`, `.c~`, the other format of the same build).
 *
 * @throws RepackError E_DISK, E_DISK_FULL when the store can't be written to; the signal's reason when aborted
 */
export async function takeFromCache(
  rt: Runtime,
  { cache, fn, expected, store }: { cache: string; fn: string; expected: ExpectedDigest; store: ArtifactStore },
): Promise<CacheAnswer> {
  const path = join(cache, fn);
  const answer = await takeFile(rt, { path, expected, store });
  if (answer.kind !== 'nothing') return answer;
  return { kind: 'absent', extracted: await isFolder(rt, join(cache, parseDistFilename(fn).stem)) };
}

/**
 * Takes one file into the store, if it is there, a regular file, and has the expected bytes: they are hashed as they are written, so a
 * swap in between goes nowhere (C8).
 *
 * @throws RepackError E_DISK, E_DISK_FULL when the store can't be written to; the signal's reason when aborted
 */
export async function takeFile(
  rt: Runtime,
  { path, expected, store }: { path: string; expected: ExpectedDigest; store: ArtifactStore },
): Promise<Exclude<CacheAnswer, { kind: 'absent' }> | { kind: 'nothing' }> {
  const opened = await openRegular(rt, path, expected);
  if (opened === undefined) return { kind: 'nothing' };
  if ('reason' in opened) return { kind: 'refused', path, ...opened };
  const { handle } = opened;
  const writer = await store.writer();
  try {
    // Reading and writing fail for different reasons: a bad read means the next source, a bad write ends the run.
    const failure = await copyPieces(rt, handle, writer);
    if (failure !== undefined) {
      await writer.discard();
      return vanished(failure) ? { kind: 'nothing' } : { kind: 'refused', path, reason: unreadable(rt, failure) };
    }
    return { kind: 'stored', path, file: await writer.finish(expected, path) };
  } catch (error) {
    await writer.discard();
    if (isRepackError(error) && error.code === 'E_ARTIFACT_DIGEST') {
      return { kind: 'refused', path, reason: `its bytes are not the channel's: ${error.details.join('; ')}` };
    }
    throw error;
  } finally {
    // A file that was only read has nothing left to lose.
    await handle.close().catch(() => undefined);
  }
}

function privacyProblem({ mode, uid }: { mode: number; uid: number }, own: number): string | undefined {
  if ((mode & 0o002) !== 0) return 'can be written by every account';
  // An installation for all users belongs to root.
  return uid === own || uid === 0 ? undefined : 'belongs to another account';
}

/** Undefined where nothing is there. */
async function openRegular(
  rt: Runtime,
  path: string,
  expected: ExpectedDigest,
): Promise<{ handle: FileHandle } | { reason: string } | undefined> {
  let handle: FileHandle | undefined;
  try {
    // Windows has no O_NOFOLLOW, and a FIFO would wait for its writer: so look first, and look again at what was opened.
    const named = kindOf(await rt.fs.lstat(path));
    if (named !== undefined) return { reason: named };
    handle = await rt.fs.openNoFollow(path);
    const stats = await handle.stat();
    const reason = kindOf(stats) ?? sizeProblem(stats.size, expected);
    if (reason === undefined) return { handle };
    await handle.close().catch(() => undefined);
    return { reason };
  } catch (error) {
    await handle?.close().catch(() => undefined);
    if (vanished(error)) return undefined;
    if (errnoOf(error) === 'ELOOP') return { reason: 'it is a symbolic link' };
    if (errnoOf(error) === undefined) throw error;
    return { reason: unreadable(rt, error) };
  }
}

async function copyPieces(
  rt: Runtime,
  handle: FileHandle,
  writer: { write(chunk: Uint8Array): Promise<void> },
): Promise<unknown> {
  const pieces = piecesOf(handle);
  for (;;) {
    rt.signal.throwIfAborted();
    let next: IteratorResult<Uint8Array>;
    try {
      next = await pieces.next();
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
      return error;
    }
    if (next.done === true) return undefined;
    await writer.write(next.value);
  }
}

type FileKind = Pick<Awaited<ReturnType<FileHandle['stat']>>, 'isFile' | 'isSymbolicLink' | 'isDirectory'>;

function kindOf(stats: FileKind): string | undefined {
  if (stats.isFile()) return undefined;
  if (stats.isSymbolicLink()) return 'it is a symbolic link';
  return stats.isDirectory() ? 'it is a folder' : 'it is no regular file';
}

function sizeProblem(size: number, expected: ExpectedDigest): string | undefined {
  if (expected.size === undefined || expected.size === size) return undefined;
  return `it has ${size} bytes, the channel states ${expected.size}`;
}

function vanished(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'ESTALE'].includes(errnoOf(error) ?? '');
}

/** C12: the file is named by the caller, the account here. */
function unreadable(rt: Runtime, error: unknown): string {
  const account = accountOf(rt.machine);
  return `it can not be read${account === undefined ? '' : ` by the account ${account}`} (${errnoOf(error) ?? String(error)})`;
}
