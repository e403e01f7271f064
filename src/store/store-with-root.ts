import { join } from 'node:path';
import { MANIFEST_NAME } from '../channel/manifest/manifest.js';
import { readManifest } from '../channel/manifest/read-manifest.js';
import { isMissing } from '../base/fs-errors.js';
import type { ArtifactStore, ExpectedDigest, StoredFile } from '../conda/plan/artifact-store.js';
import type { Runtime } from '../runtime/runtime.js';
import { takeFile } from './package-cache.js';

export interface RootPlaces {
  /** ROOT, whose folders are channels: labels and mirrors. */
  root: string;
  /** Where ROOT keeps the bytes of earlier generations: `<pool>/AB/SHA256`. */
  pool: string;
}

/**
 * The store, and behind it what lies on this machine already: what `find` misses is taken in from ROOT's pool or from a channel folder
 * below ROOT that has a file of that name and size. Only the bytes of the expected digest are taken, hashed as they are written
 * (design D5), so a file counts for what is in it, whoever laid it there. What is damaged or altered is told, left as it is, and
 * passed over.
 *
 * `find` throws RepackError E_DISK, E_DISK_FULL when the store can't be written to; the signal's reason when aborted
 */
export function storeWithRoot(rt: Runtime, store: ArtifactStore, { root, pool }: RootPlaces): ArtifactStore {
  const told = new Set<string>();
  let folders: Promise<string[]> | undefined;

  const take = async (path: string, expected: ExpectedDigest, isMeant: () => Promise<boolean>) => {
    const answer = await takeFile(rt, { path, expected, store });
    if (answer.kind === 'stored') return answer.file;
    if (answer.kind === 'refused' && !told.has(path) && (await isMeant())) {
      told.add(path);
      const message = `${path} was not used: it is damaged or was altered: ${answer.reason}`;
      rt.events.emit({ type: 'warning', message });
    }
    return undefined;
  };

  const fromRoot = async (
    expected: ExpectedDigest,
    { subdir, fn }: { subdir: string; fn: string },
  ): Promise<StoredFile | undefined> => {
    const { sha256, md5 } = expected;
    if (sha256 !== undefined && /^[0-9a-f]{64}$/.test(sha256)) {
      const kept = await take(join(pool, sha256.slice(0, 2), sha256), expected, async () => true);
      if (kept !== undefined) return kept;
    }
    for (const folder of await (folders ??= foldersBelow(rt, root))) {
      // Another file of the same name is no damage: a channel may have replaced it since.
      const isMeant = async (): Promise<boolean> => {
        const found = await readManifest(rt, join(folder, MANIFEST_NAME));
        const stated = found?.manifest.files.find(({ path }) => path === `${subdir}/${fn}`);
        return stated !== undefined && (sha256 === undefined ? stated.md5 === md5 : stated.sha256 === sha256);
      };
      const taken = await take(join(folder, subdir, fn), expected, isMeant);
      if (taken !== undefined) return taken;
    }
    return undefined;
  };

  return {
    ...store,
    find: async (expected, named) =>
      (await store.find(expected)) ?? (named === undefined ? undefined : await fromRoot(expected, named)),
  };
}

/** Those directly below ROOT, but not its state folder's content; none where it can't be listed. */
export async function foldersBelow(rt: Runtime, root: string): Promise<string[]> {
  try {
    const entries = await rt.fs.readdir(root);
    const names = entries.flatMap((entry) => (entry.isDirectory() ? [entry.name] : [])).sort();
    return names.map((name) => join(root, name));
  } catch (error) {
    if (!isMissing(error))
      rt.events.emit({ type: 'debug', message: `looking for artifacts in ${root}: ${String(error)}` });
    return [];
  }
}
