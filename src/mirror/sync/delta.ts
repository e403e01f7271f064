import { basename, dirname, join } from 'node:path';
import { errnoOf, explainDiskErrorOn } from '../../base/disk-errors.js';
import { RepackError } from '../../base/errors.js';
import { canonicalJson } from '../../base/json.js';
import { MANIFEST_NAME, SIGNATURE_NAME } from '../../channel/manifest/manifest.js';
import type { StoredManifest } from '../../channel/manifest/read-manifest.js';
import type { Runtime } from '../../runtime/runtime.js';

/** Format of `delta.json` in an unpacked delta folder, which `repackenv merge` reads. Paths as in the manifest, sorted. */
export interface DeltaFile {
  schema: 1;
  format: 'repackenv-delta';
  label: string;
  base: { generation: number; manifest_sha256: string } | null;
  generation: number;
  manifest_sha256: string;
  added: string[];
  changed: string[];
  removed: string[];
}

export interface DeltaTask {
  /** Made where it is missing. */
  deltaDir: string;
  /** Folder name in it. */
  name: string;
  /** What the receiver has; undefined: nothing. */
  base: Pick<StoredManifest, 'manifest' | 'sha256'> | undefined;
  target: Pick<StoredManifest, 'manifest' | 'sha256'>;
  /** The published folder that `target` describes; not changed meanwhile. */
  labelDir: string;
}

export interface WrittenDelta {
  dir: string;
  files: number;
  bytes: number;
}

export const DELTA_NAME = 'delta.json';

/** What leads from one manifest to the other. */
export function deltaOf({ base, target }: Pick<DeltaTask, 'base' | 'target'>): DeltaFile {
  const before = new Map((base?.manifest.files ?? []).map((file) => [file.path, file.sha256]));
  const after = new Set(target.manifest.files.map(({ path }) => path));
  const paths = (wanted: (sha256: string, was: string | undefined) => boolean): string[] =>
    target.manifest.files.filter(({ path, sha256 }) => wanted(sha256, before.get(path))).map(({ path }) => path);
  return {
    schema: 1,
    format: 'repackenv-delta',
    label: target.manifest.label,
    base: base === undefined ? null : { generation: base.manifest.generation, manifest_sha256: base.sha256 },
    generation: target.manifest.generation,
    manifest_sha256: target.sha256,
    added: paths((_sha256, was) => was === undefined).sort(),
    changed: paths((sha256, was) => was !== undefined && was !== sha256).sort(),
    removed: [...before.keys()].filter((path) => !after.has(path)).sort(),
  };
}

/**
 * Writes an unpacked delta: `delta.json`, the target's `manifest.json` (with its signature), and the added and changed files under their
 * paths. It appears whole, by a rename; the same delta written before is left as it is.
 *
 * @throws RepackError E_MIRROR_FILE where something else has the name, E_DISK, E_DISK_FULL
 */
export async function writeDelta(rt: Runtime, task: DeltaTask): Promise<WrittenDelta> {
  const { deltaDir, name, target, labelDir } = task;
  const delta = deltaOf(task);
  const dir = join(deltaDir, name);
  const text = `${canonicalJson(delta, 2)}\n`;
  const moved = new Set([...delta.added, ...delta.changed]);
  const files = target.manifest.files.filter(({ path }) => moved.has(path));
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  try {
    await rt.fs.mkdirp(deltaDir);
    if (await isThere(rt, { dir, text })) return { dir, files: files.length, bytes };
    const part = join(deltaDir, `.${name}.part`);
    await rt.fs.remove(part);
    await rt.fs.mkdirp(part);
    for (const folder of new Set(files.map(({ path }) => dirname(path)))) await rt.fs.mkdirp(join(part, folder));
    // Not linked: a delta may be changed or moved by whoever carries it, and the mirror must not notice.
    const signed = await exists(rt, join(labelDir, SIGNATURE_NAME));
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

async function isThere(rt: Runtime, { dir, text }: { dir: string; text: string }): Promise<boolean> {
  const there = await rt.fs.readText(join(dir, DELTA_NAME)).catch((error: unknown) => errnoOf(error));
  if (there === text) return true;
  if (!(await exists(rt, dir))) return false;
  throw new RepackError('E_MIRROR_FILE', {
    what: `The folder for this delta is there already, with something else in it: ${basename(dir)}`,
    where: dir,
    hint: 'Move it away, or choose another delta_dir; the next run writes the delta. The mirror itself is published.',
  });
}

async function exists(rt: Runtime, path: string): Promise<boolean> {
  return rt.fs.lstat(path).then(
    () => true,
    () => false,
  );
}
