import { join } from 'node:path';
import { piecesOf } from '../../codec/digests.js';
import { errnoOf } from '../../base/disk-errors.js';
import { RepackError } from '../../base/errors.js';
import { formatOf } from '../../conda/channel/names.js';
import type { Runtime } from '../../runtime/runtime.js';

/**
 * Relative paths, with `/`, of the regular files at most one folder deep: as deep as a channel is. What else is there (links, devices, deeper
 * folders) is refused in a folder that is said to be all ours (`strict`); in anybody's, it is passed over (indexers keep a `.cache`
 * there) unless it has the name of a package.
 *
 * @throws RepackError E_MEDIUM where there is no such folder, E_ARCHIVE_MEMBER
 */
export async function listFiles(
  rt: Pick<Runtime, 'fs'>,
  dir: string,
  { strict }: { strict: boolean },
): Promise<string[]> {
  const files: string[] = [];
  const take = (entry: Entry, path: string): void => {
    if (entry.isFile()) files.push(path);
    else if (strict || formatOf(entry.name) !== undefined) throw oddFile(join(dir, path), kindOf(entry));
  };
  for (const entry of await entriesOf(rt, dir)) {
    if (!entry.isDirectory()) take(entry, entry.name);
    else for (const inner of await entriesOf(rt, join(dir, entry.name))) take(inner, `${entry.name}/${inner.name}`);
  }
  return files.sort();
}

type Entry = Awaited<ReturnType<Runtime['fs']['readdir']>>[number];

/** A file in pieces; a symbolic link is not followed. A piece is overwritten by the next one. */
export async function* contentOfFile(rt: Pick<Runtime, 'fs'>, path: string): AsyncGenerator<Uint8Array> {
  const handle = await rt.fs.openNoFollow(path);
  try {
    yield* piecesOf(handle);
  } finally {
    await handle.close();
  }
}

async function entriesOf(rt: Pick<Runtime, 'fs'>, dir: string): ReturnType<Runtime['fs']['readdir']> {
  return rt.fs.readdir(dir).catch((error: unknown) => {
    throw noFolder(dir, error);
  });
}

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

function kindOf(entry: Entry): string {
  if (entry.isSymbolicLink()) return 'a symbolic link';
  return entry.isDirectory() ? 'a folder' : 'a device or pipe';
}

export function oddFile(where: string, kind: string): RepackError {
  return new RepackError('E_ARCHIVE_MEMBER', {
    what: `There is ${kind} where only files of a channel belong`,
    where,
    hint: 'Nothing was changed. Take it away, or find out where the folder comes from.',
  });
}
