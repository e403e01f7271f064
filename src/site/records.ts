import { join } from 'node:path';
import { INDEX_NAMES } from '../channel/manifest/manifest.js';
import type { Manifest } from '../channel/manifest/manifest.js';
import { scanRepodata } from '../conda/record/repodata-scan.js';
import type { Runtime } from '../runtime/runtime.js';
import type { SiteRecord } from './choose.js';

/**
 * The records that {@link makeSiteFiles} needs, out of a channel folder's own indexes. Those of a mirror are parsed as they are asked for,
 * and not kept.
 * Throws E_REPODATA, and what reading throws.
 */
export async function readSiteRecords(
  rt: Pick<Runtime, 'fs'>,
  { dir, manifest }: { dir: string; manifest: Manifest },
): Promise<SiteRecord[]> {
  const records: SiteRecord[] = [];
  for (const subdir of manifest.subdirs) {
    const path = join(dir, subdir, INDEX_NAMES[0]);
    const index = scanRepodata(await rt.fs.readFile(path), path, { subdir });
    for (const fn of index.allFilenames()) {
      const read = (): SiteRecord['record'] => index.record(fn)!;
      records.push(
        manifest.specs.length > 0
          ? { subdir, fn, record: read() }
          : {
              subdir,
              fn,
              get record() {
                return read();
              },
            },
      );
    }
  }
  return records;
}
