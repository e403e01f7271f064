import { basename, dirname, join } from 'node:path';
import { errnoOf, explainDiskErrorOn } from '../../base/disk-errors.js';
import { RepackError } from '../../base/errors.js';
import { MANIFEST_NAME, SIGNATURE_NAME } from '../../channel/manifest/manifest.js';
import { isThere } from '../../channel/read/list-folder.js';
import type { Runtime } from '../../runtime/runtime.js';
import { DELTA_NAME, mediumJson } from '../set/names.js';
import { deltaHeader, type Known } from '../set/changes.js';

export interface DeltaTask {
  /** Made where it is missing. */
  deltaDir: string;
  /** Folder name in it. */
  name: string;
  /** What the receiver has; undefined: nothing. */
  base: Known | undefined;
  target: Known;
  /** The published folder that `target` describes; not changed meanwhile. */
  labelDir: string;
}

export interface WrittenDelta {
  dir: string;
  files: number;
  bytes: number;
}

/**
 * Writes an unpacked delta: `delta.json`, the target's `manifest.json` (with its signature), and the added and changed files under their
 * paths. It appears whole, by a rename; the same delta written before is left as it is.
 *
 * @throws RepackError E_MIRROR_FILE where something else has the name, E_DISK, E_DISK_FULL
 */
export async function writeDelta(rt: Runtime, task: DeltaTask): Promise<WrittenDelta> {
  const { deltaDir, name, base, target, labelDir } = task;
  const delta = deltaHeader(base, target);
  const dir = join(deltaDir, name);
  const text = Buffer.from(mediumJson(delta)).toString('utf8');
  const moved = new Set([...delta.added, ...delta.changed]);
  const files = target.manifest.files.filter(({ path }) => moved.has(path));
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  try {
    await rt.fs.mkdirp(deltaDir);
    if (await isWritten(rt, { dir, text })) return { dir, files: files.length, bytes };
    const part = join(deltaDir, `.${name}.part`);
    await rt.fs.remove(part);
    await rt.fs.mkdirp(part);
    for (const folder of new Set(files.map(({ path }) => dirname(path)))) await rt.fs.mkdirp(join(part, folder));
    // Not linked: a delta may be changed or moved by whoever carries it, and the mirror must not notice.
    const signed = await isThere(rt, join(labelDir, SIGNATURE_NAME));
    for (const path of [...files.map((file) => file.path), MANIFEST_NAME, ...(signed ? [SIGNATURE_NAME] : [])]) {
      rt.signal.throwIfAborted();
      await rt.fs.copyNew(join(labelDir, path), join(part, path));
      const { mtimeMs } = await rt.fs.lstat(join(labelDir, path));
      await rt.fs.utimes(join(part, path), mtimeMs, mtimeMs);
    }
    await rt.fs.writeFile(join(part, DELTA_NAME), text, 0o644);
    await rt.fs.rename(part, dir);
    await rt.fs.syncDir(deltaDir);
    return { dir, files: files.length, bytes };
  } catch (error) {
    throw await explainDiskErrorOn(rt, error, {
      doing: 'write the delta; the mirror itself is published',
      path: dir,
      folder: deltaDir,
      needed: bytes,
    });
  }
}

async function isWritten(rt: Runtime, { dir, text }: { dir: string; text: string }): Promise<boolean> {
  const there = await rt.fs.readText(join(dir, DELTA_NAME)).catch((error: unknown) => errnoOf(error));
  if (there === text) return true;
  if (!(await isThere(rt, dir))) return false;
  throw new RepackError('E_MIRROR_FILE', {
    what: `The folder for this delta is there already, with something else in it: ${basename(dir)}`,
    where: dir,
    hint: 'Move it away, or choose another delta_dir; the next run writes the delta. The mirror itself is published.',
  });
}
