import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { digest, writeIndex } from '../../scripts/lib/sample-upstream.js';

type Index = Record<'packages' | 'packages.conda', Record<string, Record<string, unknown>>>;

/** Publishes other bytes under the name of a package, in the subdir folder of a channel: file and index, as a careless upload does. */
export async function replaceArtifact(folder: string, fn: string, bytes: Uint8Array): Promise<void> {
  const index = JSON.parse(readFileSync(join(folder, 'repodata.json'), 'utf8')) as Index;
  const records = fn in index.packages ? index.packages : index['packages.conda'];
  records[fn] = { ...records[fn], size: bytes.length, sha256: digest('sha256', bytes), md5: digest('md5', bytes) };
  // Samples may share a file between channels by a hard link.
  rmSync(join(folder, fn));
  writeFileSync(join(folder, fn), bytes);
  await writeIndex(folder, index, ['json', 'zst', 'bz2']);
}
