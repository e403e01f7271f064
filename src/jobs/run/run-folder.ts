import path from 'node:path';
import { explainDiskErrorOn } from '../../base/disk-errors.js';
import { codeOf, isMissing } from '../../base/fs-errors.js';
import { canonicalJson } from '../../base/json.js';
import { describeOwner, ownerState, parseOwner } from '../../delivery/lock/lock-owner.js';
import type { LockOwner, OwnerState } from '../../delivery/lock/lock-owner.js';
import type { Runtime } from '../../runtime/runtime.js';

/** In every run folder; without it a folder is never removed. */
const MARKER = 'repackenv-run.json';

/** Folders of runs that were killed. Only our own marked ones, and only those whose process is certainly gone. */
export async function sweepRunFolders(rt: Runtime, cacheDir: string): Promise<void> {
  for (const { folder, state } of await runFolders(rt, cacheDir)) {
    if (state !== 'dead') continue;
    rt.events.emit({ type: 'note', message: `removing what a broken-off run left: ${folder}` });
    await removeRunFolder(rt, folder);
  }
  await sweepUnmarked(rt, path.join(cacheDir, 'runs'));
}

/** A run that was killed before its marker was whole left an empty folder, or one with half a marker. */
async function sweepUnmarked(rt: Runtime, runs: string): Promise<void> {
  for (const entry of await rt.fs.readdir(runs).catch(() => [])) {
    const folder = path.join(runs, entry.name);
    try {
      if (!entry.isDirectory() || rt.clock.now() - (await rt.fs.lstat(folder)).mtimeMs < BEGINNING_MS) continue;
      const names = (await rt.fs.readdir(folder)).map(({ name }) => name);
      const marker = path.join(folder, MARKER);
      if (names.some((name) => name !== MARKER)) continue;
      if (names.length > 0 && parseOwner(await rt.fs.readText(marker)) !== undefined) continue;
      await rt.fs.remove(marker);
      await rt.fs.rmdir(folder);
    } catch {
      // Another run sweeps too, or has something in it now.
    }
  }
}

/** No run takes so long from its folder to its marker. */
const BEGINNING_MS = 10 * 60_000;

/**
 * Never throws: a file that another program holds open must not hide the outcome of the run. The next run, and `clean`, sweep what is left:
 * the marker goes last.
 */
export async function removeRunFolder(rt: Runtime, folder: string): Promise<void> {
  try {
    for (const { name } of await rt.fs.readdir(folder)) {
      if (name !== MARKER) await rt.fs.remove(path.join(folder, name));
    }
    await rt.fs.remove(folder);
  } catch (error) {
    if (isMissing(error)) return;
    rt.events.emit({
      type: 'note',
      message: `left for the next run to clear away: ${folder} (${codeOf(error) ?? ''})`,
    });
  }
}

export interface RunFolder {
  /** Absolute. */
  folder: string;
  owner: LockOwner;
  state: OwnerState;
}

/** The run folders that carry our marker, and whether their run is still at work. */
export async function runFolders(rt: Runtime, cacheDir: string): Promise<RunFolder[]> {
  const runs = path.join(cacheDir, 'runs');
  const found: RunFolder[] = [];
  for (const entry of await rt.fs.readdir(runs).catch(() => [])) {
    const folder = path.join(runs, entry.name);
    const owner = parseOwner(await rt.fs.readText(path.join(folder, MARKER)).catch(() => ''));
    if (owner === undefined) continue;
    found.push({ folder, owner, state: await ownerState(rt, owner, rt.clock.now() - Date.parse(owner.since)) });
  }
  return found;
}

/**
 * A private folder for the run: short path, since conda's files in it have long ones (conda/conda#7203).
 *
 * @throws RepackError E_DISK, E_DISK_FULL
 */
export async function makeRunFolder(rt: Runtime, cacheDir: string, command: string): Promise<string> {
  const folder = path.join(cacheDir, 'runs', rt.machine.randomId());
  const marker = path.join(folder, MARKER);
  try {
    await rt.fs.mkdirp(path.dirname(folder), 0o700);
    await rt.fs.mkdir(folder, 0o700);
    await rt.fs.writeNew(marker, `${canonicalJson(await describeOwner(rt, command), 2)}\n`);
  } catch (error) {
    const doing = 'make the folder of this run in the cache';
    const explained = await explainDiskErrorOn(rt, error, { doing, path: folder, folder: cacheDir });
    // Without its marker nobody would ever remove it.
    await rt.fs.unlink(marker).catch(() => undefined);
    await rt.fs.rmdir(folder).catch(() => undefined);
    throw explained;
  }
  return folder;
}
