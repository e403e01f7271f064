import { join } from 'node:path';
import { piecesOf } from '../../codec/digests.js';
import { errnoOf } from '../../base/disk-errors.js';
import { RepackError } from '../../base/errors.js';
import { isOwnRootFile, MANIFEST_NAME, SIGNATURE_NAME } from '../../channel/manifest/manifest.js';
import { isThere, listFolder } from '../../channel/read/list-folder.js';
import { hashFiles } from '../../channel/read/read-folder.js';
import type { Runtime } from '../../runtime/runtime.js';
import { noFolder, refuseOdd } from '../folder-errors.js';
import {
  checkedContent,
  contradictionIn,
  isKept,
  type ContentFile,
  type SetContent,
  type SetHeader,
} from '../set/content.js';
import { parseDeltaHeader } from '../set/headers.js';
import { DELTA_NAME } from '../set/names.js';
import { readTarget, type Target } from '../set/target.js';

export interface DeltaFolder {
  header: SetHeader;
  content: SetContent;
  /** A signature is carried. */
  signed: boolean;
}

/** Whether the folder is an unpacked delta, as a mirror with `delta: true` writes it. */
export async function isDeltaFolder(rt: Pick<Runtime, 'fs'>, dir: string): Promise<boolean> {
  return isThere(rt, join(dir, DELTA_NAME));
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
    throw errnoOf(error) === 'ENOENT' ? refused(manifestPath, `it has no ${MANIFEST_NAME}`) : error;
  });
  const signature = await rt.fs.readFile(join(dir, SIGNATURE_NAME)).catch(() => undefined);
  const target = readTarget({ bytes, signature, where: manifestPath });
  const contradiction = contradictionIn(delta, target);
  if (contradiction !== undefined) throw refused(where, contradiction);
  const paths = [...delta.added, ...delta.changed].sort();
  await checkFiles(rt, { dir, paths, target });
  const kept = new Map<string, Uint8Array>();
  for (const path of paths.filter(isKept)) kept.set(path, await rt.fs.readFile(join(dir, path)));
  const moved = new Set(paths);
  const content = await checkedContent({
    target,
    kept,
    where: dir,
    has: (path) => moved.has(path),
    walk: (wanted) =>
      walkFolder(
        rt,
        dir,
        paths.filter((path) => wanted.has(path)),
      ),
  });
  return { header: { ...delta, name, subdirs: target.manifest.subdirs }, content, signed: signature !== undefined };
}

/** These files and no others are there, with the manifest's bytes. */
async function checkFiles(
  rt: Runtime,
  { dir, paths, target }: { dir: string; paths: readonly string[]; target: Target },
): Promise<void> {
  const listing = await listFolder(rt, dir, { manifest: target.manifest }).catch((error: unknown) => {
    throw noFolder(dir, error);
  });
  refuseOdd(listing, { all: true });
  const there = new Set(listing.paths);
  const named = new Set([...paths, DELTA_NAME]);
  const other = [...there, ...listing.strangers].find((path) => !named.has(path) && !isOwnRootFile(path));
  if (other !== undefined) throw refused(join(dir, other), `it holds ${other}, which ${DELTA_NAME} does not name`);
  const hashed = await hashFiles(rt, { dir, paths: paths.filter((path) => there.has(path)) }, { stated: target.files });
  const problems = paths.flatMap((path) => {
    if (!there.has(path)) return [`${path}: missing`];
    if (hashed.get(path)!.sha256 === target.files.get(path)!.sha256) return [];
    return [`${path}: damaged, other bytes than the manifest says`];
  });
  if (problems.length === 0) return;
  throw new RepackError('E_MEDIUM', {
    what: `The delta folder is not whole: ${problems.length === 1 ? problems[0] : `${problems.length} files are missing or damaged`}`,
    where: dir,
    hint: 'Copy these files from their source again. Nothing was changed.',
    details: problems.length === 1 ? [] : problems.slice(0, 40),
  });
}

/** No symbolic link is followed. */
async function* walkFolder(rt: Runtime, dir: string, wanted: readonly string[]): AsyncGenerator<ContentFile> {
  for (const path of wanted) {
    const handle = await rt.fs.openNoFollow(join(dir, path));
    try {
      yield { path, content: piecesOf(handle) };
    } finally {
      await handle.close();
    }
  }
}

function refused(where: string, problem: string): RepackError {
  return new RepackError('E_MEDIUM', {
    what: `The delta folder can't be used: ${problem}`,
    where,
    hint: 'Nothing was changed. Copy the folder from its source again, whole.',
  });
}
