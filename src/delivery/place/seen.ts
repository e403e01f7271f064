import { join } from 'node:path';
import { canonicalJson } from '../../base/json.js';
import { inParallel } from '../../base/parallel.js';
import type { SeenFile, SeenFiles } from '../../channel/read/read-folder.js';
import type { StagedFile } from '../../channel/staged.js';
import type { Runtime } from '../../runtime/runtime.js';

/** In the state folder: what was known of each live file when it was last seen whole. */
export const SEEN_NAME = 'seen.json';

/** What is remembered; nothing where there is no such file or it can't be read: then every file is hashed. */
export async function readSeen(rt: Pick<Runtime, 'fs'>, stateDir: string): Promise<SeenFiles> {
  try {
    const value = JSON.parse(await rt.fs.readText(join(stateDir, SEEN_NAME))) as { schema?: unknown; files?: unknown };
    if (value.schema !== 1 || !Array.isArray(value.files)) return new Map();
    return new Map(value.files.flatMap(parseRow));
  } catch {
    return new Map();
  }
}

/**
 * Remembers the files of a label folder as they were just published. To be called with the label locked. Only files that still have the
 * size and the mtime they were published with count; the others are hashed by the next run. It saves time only, so a disk that refuses
 * is a debug event.
 */
export async function rememberSeen(
  rt: Pick<Runtime, 'fs' | 'events'>,
  { stateDir, labelDir }: { stateDir: string; labelDir: string },
  files: readonly Pick<StagedFile, 'path' | 'size' | 'sha256' | 'md5' | 'mtimeMs'>[],
): Promise<void> {
  const looked = await inParallel(files, 8, async ({ path, size, sha256, md5, mtimeMs }): Promise<Row[]> => {
    const stats = await rt.fs.lstat(join(labelDir, path)).catch(() => undefined);
    if (stats === undefined || !stats.isFile() || stats.size !== size || stats.mtimeMs !== mtimeMs) return [];
    return [[path, size, sha256, md5, mtimeMs, stats.ctimeMs, stats.ino]];
  });
  const rows = looked.flat();
  const text = `${canonicalJson({ schema: 1, files: rows })}\n`;
  const path = join(stateDir, SEEN_NAME);
  try {
    if ((await rt.fs.readText(path).catch(() => '')) === text) return;
    await rt.fs.writeWhole(path, text, { durable: false });
  } catch (error) {
    rt.events.emit({ type: 'debug', message: `remembering what was seen: ${String(error)}` });
  }
}

/** Path, size, sha256, md5, mtime, ctime, inode: hundreds of thousands of them are a list, not objects with names. */
type Row = [string, number, string, string, number, number, number];

function parseRow(row: unknown): [string, SeenFile][] {
  if (!Array.isArray(row) || row.length !== 7) return [];
  const [path, size, sha256, md5, mtimeMs, ctimeMs, ino] = row as Row;
  if (![path, sha256, md5].every((text) => typeof text === 'string')) return [];
  if (![size, mtimeMs, ctimeMs, ino].every((number) => typeof number === 'number')) return [];
  return [[path, { size, sha256, md5, mtimeMs, ctimeMs, ino }]];
}
