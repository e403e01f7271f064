import { dirname, join } from 'node:path';
import { isIndexPath, MANIFEST_NAME, SIGNATURE_NAME, SUMS_NAME } from '../../channel/manifest/manifest.js';
import type { LiveFolder } from '../../channel/staged.js';
import type { Runtime } from '../../runtime/runtime.js';
import { hashFile } from '../hash-file.js';
import { removeJournal, writeJournal, type Journal, type UndoPlan } from './journal.js';
import { isArtifactPath, planOperations, subdirOf, type FileToPut } from './operations.js';
import { writeReducedIndexes } from './reduced-index.js';
import { runSwitch, type SwitchProgress } from './switch.js';

/**
 * Copies, below `undo/` in the staging folder, every live file that the switch puts something over, and every index-like file that it
 * removes: with them the folder can be brought back as it was until the first artifact leaves. fsynced.
 */
export async function backUp(
  rt: Runtime,
  {
    stagingDir,
    live,
    files,
    leaving,
  }: { stagingDir: string; live: LiveFolder; files: readonly FileToPut[]; leaving: readonly string[] },
): Promise<UndoPlan> {
  const endangered = [
    ...files.filter((file) => !file.fresh).map((file) => file.path),
    ...leaving.filter((path) => !isArtifactPath(path)),
  ];
  const copies: FileToPut[] = [];
  for (const path of endangered) {
    const was = live.files.get(path);
    if (was === undefined) continue;
    const from = `undo/${path}`;
    const copy = join(stagingDir, from);
    await rt.fs.mkdirp(dirname(copy));
    await rt.fs.copyNew(join(live.dir, path), copy);
    await rt.fs.settle(copy, was.mtimeMs);
    copies.push({
      path,
      from,
      kind: kindOf(path),
      size: was.size,
      sha256: was.sha256,
      mtimeMs: was.mtimeMs,
      fresh: false,
    });
  }
  const added = files.filter((file) => file.fresh).map((file) => file.path);
  return { files: copies, added, newFolder: live.state === 'absent' };
}

/**
 * Brings the label folder back to what it was before `journal`'s switch began. The way back is a switch of its own, with a journal
 * that replaces the old one, so a crash in it is recovered as any other. False, with nothing touched, where there is no way back:
 * artifacts have begun to leave, or a copy is not there any more.
 *
 * After a failed fsync (`durable: false`) no folder is synced again, for a second fsync may succeed though data was lost; the journal
 * stays, so that the next run checks by digest what really is on disk.
 */
export async function undoSwitch(
  rt: Runtime,
  { labelDir, stateDir, stagingDir, journal, durable = true }: UndoOptions,
): Promise<boolean> {
  if (journal.undo === null) return false;
  for (const operation of journal.operations) {
    const leaves = operation.phase === 'leaving-out';
    if (leaves && (await rt.fs.lstat(join(labelDir, operation.path)).catch(() => undefined)) === undefined)
      return false;
  }
  const files: FileToPut[] = [];
  for (const file of journal.undo.files) {
    const now = await hashFile(rt, join(labelDir, file.path));
    if (now?.sha256 === file.sha256) continue;
    if ((await hashFile(rt, join(stagingDir, file.from)))?.sha256 !== file.sha256) return false;
    files.push({ ...file, fresh: now === undefined });
  }
  const leaving: string[] = [];
  for (const path of journal.undo.added) {
    if ((await hashFile(rt, join(labelDir, path))) !== undefined) leaving.push(path);
  }

  const reduced = await reducedOld(rt, stagingDir, files, journal.undo.files);
  const back: Journal = {
    schema: 1,
    purpose: 'undo',
    label: journal.label,
    run: journal.run,
    operations: planOperations({ files, reduced, leaving }),
    undo: null,
    removeFolder: journal.undo.newFolder,
    receipt: null,
  };
  await writeJournal(rt, stateDir, back);
  const progress: SwitchProgress = { syncFailed: false, leaving: false, stuck: [] };
  await runSwitch(rt, { labelDir, stagingDir, durable }, back.operations, progress);
  if (back.removeFolder) await rt.fs.rmdir(labelDir).catch(() => undefined);
  if (durable) await removeJournal(rt, stateDir);
  return true;
}

export interface UndoOptions {
  labelDir: string;
  stateDir: string;
  stagingDir: string;
  journal: Journal;
  durable?: boolean;
}

/** The old indexes without the names whose old bytes are put back. A broken old index named nothing that could be kept true. */
async function reducedOld(
  rt: Runtime,
  stagingDir: string,
  files: readonly FileToPut[],
  old: readonly FileToPut[],
): Promise<FileToPut[]> {
  const names = new Set(files.filter((file) => file.kind === 'artifact' && !file.fresh).map((file) => file.path));
  const subdirs = new Set([...names].map(subdirOf));
  const indexes = old.filter(({ path }) => subdirs.has(subdirOf(path)) && isIndexPath(path));
  try {
    return await writeReducedIndexes(rt, { stagingDir, indexes, names });
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function kindOf(path: string): FileToPut['kind'] {
  if (path === MANIFEST_NAME) return 'manifest';
  if (path === SUMS_NAME) return 'sums';
  if (path === SIGNATURE_NAME) return 'signature';
  return isArtifactPath(path) ? 'artifact' : 'index';
}
