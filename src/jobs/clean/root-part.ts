import { append } from '../../base/append.js';
import path from 'node:path';
import { RepackError, isRepackError } from '../../base/errors.js';
import { MANIFEST_NAME, sideFoldersOf } from '../../channel/manifest/manifest.js';
import type { Manifest } from '../../channel/manifest/manifest.js';
import { readManifest } from '../../channel/manifest/read-manifest.js';
import { readIndex } from '../../channel/read/folder-source.js';
import { isFolder, listFolder } from '../../channel/read/list-folder.js';
import { splitPath } from '../../conda/channel/names.js';
import type { LiveFile } from '../../channel/staged.js';
import { withLockedLabel } from '../../delivery/place/locked-label.js';
import { lockHolder } from '../../delivery/lock/lock-peek.js';
import { OWNER_NAME, parseOwner } from '../../delivery/lock/lock-owner.js';
import { poolDir } from '../../delivery/generations/pool.js';
import { prunePool, type Pruned } from '../../delivery/generations/prune.js';
import { deliverIndexes } from '../../delivery/deliver.js';
import { STATE_NAME } from '../../delivery/place/root.js';
import type { LabelPlace } from '../../delivery/place/root.js';
import { STAGING_NAME } from '../../delivery/stage/staging.js';
import { isSiteFile } from '../../site/names.js';
import type { Runtime } from '../../runtime/runtime.js';
import { sizesOf } from './items.js';
import type { FoundItem, Sizes } from './items.js';

export interface RootPart {
  items: FoundItem[];
  skipped: string[];
  /** What is kept for earlier generations, and stays. */
  kept: Pruned['stays'];
}

/**
 * What of a ROOT goes: files in label folders that neither manifest nor index names, and staging folders of broken-off runs. Each label
 * under its own lock; one that is at work is left alone. Files and receipts of labels that are gone are named only. Folders without our
 * manifest and our state folder are not looked at.
 *
 * Throws E_ROOT where there is no state folder of ours.
 */
export async function cleanRoot(
  rt: Runtime,
  { root: typed, dryRun }: { root: string; dryRun: boolean },
): Promise<RootPart> {
  const root = await rt.fs.realpath(typed).catch(() => typed);
  const state = path.join(root, STATE_NAME);
  const entries = await rt.fs.readdir(state).catch(() => undefined);
  if (entries === undefined) {
    throw new RepackError('E_ROOT', {
      what: `This is no ROOT of ours: it has no ${STATE_NAME} folder`,
      where: root,
      hint: 'Give the folder that holds the label folders. Nothing was touched.',
    });
  }
  const part: RootPart = { items: [], skipped: [], kept: { files: 0, bytes: 0 } };
  const folders = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'));
  for (const label of folders.map(({ name }) => name)) {
    const place = { label, root, labelDir: path.join(root, label), stateDir: path.join(state, label), created: false };
    if (!(await isFolder(rt, place.labelDir))) await lostLabel(rt, place, part);
    else await cleanLabel(rt, { place, dryRun, part });
  }
  await cleanPool(rt, { root, dryRun, part });
  return part;
}

/** Bytes of generations that need not stay complete. Manifests, indexes and receipts of all stay. */
async function cleanPool(
  rt: Runtime,
  { root, dryRun, part }: { root: string; dryRun: boolean; part: RootPart },
): Promise<void> {
  const look = await prunePool(rt, root, { dryRun: true });
  const sizes = new Map<string, Sizes>();
  for (const { path: file } of look.gone) sizes.set(file, await sizesOf(rt, file));
  const { gone, stays, skipped } = dryRun ? look : await prunePool(rt, root, { dryRun });
  const why = 'no generation that stays complete needs it';
  for (const { path: file, size } of gone) {
    const found = sizes.get(file) ?? { size, frees: size, shared: [] };
    part.items.push({ kind: 'kept', path: file, ...found, why, removes: true });
  }
  part.kept = stays;
  if (skipped !== undefined) part.skipped.push(`${poolDir(root)}: ${skipped}`);
}

