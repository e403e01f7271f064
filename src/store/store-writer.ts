import { dirname } from 'node:path';
import { digestStream, type Digests } from '../codec/digests.js';
import { errnoOf } from '../base/disk-errors.js';
import { RepackError } from '../base/errors.js';
import type { ExpectedDigest, StoreWriter, StoredFile } from '../conda/plan/artifact-store.js';
import type { Runtime } from '../runtime/runtime.js';
import { sha256ByMd5, storeError, type StoreFolder } from './store-folder.js';

/** A writer on the new file `part`. Hashes what it writes, so the digest is of the bytes in the store (bad-inputs C8). */
export async function storeWriter(rt: Runtime, folder: StoreFolder, part: string): Promise<StoreWriter> {
  const guarded = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw await storeError(rt, folder, error, part);
    }
  };
  const handle = await guarded(() => rt.fs.open(part, 'wx', 0o600));
  let digests = digestStream();
  let open = true;

  const close = async (): Promise<void> => {
    if (!open) return;
    open = false;
    await handle.close();
  };
  const discard = async (): Promise<void> => {
    await close().catch(() => undefined);
    await rt.fs.remove(part).catch(() => undefined);
  };

  return {
    get size() {
      return digests.size;
    },
    write: (chunk) =>
      guarded(async () => {
        const writing = rt.fs.writeAll(handle, chunk, digests.size);
        // Hashed while the disk has its turn.
        digests.update(chunk);
        await writing;
      }),
    restart: () =>
      guarded(async () => {
        await handle.truncate(0);
        digests = digestStream();
      }),
    finish: async (expected, subject) => {
      try {
        return await guarded(async () => {
          await close();
          const found = digests.digest();
          refuseOther(found, expected, subject);
          await rt.fs.chmod(part, 0o444);
          return await moveIn(rt, folder, part, found);
        });
      } catch (error) {
        await discard();
        throw error;
      }
    },
    discard,
  };
}

/** Every digest that is stated must be right: old clients compare md5 only, new ones sha256 only. */
function refuseOther(found: Digests, expected: ExpectedDigest, subject: string): void {
  const wrong = (['size', 'sha256', 'md5'] as const).filter(
    (key) => expected[key] !== undefined && expected[key] !== found[key],
  );
  if (wrong.length === 0) return;
  throw new RepackError('E_ARTIFACT_DIGEST', {
    what: `The bytes of ${subject} are not those that its channel states`,
    where: subject,
    hint: 'A damaged copy is passed over where there is another source; if it comes from the channel itself, report it to its owner.',
    details: wrong.map((key) => `${key}: expected ${expected[key]}, found ${found[key]}`),
  });
}

async function moveIn(rt: Runtime, folder: StoreFolder, part: string, found: Digests): Promise<StoredFile> {
  const path = folder.artifactPath(found.sha256);
  await rt.fs.mkdirp(dirname(path), 0o700);
  try {
    await rt.fs.rename(part, path);
  } catch (error) {
    // Windows does not rename over a read-only file: another run had the same bytes ready first.
    if (
      !['EPERM', 'EACCES', 'EEXIST', 'EBUSY'].includes(errnoOf(error) ?? '') ||
      !(await isThere(rt, path, found.size))
    )
      throw error;
    await rt.fs.remove(part);
    await linkMd5(rt, folder, { part, found });
    return { path, ...found };
  }
  const { ino, mtimeMs } = await rt.fs.lstat(path);
  folder.seen.set(found.sha256, { ...found, ino, mtimeMs });
  await linkMd5(rt, folder, { part, found });
  return { path, ...found };
}

async function isThere(rt: Runtime, path: string, size: number): Promise<boolean> {
  const stats = await rt.fs.lstat(path).catch(() => undefined);
  return stats !== undefined && stats.isFile() && stats.size === size;
}

async function linkMd5(
  rt: Runtime,
  folder: StoreFolder,
  { part, found: { md5, sha256 } }: { part: string; found: Digests },
): Promise<void> {
  if ((await sha256ByMd5(rt, folder, md5)) === sha256) return;
  const path = folder.md5Path(md5);
  // The name is free: what was written under it has been moved.
  await rt.fs.mkdirp(dirname(path), 0o700);
  await rt.fs.writeNew(part, `${sha256}\n`);
  await rt.fs.rename(part, path);
}
