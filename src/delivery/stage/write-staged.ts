import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { piecesOf } from '../../codec/digests.js';
import { explainDiskErrorOn } from '../../base/disk-errors.js';
import { RepackError } from '../../base/errors.js';
import type { Runtime } from '../../runtime/runtime.js';

export interface StagingTarget {
  /** The staging folder of the channel; exists. */
  dir: string;
  /** Absolute path of the file; nothing must be there. */
  path: string;
  mtimeMs: number;
  /** Bytes that the whole staging takes, for the message when the disk is full. */
  needed: number;
}

/**
 * Copies an artifact into the staging folder, hashing what it writes; it is on disk when this returns (fsync), with its mtime.
 *
 * @throws RepackError E_ARTIFACT_DIGEST when the bytes are not `sha256` (the store was altered meanwhile), E_DISK, E_DISK_FULL
 */
export async function copyStaged(
  rt: Runtime,
  source: { path: string; sha256: string; subject: string },
  target: StagingTarget,
): Promise<void> {
  const reading = await onDisk(rt, target, `read ${source.subject}`, source.path, () =>
    rt.fs.openNoFollow(source.path),
  );
  try {
    await writeNew(rt, target, async (handle) => {
      const hash = createHash('sha256');
      const pieces = piecesOf(reading);
      for (;;) {
        rt.signal.throwIfAborted();
        const next = await onDisk(rt, target, `read ${source.subject}`, source.path, () => pieces.next());
        if (next.done === true) break;
        const writing = rt.fs.writeAll(handle, next.value);
        // Hashed while the disk has its turn.
        hash.update(next.value);
        await writing;
      }
      refuseOther(source, hash.digest('hex'));
    });
  } finally {
    await reading.close().catch(() => undefined);
  }
}

/** Writes an index or a side file into the staging folder; on disk when this returns. Throws E_DISK, E_DISK_FULL. */
export async function writeStaged(rt: Runtime, bytes: Uint8Array, target: StagingTarget): Promise<void> {
  await writeNew(rt, target, (handle) => rt.fs.writeAll(handle, bytes));
}

async function writeNew(
  rt: Runtime,
  target: StagingTarget,
  write: (handle: FileHandle) => Promise<void>,
): Promise<void> {
  await onDisk(rt, target, 'write the staged channel', target.path, async () => {
    const handle = await rt.fs.open(target.path, 'wx');
    let complete = false;
    try {
      await write(handle);
      await handle.utimes(target.mtimeMs / 1000, target.mtimeMs / 1000);
      // A full disk or a dead share may show only here. A failed fsync is not tried again: the kernel forgets the pages.
      await handle.sync();
      complete = true;
    } finally {
      // Where something failed already, that is what the user should hear of.
      await handle.close().catch((error: unknown) => {
        if (complete) throw error;
      });
    }
  });
}

async function onDisk<T>(
  rt: Runtime,
  { dir, needed }: StagingTarget,
  doing: string,
  path: string,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw await explainDiskErrorOn(rt, error, { doing, path, needed, folder: dir });
  }
}

function refuseOther(
  { path, sha256, subject }: { path: string; sha256: string; subject: string },
  found: string,
): void {
  if (found === sha256) return;
  throw new RepackError('E_ARTIFACT_DIGEST', {
    what: `The bytes of ${subject} changed between taking them in and copying them`,
    where: path,
    hint: 'Run the same command again: it takes the artifact from its source once more. If this repeats, check that disk.',
    details: [`sha256: expected ${sha256}, found ${found}`],
  });
}
