import { plural } from '../../base/plural.js';
import { SILENT } from '../../base/events.js';
import { join } from 'node:path';
import { isRepackError } from '../../base/errors.js';
import { MANIFEST_NAME, type Manifest } from '../../channel/manifest/manifest.js';
import { readManifest } from '../../channel/manifest/read-manifest.js';
import { isThere } from '../../channel/read/list-folder.js';
import { lockLabel } from '../lock/lock.js';
import { labelsWithState, STATE_NAME, type LabelPlace } from '../place/root.js';
import type { Runtime } from '../../runtime/runtime.js';
import { largestFirst, recordedKeep } from './keep-generation.js';
import { generationDir, keptNumbers } from './read-generations.js';
import { isPoolShared, poolDir, pooledFiles, poolPath, type PooledFile } from './pool.js';

export interface Pruned {
  /** What went, or would; no generation that stays complete needs it. */
  gone: PooledFile[];
  /** What stays for earlier generations. */
  stays: { files: number; bytes: number };
  /** Why nothing was looked at, as a clause. */
  skipped?: string;
}

const NOTHING: Pruned = { gone: [], stays: { files: 0, bytes: 0 } };

/**
 * Takes out of the pool what no complete generation of any label needs (design D15). Manifests, indexes and receipts always stay. Nothing is taken
 * while a run shares the pool, nor where a manifest that counts can't be read.
 */
export async function prunePool(
  rt: Runtime,
  root: string,
  { dryRun, waitMs = 0 }: { dryRun: boolean; waitMs?: number },
): Promise<Pruned> {
  if (!(await isThere(rt, poolDir(root)))) return NOTHING;
  if (dryRun) return look(rt, root);
  let lock;
  try {
    // Of labels that are published beside each other one prunes at a time; that the others wait is nobody's business.
    const silent = { ...rt, events: SILENT };
    lock = await lockLabel(silent, { stateDir: poolDir(root), label: 'kept bytes', waitMs, command: 'prune' });
  } catch (error) {
    if (!isRepackError(error) || error.code !== 'E_LOCKED') throw error;
    return { ...NOTHING, skipped: 'another run prunes it' };
  }
  try {
    if (await isPoolShared(rt, root)) return { ...NOTHING, skipped: 'a run gives to it or takes from it' };
    // Counted only now: nobody gives or takes any more.
    const found = await look(rt, root);
    for (const { path } of found.gone) {
      rt.signal.throwIfAborted();
      await lock.assertHeld();
      await rt.fs.unlink(path);
      await rt.reach('prune:taken');
    }
    return found;
  } finally {
    await lock.release();
  }
}

async function look(rt: Runtime, root: string): Promise<Pruned> {
  const needed = await neededBytes(rt, root);
  if (typeof needed === 'string') return { ...NOTHING, skipped: needed };
  const files = await pooledFiles(rt, root);
  const stays = files.filter(({ sha256 }) => needed.has(sha256));
  return {
    gone: files.filter(({ sha256 }) => !needed.has(sha256)),
    stays: { files: stays.length, bytes: stays.reduce((sum, { size }) => sum + size, 0) },
  };
}

/** Digests that the complete generations of all labels name; why they can't be told, as a clause. */
async function neededBytes(rt: Runtime, root: string): Promise<Set<string> | string> {
  const needed = new Set<string>();
  for (const label of await labelsWithState(rt, root)) {
    const place = { labelDir: join(root, label), stateDir: join(root, STATE_NAME, label) };
    for (const generation of await completeNumbers(rt, place)) {
      const file = join(generationDir(place.stateDir, generation), MANIFEST_NAME);
      const kept = await readManifest(rt, file);
      if (kept === undefined) return `${file} can't be read, so nobody can tell what is needed`;
      for (const sha256 of bytesOf(kept.manifest)) needed.add(sha256);
    }
  }
  return needed;
}

/** Numbers of the generations that stay complete: the live one, and the newest before it. Where nobody said how many: all. */
async function completeNumbers(rt: Runtime, place: Pick<LabelPlace, 'labelDir' | 'stateDir'>): Promise<number[]> {
  const keep = await recordedKeep(rt, place.stateDir);
  return largestFirst(await keptNumbers(rt, place.stateDir), await liveNumber(rt, place)).slice(0, keep);
}

async function liveNumber(rt: Runtime, { labelDir }: Pick<LabelPlace, 'labelDir'>): Promise<number | undefined> {
  return (await readManifest(rt, join(labelDir, MANIFEST_NAME)))?.manifest.generation;
}

/** What of a generation the pool can have: packages, and side files as attestations and papers. */
export function bytesOf(manifest: Pick<Manifest, 'files'>): string[] {
  return manifest.files.filter(({ kind }) => kind !== 'index').map(({ sha256 }) => sha256);
}

/** Generations that may have stopped being complete by this publication: one, or some more where a run before could not prune. */
const LOOKED_AT = 5;

/**
 * After a publication: prunes, where a generation that is not complete any more has bytes in the pool. What goes wrong is a matter of room only: a
 * debug event, and the next run or `clean` does it.
 */
export async function pruneAfter(
  rt: Runtime,
  place: Pick<LabelPlace, 'root' | 'labelDir' | 'stateDir'>,
  keep: number,
): Promise<void> {
  try {
    const all = largestFirst(await keptNumbers(rt, place.stateDir), await liveNumber(rt, place));
    for (const generation of all.slice(keep, keep + LOOKED_AT)) {
      const kept = await readManifest(rt, join(generationDir(place.stateDir, generation), MANIFEST_NAME));
      for (const sha256 of kept === undefined ? [] : bytesOf(kept.manifest)) {
        if (!(await isThere(rt, poolPath(place.root, sha256)))) continue;
        const { gone, skipped } = await prunePool(rt, place.root, { dryRun: false, waitMs: 1000 });
        const told = skipped ?? `${plural(gone.length, 'file')} went`;
        rt.events.emit({ type: 'debug', message: `bytes of earlier generations: ${told}` });
        return;
      }
    }
  } catch (error) {
    rt.signal.throwIfAborted();
    rt.events.emit({ type: 'debug', message: `pruning what is kept: ${String(error)}` });
  }
}