async function cleanLabel(
  rt: Runtime,
  { place, dryRun, part }: { place: LabelPlace; dryRun: boolean; part: RootPart },
): Promise<void> {
  if (dryRun) {
    const holder = await lockHolder(rt, place.stateDir);
    if (holder === undefined) append(part.items, await leftStaging(rt, place), (await unnamed(rt, place)).items);
    else part.skipped.push(`${place.labelDir}: ${holder.command}, pid ${holder.pid} on ${holder.host}, is at work`);
    return;
  }
  const beforeRecovery = async (): Promise<void> => append(part.items, await leftStaging(rt, place));
  try {
    await withLockedLabel(rt, { place, job: 'clean', waitLockMs: 0, beforeRecovery }, async (lock) => {
      const { items, files } = await unnamed(rt, place);
      append(part.items, items);
      if (files.size === 0) return;
      const live = {
        dir: place.labelDir,
        state: 'ours' as const,
        manifest: undefined,
        manifestSha256: undefined,
        files,
        strangers: [],
      };
      await deliverIndexes(rt, { job: 'clean', indexes: [], leaving: [...files.keys()] }, { place, lock, live });
    });
  } catch (error) {
    if (!isRepackError(error) || !['E_LOCKED', 'E_RECOVERY'].includes(error.code)) throw error;
    part.skipped.push(`${place.labelDir}: ${error.what}`);
  }
}

/** Staging folders that carry our marker; nobody is at work on this label. */
async function leftStaging(rt: Runtime, { stateDir }: LabelPlace): Promise<FoundItem[]> {
  const folder = path.join(stateDir, STAGING_NAME);
  const items: FoundItem[] = [];
  for (const { name } of await rt.fs.readdir(folder).catch(() => [])) {
    const dir = path.join(folder, name);
    if (parseOwner(await rt.fs.readText(path.join(dir, OWNER_NAME)).catch(() => '')) === undefined) continue;
    items.push({ kind: 'staging', path: dir, ...(await sizesOf(rt, dir)), why: 'its run broke off', removes: true });
  }
  return items;
}

/** Files below the subdirs that neither the manifest nor the index beside them names. Nothing where there is no manifest to go by. */
async function unnamed(
  rt: Runtime,
  { labelDir, label }: LabelPlace,
): Promise<{ items: FoundItem[]; files: Map<string, LiveFile> }> {
  const files = new Map<string, LiveFile>();
  const items: FoundItem[] = [];
  const manifest = (await readManifest(rt, path.join(labelDir, MANIFEST_NAME)))?.manifest;
  if (manifest?.label !== label) return { items, files };
  const named = new Set(manifest.files.map((file) => file.path));
  const listing = await listFolder(rt, labelDir, { manifest });
  for (const folder of [...manifest.subdirs, ...sideFoldersOf(manifest)]) {
    const indexed = await namedByIndex(rt, labelDir, folder, manifest);
    if (indexed === undefined) continue;
    for (const name of listing.paths) {
      const [within, fn] = splitPath(name);
      if (within !== folder || named.has(name) || indexed.has(fn)) continue;
      const file = path.join(labelDir, name);
      const stats = await rt.fs.lstat(file);
      files.set(name, { size: stats.size, mtimeMs: stats.mtimeMs, sha256: '', md5: '' });
      const why = 'neither the manifest nor an index names it';
      items.push({ kind: 'label-file', path: file, ...(await sizesOf(rt, file)), why, removes: true });
    }
  }
  return { items, files };
}

/** What the index on disk names, which somebody may have written since. Undefined: it can't be read, so nothing there is judged. */
async function namedByIndex(
  rt: Runtime,
  labelDir: string,
  folder: string,
  manifest: Manifest,
): Promise<Set<string> | undefined> {
  if (!manifest.subdirs.includes(folder)) return new Set();
  const index = await readIndex(rt, labelDir, folder).catch(() => undefined);
  return index === undefined ? undefined : new Set(index.allFilenames());
}

/** Receipts, and what lies beside where a label folder was. Nothing where its first run is at work. */
async function lostLabel(rt: Runtime, { label, root, stateDir, labelDir }: LabelPlace, part: RootPart): Promise<void> {
  const holder = await lockHolder(rt, stateDir);
  if (holder !== undefined) {
    const who = `${holder.command}, pid ${holder.pid} on ${holder.host}`;
    part.skipped.push(`${labelDir}: ${who}, is at work on its first delivery`);
    return;
  }
  const why = `label ${label} has no folder any more; remove it yourself if it is gone for good`;
  const beside = (await rt.fs.readdir(root).catch(() => []))
    .filter((entry) => entry.isFile() && isSiteFile(label, entry.name))
    .map(({ name }) => path.join(root, name));
  for (const each of [stateDir, ...beside]) {
    const told = each === stateDir ? `label ${label} has no folder any more; this is its history` : why;
    part.items.push({ kind: 'lost-label', path: each, ...(await sizesOf(rt, each)), why: told, removes: false });
  }
}
