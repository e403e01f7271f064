import type { FileHandle } from 'node:fs/promises';
import { sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { errnoOf } from '../base/disk-errors.js';
import { RepackError } from '../base/errors.js';
import type { FileSystem } from '../runtime/fs.js';
import type { HttpResponse } from '../runtime/http.js';
import type { Upstream } from './upstream.js';

const PIECE = 1 << 20;

/** A channel in a folder (`file://`), answering as a server would: 200 with its length, or 404. Nothing outside the folder is read. */
export function fileUpstream(fs: FileSystem): Upstream {
  return {
    async open({ channel, path, method, signal }) {
      const where = `${channel.url}/${path}`;
      try {
        const file = await locate(fs, fileURLToPath(channel.url), path);
        if (file === undefined) return noSuchFile();
        if (method === 'HEAD') return { ...noSuchFile(), status: 200, headers: file.headers };
        const handle = await fs.openNoFollow(file.path);
        return {
          status: 200,
          headers: file.headers,
          body: pieces(handle, signal, where),
          discard: () => handle.close(),
        };
      } catch (error) {
        throw unreadable(error, where);
      }
    },
  };
}

/** Where a file of a channel in a folder lies; undefined: not there. Throws E_UPSTREAM for a link that leads out of it. */
export async function locate(
  fs: FileSystem,
  folder: string,
  path: string,
): Promise<{ path: string; headers: Record<string, string> } | undefined> {
  try {
    const root = await fs.realpath(folder);
    const target = await fs.realpath(`${folder}/${path}`);
    if (!target.startsWith(root.endsWith(sep) ? root : root + sep)) {
      throw new RepackError('E_UPSTREAM', {
        what: 'A symbolic link leads out of the channel folder',
        where: `${folder}/${path}`,
        hint: 'Put the file itself into the channel, or declare the folder it lies in.',
      });
    }
    const stats = await fs.stat(target);
    if (!stats.isFile()) return undefined;
    return {
      path: target,
      headers: { 'content-length': String(stats.size), 'last-modified': stats.mtime.toUTCString() },
    };
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
}

async function* pieces(handle: FileHandle, signal: AbortSignal, where: string): AsyncGenerator<Uint8Array> {
  try {
    for (let position = 0; ;) {
      signal.throwIfAborted();
      const { buffer, bytesRead } = await handle.read(new Uint8Array(PIECE), 0, PIECE, position);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
      position += bytesRead;
    }
  } catch (error) {
    throw signal.aborted ? error : unreadable(error, where);
  } finally {
    // Also where nobody discards it any more.
    await handle.close();
  }
}

function noSuchFile(): HttpResponse {
  return { status: 404, headers: {}, body: nothing(), discard: async () => {} };
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

function unreadable(error: unknown, where: string): unknown {
  const errno = errnoOf(error);
  if (errno === undefined) return error;
  return new RepackError('E_UPSTREAM', {
    what: `A file of the channel can not be read (${errno})`,
    where,
    hint: 'Check that the folder is there and that this account may read it.',
    cause: error,
  });
}
