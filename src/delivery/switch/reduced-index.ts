import { join } from 'node:path';
import { bzip2Compress } from '../../codec/bzip2.js';
import { digestsOf } from '../../codec/digests.js';
import { FAST_ZSTD_LEVEL, zstdCompress } from '../../codec/zstd.js';
import { canonicalJson } from '../../base/json.js';
import type { Runtime } from '../../runtime/runtime.js';
import { subdirOf, type FileToPut } from './operations.js';

/**
 * Writes, below `reduced/` in the staging folder, each of `indexes` without the artifacts of `names` (paths relative to the label
 * folder), for the moment in which those artifacts change their bytes (design D6, `--replace`). `from` of an index names its staged
 * file. Only `repodata.json`, `.zst` and `.bz2` can be asked for: that is what this program writes. fsynced.
 */
export async function writeReducedIndexes(
  rt: Runtime,
  { stagingDir, indexes, names }: { stagingDir: string; indexes: readonly FileToPut[]; names: ReadonlySet<string> },
): Promise<FileToPut[]> {
  const plain = new Map<string, Uint8Array>();
  const reduced: FileToPut[] = [];
  for (const index of indexes) {
    const subdir = subdirOf(index.path);
    const json = plain.get(subdir) ?? (await reduceIndex(rt, { stagingDir, from: plainOf(index.from), subdir, names }));
    plain.set(subdir, json);
    const bytes = await encode(json, index.path);
    const from = `reduced/${index.path}`;
    await rt.fs.mkdirp(join(stagingDir, 'reduced', subdir));
    await rt.fs.writeFile(join(stagingDir, from), bytes, 0o644);
    await rt.fs.settle(join(stagingDir, from), index.mtimeMs);
    const { size, sha256 } = digestsOf(bytes);
    reduced.push({ ...index, from, size, sha256 });
  }
  return reduced;
}

async function reduceIndex(
  rt: Runtime,
  { stagingDir, from, subdir, names }: { stagingDir: string; from: string; subdir: string; names: ReadonlySet<string> },
): Promise<Uint8Array> {
  const repodata = JSON.parse(await rt.fs.readText(join(stagingDir, from))) as Record<string, unknown>;
  for (const key of ['packages', 'packages.conda']) {
    const records = repodata[key];
    if (typeof records !== 'object' || records === null) continue;
    repodata[key] = Object.fromEntries(Object.entries(records).filter(([fn]) => !names.has(`${subdir}/${fn}`)));
  }
  return Buffer.from(canonicalJson(repodata));
}

function plainOf(path: string): string {
  return path.replace(/\.(zst|bz2)$/, '');
}

async function encode(json: Uint8Array, path: string): Promise<Uint8Array> {
  if (path.endsWith('.zst')) return zstdCompress(json, FAST_ZSTD_LEVEL);
  return path.endsWith('.bz2') ? bzip2Compress(json) : json;
}
