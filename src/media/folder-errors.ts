import { join } from 'node:path';
import { errnoOf } from '../base/disk-errors.js';
import { RepackError } from '../base/errors.js';
import type { Listing } from '../channel/read/list-folder.js';
import { formatOf } from '../conda/channel/names.js';

/** What can't be listed, in the words of a merge. */
export function noFolder(dir: string, error: unknown): unknown {
  const errno = errnoOf(error);
  if (errno === undefined) return error;
  return new RepackError('E_MEDIUM', {
    what: errno === 'ENOENT' || errno === 'ENOTDIR' ? 'There is no such folder' : `The folder can't be read (${errno})`,
    where: dir,
    hint: 'Give the folder of a delta (it holds delta.json) or of a channel (it holds noarch/).',
    cause: error,
  });
}

/**
 * Refuses links, devices and folders where files belong: in a folder that is said to be all ours every one (`all`), in anybody's those that
 * have the name of a package; what else indexers keep in a subdir is passed over.
 *
 * @throws RepackError E_MEDIUM where a folder can't be listed, E_ARCHIVE_MEMBER
 */
export function refuseOdd({ dir, odd, closed }: Listing, { all }: { all: boolean }): void {
  for (const [folder, error] of closed) throw noFolder(join(dir, folder), error);
  const path = [...odd.keys()].find((each) => all || formatOf(each) !== undefined);
  if (path === undefined) return;
  const kind = { link: 'a symbolic link', folder: 'a folder', special: 'a device or pipe', file: 'a file' };
  throw new RepackError('E_ARCHIVE_MEMBER', {
    what: `There is ${kind[odd.get(path)!]} where only files of a channel belong`,
    where: join(dir, path),
    hint: 'Nothing was changed. Take it away, or find out where the folder comes from.',
  });
}
