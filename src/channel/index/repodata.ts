import { sha256Of } from '../../codec/digests.js';
import { RepackError } from '../../base/errors.js';
import { canonicalJson, type JsonValue } from '../../base/json.js';
import type { AcquiredArtifact } from '../../conda/plan/plan.js';
import type { PackageRecord } from '../../conda/record/records.js';

/** What an index needs of an artifact. */
export type IndexedArtifact = Pick<AcquiredArtifact, 'fn' | 'subdir' | 'origin' | 'record'>;

/** conda writes these into `repodata_record.json`; a channel's index has none of them. `url` may hold a token. */
const CACHE_KEYS = new Set(['url', 'channel', 'fn', 'schannel', 'package_type', 'arch', 'platform']);

/**
 * `repodata.json` of one subdir, byte for byte as conda-index writes it: keys sorted, compact, no line feed at the end. A function of the
 * artifacts alone: neither their order nor clock, host or engine show. Records are the upstream's with every key (design D4).
 *
 * @throws RepackError E_RECORD where a number of a record would not survive being written
 */
export function buildRepodata(subdir: string, artifacts: readonly IndexedArtifact[]): Uint8Array {
  const own = artifacts.filter((artifact) => artifact.subdir === subdir);
  const records = (format: string): Uint8Array[] => recordMembers(own.filter(({ fn }) => fn.endsWith(format)));
  return Buffer.concat([
    Buffer.from(`{"info":${canonicalJson({ subdir })},"packages":{`),
    ...records('.tar.bz2'),
    Buffer.from('},"packages.conda":{'),
    ...records('.conda'),
    Buffer.from('},"removed":[],"repodata_version":1}'),
  ]);
}

/** Written one by one: the whole of a large channel as a value and as a text takes gigabytes. */
function recordMembers(artifacts: readonly IndexedArtifact[]): Uint8Array[] {
  const sorted = artifacts.toSorted((a, b) => (a.fn < b.fn ? -1 : 1));
  return sorted.map((artifact, index) =>
    Buffer.from(`${index === 0 ? '' : ','}${JSON.stringify(artifact.fn)}:${canonicalJson(indexRecord(artifact))}`),
  );
}

/**
 * The record as the index has it. That of a channel is left as it is; what came out of a package cache is freed from what conda
 * added to it: the place it was loaded from, and `pip` among python's depends (`add_pip_as_python_dependency`).
 */
export function indexRecord({ fn, origin, record }: IndexedArtifact): PackageRecord {
  refuseLossyNumbers(fn, record as JsonValue, []);
  if (origin !== 'cache-record') return record;
  const kept = Object.fromEntries(Object.entries(record).filter(([key]) => !CACHE_KEYS.has(key))) as PackageRecord;
  if (kept.name !== 'python') return kept;
  return { ...kept, depends: kept.depends.filter((depend) => depend !== 'pip') };
}

/** sha256 of the canonical JSON of the record in the index: shows a hotfix without holding the record. */
export function recordDigest(artifact: IndexedArtifact): string {
  return sha256Of(canonicalJson(indexRecord(artifact)));
}

/** JavaScript reads `9007199254740993` as another number and `1e999` as none: better no index than a changed record. */
function refuseLossyNumbers(fn: string, value: JsonValue | undefined, path: readonly string[]): void {
  if (typeof value === 'number') {
    if (Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value))) return;
    throw new RepackError('E_RECORD', {
      what: `The record of ${fn} has a number that can not be carried over unchanged: ${value}`,
      where: `record ${fn}, field "${path.join('.')}"`,
      hint: 'Report it to the owner of the channel: numbers beyond 2^53 are read differently by different programs.',
    });
  }
  if (value === null || typeof value !== 'object') return;
  for (const [key, member] of Object.entries(value)) refuseLossyNumbers(fn, member, [...path, key]);
}
