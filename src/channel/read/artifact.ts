import { fileHandleSource, type RandomAccessSource } from '../../archive/source.js';
import type { FileSystem } from '../../runtime/fs.js';

/** Opens an artifact for as long as `work` reads it; a link is not followed. Throws what the disk says, and what `work` throws. */
export async function openArtifact<T>(
  rt: { fs: Pick<FileSystem, 'openNoFollow'> },
  file: string,
  work: (source: RandomAccessSource) => Promise<T>,
): Promise<T> {
  const handle = await rt.fs.openNoFollow(file);
  try {
    return await work(fileHandleSource(handle, (await handle.stat()).size));
  } finally {
    await handle.close();
  }
}
