import { dirname, join } from 'node:path';
import { recallFile, type SeenFiles } from '../../channel/read/read-folder.js';
import type { LiveFolder } from '../../channel/staged.js';
import type { Runtime } from '../../runtime/runtime.js';
import { emitFindings } from '../../base/emit-findings.js';
import { isMissing } from '../../base/fs-errors.js';
import { giveBytes, sharePool } from '../generations/pool.js';
import { hashFile } from '../hash-file.js';
import { readSeen } from '../place/seen.js';
import type { Journal } from './journal.js';
import type { Operation } from './operations.js';

/** Whose bytes go where. */
export interface Giving {
  /** ROOT, which has the pool. */
  root: string;
  stateDir: string;
  labelDir: string;
  stagingDir: string;
}

/** Of what the folder has as it was published: the bytes that earlier generations need when it goes, by path. */
export function givenBytes({ manifest }: Pick<LiveFolder, 'manifest'>): Map<string, string> {
  const files = manifest?.files.filter(({ kind }) => kind !== 'index') ?? [];
  return new Map(files.map(({ path, sha256 }) => [path, sha256]));
}

/** Runs `work` while no prune does, where this journal keeps bytes that leave. */
export async function whileGiving<T>(
  rt: Runtime,
  places: Omit<Giving, 'root'>,
  journal: Pick<Journal, 'operations' | 'purpose'>,
  work: (giving: Giving | undefined) => Promise<T>,
): Promise<T> {
  if (!journal.operations.some(({ gives }) => gives !== undefined)) return work(undefined);
  // ROOT/.repackenv/LABEL
  const root = dirname(dirname(places.stateDir));
  const use = await sharePool(rt, root, { job: journal.purpose, stagingDir: places.stagingDir });
  try {
    return await work({ ...places, root });
  } finally {
    await use.release();
  }
}

/**
 * Gives to the pool what these operations are about to remove or replace (design D15): each file whose bytes are what the manifest says, hashed
 * now or seen whole since. Others are named and not kept. Done again after a crash it finds what is there. The folders of the pool are synced.
 */
export async function giveOperations(rt: Runtime, giving: Giving, operations: readonly Operation[]): Promise<void> {
  const touched = new Set<string>();
  let seen: SeenFiles | undefined;
  for (const { path, gives } of operations) {
    if (gives === undefined) continue;
    const file = join(giving.labelDir, path);
    const stats = await rt.fs.lstat(file).catch((error: unknown) => {
      if (!isMissing(error)) throw error;
      return undefined;
    });
    if (stats?.isFile() !== true) continue;
    seen ??= await readSeen(rt, giving.stateDir);
    const now = recallFile(seen.get(path), stats) ?? (await hashFile(rt, file));
    if (now === undefined) continue;
    if (now.sha256 === gives) {
      const aside = join(giving.stagingDir, 'to-pool', gives);
      touched.add(await giveBytes(rt, giving.root, { path: file, sha256: gives, aside }));
      await rt.reach('publish:pooled');
      continue;
    }
    const message = `${path} has other bytes than were published: it is not kept for earlier generations`;
    emitFindings(rt, [{ code: 'bytes-not-kept', message, subject: file, exit: false, warn: true }]);
  }
  for (const folder of touched) await rt.fs.syncDir(folder);
}
