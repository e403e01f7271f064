import { dirname, join, resolve } from 'node:path';
import { errnoOf, freeSpace } from '../../base/disk-errors.js';
import { RepackError } from '../../base/errors.js';
import { MANIFEST_NAME } from '../../channel/manifest/manifest.js';
import type { Runtime } from '../../runtime/runtime.js';
import { FAT32_FILE_BYTES } from '../archive/part-size.js';
import type { PlannedPart } from '../archive/plan-parts.js';

/** The folder that takes the medium's files. */
export interface OutFolder {
  /** Absolute, links resolved. */
  path: string;
  exists: boolean;
  /** The nearest folder that is there: what is asked about the volume. */
  volume: string;
}

/**
 * Where the medium's files go. Writes nothing.
 *
 * @throws RepackError E_OUT: empty, a file, below a file, a dangling link; the channel folder itself or inside it; the folder that holds it
 * (ROOT) or the state folder there; another channel folder; the name of an archive.
 */
export async function resolveOut(rt: Pick<Runtime, 'fs' | 'machine'>, out: string, dir: string): Promise<OutFolder> {
  if (out.trim() === '' || out.includes('\0')) throw refused('--to names no folder', JSON.stringify(out));
  const { path, volume } = await realPlace(rt, resolve(rt.machine.cwd, out));
  // One that is not there is told by who reads it.
  const channel = await rt.fs.realpath(dir).catch(() => dir);
  const root = dirname(channel);
  if (await isWithin(rt, path, channel)) {
    throw refused(
      '--to leads into the channel folder itself',
      path,
      'Name a folder elsewhere: the stick, or one beside ROOT.',
    );
  }
  if (path === root || (await isWithin(rt, path, join(root, '.repackenv')))) {
    throw refused(
      '--to is the place of the channel folders, not one of its own',
      path,
      'Name a folder of its own, for instance one inside it.',
    );
  }
  const exists = path === volume;
  if (!exists && ARCHIVE.test(path)) {
    throw refused(
      '--to names a folder, and this is the name of an archive',
      path,
      `Give the folder: --to ${dirname(path)} makes one archive in it, LABEL-gN.tar (with --zstd LABEL-gN.tar.zst), and its digests beside it.`,
    );
  }
  if (exists && (await isFile(rt, join(path, MANIFEST_NAME)))) {
    throw refused(`--to is a channel folder (it has a ${MANIFEST_NAME})`, path);
  }
  return { path, exists, volume };
}

const ARCHIVE = /\.(?:tar(?:\.\w{1,4})?|t[gbxz]z2?|tzst|zip|7z|iso|img|gz|bz2|xz|zst|conda)$/i;

/**
 * What the volume must be able to hold.
 *
 * @throws RepackError E_PART_SIZE: a part larger than FAT32 takes, on FAT32. E_DISK_FULL: more bytes than are free.
 */
export async function refuseUnfit(
  rt: Pick<Runtime, 'fs'>,
  out: OutFolder,
  { parts, needed }: { parts: readonly PlannedPart[]; needed: number },
): Promise<void> {
  const large = parts.find(({ maxBytes }) => maxBytes > FAT32_FILE_BYTES);
  if (large !== undefined && (await isFat(rt, out.volume))) {
    throw new RepackError('E_PART_SIZE', {
      what: `${large.file} would have ${large.maxBytes} bytes, and the file system there (FAT32) ends at ${FAT32_FILE_BYTES} a file`,
      where: out.path,
      hint: 'Add --part-size fat32, or format the stick with exFAT or NTFS.',
    });
  }
  const { free } = await freeSpace(rt.fs, out.volume);
  if (free === undefined || free >= needed) return;
  throw new RepackError('E_DISK_FULL', {
    what: `The medium does not have the room: ${needed} bytes are needed, ${free} bytes are free`,
    where: out.path,
    hint: 'Free some space there or take a larger medium. For several media: export with --part-size to a disk, then copy the parts. Nothing was written.',
  });
}

/** MSDOS_SUPER_MAGIC of statfs(2): FAT12, FAT16 and FAT32; exFAT has another number, Windows gives none. */
const MSDOS_SUPER_MAGIC = 0x4d44;

async function isFat(rt: Pick<Runtime, 'fs'>, folder: string): Promise<boolean> {
  return rt.fs.statfs(folder).then(
    ({ type }) => type === MSDOS_SUPER_MAGIC,
    () => false,
  );
}

async function realPlace(rt: Pick<Runtime, 'fs'>, wanted: string): Promise<{ path: string; volume: string }> {
  for (let there = wanted; ; there = dirname(there)) {
    try {
      const volume = await rt.fs.realpath(there);
      const rest = wanted.slice(there.length).replace(/^[\\/]+/, '');
      if (!(await rt.fs.stat(volume)).isDirectory()) {
        throw refused(rest === '' ? '--to is a file, not a folder' : '--to would lie below a file', there);
      }
      return { path: rest === '' ? volume : join(volume, rest), volume };
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === undefined) throw error;
      const dangling = (await rt.fs.lstat(there).catch(() => undefined))?.isSymbolicLink() === true;
      if (dangling || (errno !== 'ENOENT' && errno !== 'ENOTDIR') || dirname(there) === there) {
        throw refused(
          dangling ? '--to leads over a link that points to nothing' : `--to can't be opened (${errno})`,
          there,
        );
      }
    }
  }
}

/** By name and, where the system numbers its files, by number: one folder may be mounted at two places. */
async function isWithin(rt: Pick<Runtime, 'fs'>, path: string, folder: string): Promise<boolean> {
  const target = await rt.fs.stat(folder).catch(() => undefined);
  for (let each = path; ; each = dirname(each)) {
    if (each === folder) return true;
    const stats = await rt.fs.stat(each).catch(() => undefined);
    if (
      stats !== undefined &&
      target !== undefined &&
      stats.ino > 0 &&
      stats.ino === target.ino &&
      stats.dev === target.dev
    )
      return true;
    if (dirname(each) === each) return false;
  }
}

async function isFile(rt: Pick<Runtime, 'fs'>, path: string): Promise<boolean> {
  return rt.fs.lstat(path).then(
    (stats) => stats.isFile(),
    () => false,
  );
}

function refused(
  what: string,
  where: string,
  hint = 'Name the folder of the medium, or one that can be made.',
): RepackError {
  return new RepackError('E_OUT', { what, where, hint });
}
