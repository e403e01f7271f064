import type { Digests } from '../codec/digests.js';
import { explainDiskErrorOn } from '../base/disk-errors.js';
import type { Runtime } from '../runtime/runtime.js';

/** What the store and the writers share. Paths are absolute. */
export interface StoreFolder {
  dir: string;
  tmp: string;
  artifactPath(sha256: string): string;
  /** Small files that name the sha256 of an md5, for channels that state md5 only. */
  md5Path(md5: string): string;
  /** Bytes that this run has seen whole: hashed as they were written, or read back. */
  seen: Map<string, SeenFile>;
}

interface SeenFile extends Digests {
  ino: number;
  mtimeMs: number;
}

/** E_DISK or E_DISK_FULL for an error of the disk below the store; other errors as they are. */
export async function storeError(rt: Runtime, folder: StoreFolder, error: unknown, path: string): Promise<unknown> {
  return explainDiskErrorOn(rt, error, { doing: 'use the store of artifacts', path, folder: folder.dir });
}

/** What this project wrote for an md5; undefined where there is nothing, or nothing that makes sense. */
export async function sha256ByMd5(rt: Runtime, folder: StoreFolder, md5: string): Promise<string | undefined> {
  if (!/^[0-9a-f]{32}$/.test(md5)) return undefined;
  const text = await rt.fs.readText(folder.md5Path(md5)).catch(() => '');
  return /^[0-9a-f]{64}\n$/.test(text) ? text.trim() : undefined;
}
