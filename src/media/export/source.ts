import { plural } from '../../base/plural.js';
import { createHash } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { sha256Of } from '../../codec/digests.js';
import { errnoOf, explainDiskError } from '../../base/disk-errors.js';
import { RepackError } from '../../base/errors.js';
import { MANIFEST_NAME, SIGNATURE_NAME, type ManifestFile } from '../../channel/manifest/manifest.js';
import { parseLabel } from '../../conda/channel/names.js';
import { channelsIn } from '../../channel/read/list-folder.js';
import { nearestFew } from '../../base/nearest.js';
import { parseManifest, type StoredManifest } from '../../channel/manifest/read-manifest.js';
import type { Runtime } from '../../runtime/runtime.js';

/** What a channel folder holds now, by its manifest. */
export interface Generation extends StoredManifest {
  /** Of `manifest.json.sig`, read with this manifest; undefined where the folder is not signed. */
  signature: Uint8Array | undefined;
}

type SourceRuntime = Pick<Runtime, 'fs' | 'signal'>;

/**
 * Reads the manifest of a channel folder, and the signature that belongs to it. Takes no lock and writes nothing.
 *
 * @throws RepackError E_NOT_OURS: no folder, no manifest of ours, a broken one, one of a newer version. E_DISK.
 */
export async function readGeneration(rt: SourceRuntime, dir: string): Promise<Generation> {
  for (;;) {
    const bytes = await readManifest(rt, dir);
    const signature = await readSignature(rt, dir);
    // A switch in between would pair the signature with another manifest.
    if (signature !== undefined && !(await readManifest(rt, dir)).equals(bytes)) continue;
    return { ...(await parsedManifest(rt, dir, bytes)), signature };
  }
}

/** The sha256 of the manifest that lies there now; undefined where there is none to be read. */
export async function manifestDigest(rt: SourceRuntime, dir: string): Promise<string | undefined> {
  return rt.fs.readFile(join(dir, MANIFEST_NAME)).then(sha256Of, () => undefined);
}

/**
 * A file of the channel folder, in pieces: as large as the `room` for each, else of 256 KiB, each in memory of its own. The last piece comes
 * only after the digest of all was found to be the manifest's.
 *
 * @throws RepackError E_FOLDER_DIFFERS: missing, no regular file, or other bytes than the manifest says. E_DISK.
 */
export async function* sourcePieces(
  rt: SourceRuntime,
  dir: string,
  { path, size, sha256 }: Pick<ManifestFile, 'path' | 'size' | 'sha256'>,
  room?: () => Uint8Array,
): AsyncGenerator<Uint8Array> {
  const handle = await reading(dir, path, () => rt.fs.openNoFollow(join(dir, path)));
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw folderDiffers(dir, path, 'it is not a regular file');
    if (stats.size !== size) throw folderDiffers(dir, path, `it has ${plural(stats.size, 'byte')}, not ${size}`);
    const hash = createHash('sha256');
    for (let position = 0; position < size;) {
      rt.signal.throwIfAborted();
      const left = size - position;
      const piece = room?.().subarray(0, left) ?? new Uint8Array(Math.min(PIECE, left));
      const { bytesRead } = await reading(dir, path, () => handle.read(piece, 0, piece.length, position));
      if (bytesRead === 0) throw folderDiffers(dir, path, 'it became shorter while it was read');
      const got = piece.subarray(0, bytesRead);
      hash.update(got);
      position += bytesRead;
      if (position === size) refuseOther(dir, path, { found: hash.digest('hex'), sha256 });
      yield got;
    }
    if (size === 0) refuseOther(dir, path, { found: hash.digest('hex'), sha256 });
  } finally {
    await handle.close().catch(() => undefined);
  }
}

const PIECE = 1 << 18;
const MAX_SIGNATURE = 1 << 20;

function refuseOther(dir: string, path: string, { found, sha256 }: { found: string; sha256: string }): void {
  if (found !== sha256)
    throw folderDiffers(dir, path, 'it has other bytes', [`sha256: expected ${sha256}, found ${found}`]);
}

