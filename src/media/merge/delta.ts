import { join } from 'node:path';
import { digestsOfFile } from '../../codec/digests.js';
import { errnoOf } from '../../base/disk-errors.js';
import { RepackError } from '../../base/errors.js';
import { isOwnRootFile, MANIFEST_NAME, SIGNATURE_NAME } from '../../channel/manifest/manifest.js';
import { inParallel } from '../../base/parallel.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { ContentFile, Delivery } from '../import/check.js';
import { checkIndexes } from '../import/indexes.js';
import type { Claim } from '../import/judge.js';
import { readTarget, type Target } from '../import/target.js';
import { DELTA_NAME, deltaRefused, parseDeltaHeader } from '../medium/format.js';
import { contentOfFile, listFiles } from './files.js';

export interface DeltaFolder {
  claim: Claim;
  delivery: Delivery;
  /** A signature is carried. */
  signed: boolean;
}

/** Whether the folder is an unpacked delta, as a mirror with `delta: true` writes it. */
export async function isDeltaFolder(rt: Pick<Runtime, 'fs'>, dir: string): Promise<boolean> {
  return rt.fs.lstat(join(dir, DELTA_NAME)).then(
    () => true,
    () => false,
  );
}

/**
 * Reads an unpacked delta: `delta.json`, the target's manifest, and every added and changed file to its end. Nothing in it is followed, and a
 * file that the delta does not name is refused.
 *
 * @throws RepackError E_MEDIUM, E_ARCHIVE_MEMBER
 */
export async function readDeltaFolder(rt: Runtime, { dir, name }: { dir: string; name: string }): Promise<DeltaFolder> {
  const where = join(dir, DELTA_NAME);
  const delta = parseDeltaHeader(await rt.fs.readFile(where), where);
  const manifestPath = join(dir, MANIFEST_NAME);
  const bytes = await rt.fs.readFile(manifestPath).catch((error: unknown) => {
    throw errnoOf(error) === 'ENOENT' ? deltaRefused(manifestPath, `it has no ${MANIFEST_NAME}`) : error;
  });
  const signature = await rt.fs.readFile(join(dir, SIGNATURE_NAME)).catch(() => undefined);
  const target = readTarget({ bytes, signature, where: manifestPath });
  if (target.sha256 !== delta.manifest_sha256)
    throw deltaRefused(manifestPath, `${MANIFEST_NAME} is not the one that it was made for`);
  if (target.manifest.label !== delta.label || target.manifest.generation !== delta.generation) {
    throw deltaRefused(where, 'label or generation are not those of the manifest');
  }
  const moved = new Set([...delta.added, ...delta.changed]);
  const removed = delta.removed.find((path) => target.files.has(path));
  if (removed !== undefined) throw deltaRefused(where, `${removed} is to be removed and is in the manifest`);
  await refuseOtherFiles(rt, dir, moved);
  await checkFiles(rt, { dir, paths: [...moved].sort(), target });
  const indexes = await readIndexes(rt, dir, moved);
  await checkIndexes({ target, indexes, where: dir });
  const { base } = delta;
  return {
    claim: {
      name,
      generation: delta.generation,
      manifestSha256: delta.manifest_sha256,
      base,
      subdirs: target.manifest.subdirs,
    },
    delivery: {
      target,
      has: (path) => moved.has(path),
      walk: (wanted) => walkFolder(rt, dir, [...moved].filter((path) => wanted.has(path)).sort()),
      indexes: new Map([...indexes].filter(([path]) => path.endsWith('.json'))),
    },
    signed: signature !== undefined,
  };
}

async function refuseOtherFiles(rt: Runtime, dir: string, moved: ReadonlySet<string>): Promise<void> {
  const there = await listFiles(rt, dir, { strict: true });
  const other = there.find((path) => !moved.has(path) && path !== DELTA_NAME && !isOwnRootFile(path));
  if (other !== undefined) throw deltaRefused(join(dir, other), `it holds ${other}, which ${DELTA_NAME} does not name`);
}

async function checkFiles(
  rt: Runtime,
  { dir, paths: wanted, target }: { dir: string; paths: readonly string[]; target: Target },
): Promise<void> {
  const problems = await inParallel(wanted, 4, async (path) => {
    const file = target.files.get(path);
    if (file === undefined) return `${path}: not in the manifest`;
    const handle = await rt.fs.openNoFollow(join(dir, path)).catch((error: unknown) => {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw error;
    });
    if (handle === undefined) return `${path}: missing`;
    try {
      const found = await digestsOfFile(handle, { stated: file, onPiece: () => rt.signal.throwIfAborted() });
      return found.sha256 === file.sha256 ? undefined : `${path}: damaged, other bytes than the manifest says`;
    } finally {
      await handle.close();
    }
  });
  const told = problems.filter((problem) => problem !== undefined);
  if (told.length === 0) return;
  throw new RepackError('E_MEDIUM', {
    what: `The delta folder is not whole: ${told.length === 1 ? told[0] : `${told.length} files are missing or damaged`}`,
    where: dir,
    hint: 'Copy these files from their source again. Nothing was changed.',
    details: told.length === 1 ? [] : told.slice(0, 40),
  });
}

async function readIndexes(rt: Runtime, dir: string, moved: ReadonlySet<string>): Promise<Map<string, Uint8Array>> {
  const indexes = new Map<string, Uint8Array>();
  for (const path of moved)
    if (path.includes('/repodata.json')) indexes.set(path, await rt.fs.readFile(join(dir, path)));
  return indexes;
}

async function* walkFolder(rt: Runtime, dir: string, wanted: readonly string[]): AsyncGenerator<ContentFile> {
  for (const path of wanted) yield { path, content: contentOfFile(rt, join(dir, path)) };
}
