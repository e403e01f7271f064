import { RepackError } from '../base/errors.js';
import { parseDistFilename } from '../conda/channel/names.js';
import { subdirFits } from '../conda/record/record-fields.js';
import type { PackageRecord } from '../conda/record/records.js';
import { corrupt } from './corrupt.js';
import { parseIndexJson } from './index-json.js';
import { readInfo } from './read-info.js';
import type { RandomAccessSource } from './source.js';

/** conda-index leaves these out of a record (`conda_index/index/cache.py`). */
const NOT_IN_RECORD = new Set([
  'arch',
  'has_prefix',
  'mtime',
  'platform',
  'ucs',
  'requires_features',
  'binstar',
  'target-triplet',
  'machine',
  'operatingsystem',
]);

const INDEX_JSON = 'info/index.json';

export interface ArtifactIdentity {
  distFilename: string;
  /** Folder that the artifact lies in. Compared with what index.json says, where it says it. */
  subdir?: string | undefined;
  /** Its channel had it there: a noarch package may lie in a platform's folder. */
  published?: boolean;
  /** Of all its bytes, as found when they were taken in. Lower case hex, size in bytes. */
  md5: string;
  sha256: string;
  size: number;
  /** False: every byte and checksum of it has been read already, so `info/` alone is read again. */
  whole?: boolean;
}

/**
 * The record that conda-index would make for an artifact: its `info/index.json` with every key but ten, and digests and
 * size. Only for an artifact that no channel has a record of (design D4), so it is read whole and all its checksums are checked.
 *
 * @throws RepackError E_ARTIFACT_CORRUPT as readInfo, or where index.json is missing or wrong; E_ARTIFACT_MISLABELLED where
 *   name, version, build or subdir inside are not those outside (row F7).
 */
export async function recordFromArtifact(
  source: RandomAccessSource,
  identity: ArtifactIdentity,
): Promise<PackageRecord> {
  const { distFilename, md5, sha256, size, whole = true } = identity;
  const index = await readIndexJson(source, { distFilename, whole });
  refuseMislabelled(index, identity);
  return { ...withoutLocalKeys(index), md5, sha256, size };
}

/**
 * What an artifact says of itself, as a record without digests; read no further than needed. For a comparison with the record its
 * channel publishes, which may have been hotfixed since.
 *
 * @throws RepackError E_ARTIFACT_CORRUPT
 */
export async function ownRecord(source: RandomAccessSource, distFilename: string): Promise<PackageRecord> {
  return withoutLocalKeys(await readIndexJson(source, { distFilename, whole: false }));
}

async function readIndexJson(
  source: RandomAccessSource,
  { distFilename, whole }: { distFilename: string; whole: boolean },
): Promise<PackageRecord> {
  const info = await readInfo(source, { distFilename, wanted: [INDEX_JSON], whole });
  const bytes = info.get(INDEX_JSON);
  if (bytes === undefined) throw corrupt(distFilename, `it has no ${INDEX_JSON}`);
  return parseIndexJson(bytes, distFilename);
}

/** What of an `info/index.json` goes into a record. */
export function withoutLocalKeys(index: PackageRecord): PackageRecord {
  return Object.fromEntries(Object.entries(index).filter(([key]) => !NOT_IN_RECORD.has(key))) as PackageRecord;
}

function refuseMislabelled(index: PackageRecord, { distFilename, subdir, published }: ArtifactIdentity): void {
  const asItLies = published === true && subdir !== undefined && subdirFits(index.subdir, subdir);
  const outside = parseDistFilename(distFilename);
  const pairs = [
    ['name', index.name, outside.name],
    ['version', index.version, outside.version],
    ['build', index.build, outside.build],
    ['subdir', asItLies ? subdir : (index.subdir ?? subdir), subdir],
  ] as const;
  for (const [field, inside, expected] of pairs) {
    if (expected === undefined || inside === expected) continue;
    throw new RepackError('E_ARTIFACT_MISLABELLED', {
      what: `${distFilename} says of itself that its ${field} is "${inside}", not "${expected}"`,
      where: `${distFilename}: ${INDEX_JSON}, field "${field}"`,
      hint: 'A file that was renamed or moved by hand can not be delivered: take the one under its own name, or build it again.',
    });
  }
}
