import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { errnoOf } from '../../base/disk-errors.js';
import type { Runtime } from '../../runtime/runtime.js';

type Entry = Awaited<ReturnType<Runtime['fs']['readdir']>>[number];

/** A regular file of the folder by its path in it, with what any writing would change. */
type TellFile = (path: string, size: number, mtimeMs: number) => void;

/**
 * A digest of what lies in a folder: every name in it and below, what it is, and of each regular file size, mtime, ctime and inode. No file is
 * read and no link followed; what can't be listed counts by what the disk says. Equal digests: nothing was written there in between. Not an entry for
 * each file is kept, for a mirror may have half a million.
 */
export async function folderMarks(
  rt: Pick<Runtime, 'fs' | 'signal'>,
  dir: string,
  tell: TellFile = () => undefined,
): Promise<string> {
  const hash = createHash('sha256');
  const look = async (below: string): Promise<void> => {
    rt.signal.throwIfAborted();
    const listed = await rt.fs.readdir(join(dir, below)).catch((error: unknown) => {
      const errno = errnoOf(error);
      if (errno === undefined) throw error;
      return errno;
    });
    if (typeof listed === 'string') return void hash.update(`${below}\0closed ${listed}\n`);
    const entries = listed.sort((a, b) => (a.name < b.name ? -1 : 1));
    const files = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
    const others = entries.filter((entry) => !entry.isFile());
    const marks = await rt.fs.marks(join(dir, below), files);
    hash.update(JSON.stringify([below, files, others.map((entry) => [entry.name, kindOf(entry)])]));
    hash.update(Buffer.from(marks.buffer, marks.byteOffset, marks.byteLength));
    for (const [at, name] of files.entries()) tell(`${below}${name}`, marks[at * 4]!, marks[at * 4 + 1]!);
    for (const entry of others) if (entry.isDirectory()) await look(`${below}${entry.name}/`);
  };
  await look('');
  return hash.digest('hex');
}

function kindOf(entry: Entry): string {
  if (entry.isDirectory()) return 'folder';
  return entry.isSymbolicLink() ? 'link' : 'special';
}
