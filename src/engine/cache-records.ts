import { join } from 'node:path';
import { objectIn } from '../base/json.js';
import { parseDistFilename } from '../conda/channel/names.js';
import { recordOfCache } from '../conda/record/cache-record.js';
import type { PackageRecord, PrefixRecord } from '../conda/record/records.js';
import type { FileSystem } from '../runtime/fs.js';

const MAX_BYTES = 4 * 1024 * 1024;

/**
 * The record that conda keeps beside an extracted package (`info/repodata_record.json`, 4.4 and later), where it is about the very
 * artifact that is installed: second best after the channel's (design D4), freed from what conda added to it.
 */
export async function recordFromCaches(
  fs: FileSystem,
  caches: readonly string[],
  installed: Pick<PrefixRecord, 'fn' | 'name' | 'version' | 'build' | 'md5' | 'sha256'>,
): Promise<PackageRecord | undefined> {
  const { stem } = parseDistFilename(installed.fn);
  for (const cache of caches) {
    const info = join(cache, stem, 'info');
    const record = await readJson(fs, join(info, 'repodata_record.json'));
    if (record === undefined || !isSame(record, installed)) continue;
    // A cached record of the same build in the other format has other digests; one without fn is told by them.
    if (record['fn'] !== undefined && record['fn'] !== installed.fn) continue;
    const own = (await readJson(fs, join(info, 'index.json')))?.['depends'];
    // mamba 2.1.1 to 2.3.2 wrote records without any needs when it installed from a lock (mamba-org/mamba#4052).
    if ((record['depends'] as unknown[]).length === 0 && Array.isArray(own) && own.length > 0) continue;
    return recordOfCache(record as PackageRecord, own);
  }
  return undefined;
}

function isSame(
  record: Record<string, unknown>,
  installed: Pick<PrefixRecord, 'name' | 'version' | 'build' | 'md5' | 'sha256'>,
): boolean {
  const { name, version, build, md5, sha256 } = installed;
  if (record['name'] !== name || record['version'] !== version || record['build'] !== build) return false;
  if (!Array.isArray(record['depends']) || typeof record['build_number'] !== 'number') return false;
  const same = (mine: string | undefined, other: unknown): boolean | undefined =>
    mine === undefined || typeof other !== 'string' ? undefined : mine === other.toLowerCase();
  return same(sha256, record['sha256']) ?? same(md5, record['md5']) ?? false;
}

async function readJson(fs: FileSystem, path: string): Promise<Record<string, unknown> | undefined> {
  try {
    if ((await fs.stat(path)).size > MAX_BYTES) return undefined;
    return objectIn(await fs.readText(path));
  } catch {
    return undefined;
  }
}