/** The folder holds other bytes than its manifest says: a damaged folder, or one that is being published into. */
export function folderDiffers(dir: string, path: string, reason: string, details: readonly string[] = []): RepackError {
  return new RepackError('E_FOLDER_DIFFERS', {
    what: `${path} is not as the manifest says: ${reason}`,
    where: join(dir, path),
    hint: 'Nothing was exported. See "repackenv verify" for all that differs in this folder; the next update, mirror or import of it mends it.',
    details,
  });
}

async function readManifest(rt: SourceRuntime, dir: string): Promise<Buffer> {
  const path = join(dir, MANIFEST_NAME);
  try {
    if (!(await rt.fs.lstat(path)).isFile()) throw notOurs(path, `${MANIFEST_NAME} is not a regular file`);
    return await rt.fs.readFile(path);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT' || errno === 'ENOTDIR') throw await noManifest(rt, dir);
    throw explainDiskError(error, { doing: 'read the manifest', path });
  }
}

/** The folders of ours next to one that is not there. */
async function besides(rt: SourceRuntime, dir: string): Promise<string> {
  const root = dirname(dir);
  const labels = await channelsIn(rt, root, { anybodys: false });
  return labels.length === 0 ? '' : ` In ${root} there are: ${nearestFirst(basename(dir), labels).join(', ')}.`;
}

function nearestFirst(wanted: string, labels: string[]): string[] {
  const near = nearestFew(wanted, labels, 5);
  return near.length > 0 ? near : labels.slice(0, 5);
}

/** Tells a folder that is not there, one that holds label folders (ROOT), and a channel made by others. */
async function noManifest(rt: SourceRuntime, dir: string): Promise<RepackError> {
  const entries = await rt.fs.readdir(dir).catch((error: unknown) => errnoOf(error) ?? 'unknown error');
  if (typeof entries === 'string') {
    return new RepackError('E_NOT_OURS', {
      what:
        entries === 'ENOTDIR'
          ? 'That is a file, not a channel folder'
          : entries === 'ENOENT'
            ? 'There is no such folder'
            : `The channel folder can't be opened (${entries})`,
      where: dir,
      hint: `Name a label folder or a mirror, ROOT/LABEL.${await besides(rt, dir)}`,
    });
  }
  const labels = await channelsIn(rt, dir, { anybodys: false });
  if (labels.length > 0)
    return notOurs(
      dir,
      'That folder holds channel folders, and is none itself',
      `Name one of them: ${labels.join(', ')}.`,
    );
  return notOurs(
    dir,
    `The folder has no ${MANIFEST_NAME} of ours, so nothing says what belongs to it`,
    'For a channel that others made: "repackenv mirror" its file:// URL into a folder of its own, or "update --adopt" it, and export that.',
  );
}

async function readSignature(rt: SourceRuntime, dir: string): Promise<Uint8Array | undefined> {
  const path = join(dir, SIGNATURE_NAME);
  try {
    const stats = await rt.fs.lstat(path);
    if (!stats.isFile() || stats.size > MAX_SIGNATURE) {
      throw folderDiffers(dir, SIGNATURE_NAME, 'it is no signature file');
    }
    return await rt.fs.readFile(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw explainDiskError(error, { doing: 'read the signature', path });
  }
}

async function parsedManifest(rt: SourceRuntime, dir: string, bytes: Buffer): Promise<StoredManifest> {
  const path = join(dir, MANIFEST_NAME);
  const parsed = parseManifest(bytes);
  switch (parsed.kind) {
    case 'sound':
      parseLabel(parsed.manifest.label);
      return parsed;
    case 'newer':
      throw notOurs(
        path,
        `The manifest is of a newer version (schema ${parsed.schema})`,
        'Use that version of repackenv.',
      );
    case 'broken':
      throw notOurs(
        path,
        `The manifest is broken: ${parsed.reason}`,
        'Run the update or mirror of this folder again: it writes the manifest anew.',
      );
    case 'other':
      throw await noManifest(rt, dir);
  }
}

function notOurs(where: string, what: string, hint = 'Name a label folder or a mirror, ROOT/LABEL.'): RepackError {
  return new RepackError('E_NOT_OURS', { what, where, hint });
}

async function reading<T>(dir: string, path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT' || errno === 'ENOTDIR') throw folderDiffers(dir, path, 'it is missing');
    if (errno === 'ELOOP') throw folderDiffers(dir, path, 'it is a symbolic link');
    throw explainDiskError(error, { doing: 'read the channel folder', path: join(dir, path) });
  }
}
