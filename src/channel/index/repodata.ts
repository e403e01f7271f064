import { sha256Of } from '../../codec/digests.js';
import { RepackError } from '../../base/errors.js';
import { canonicalJson, type JsonValue } from '../../base/json.js';
import { lossyNumber } from '../../conda/record/lossy-number.js';
import { formatOf } from '../../conda/channel/names.js';
import { jsonOf, type DocumentParts } from './document.js';
import type { AcquiredArtifact } from '../../conda/plan/plan.js';
import type { PackageRecord } from '../../conda/record/records.js';

/** What an index needs of an artifact. */
export type IndexedArtifact = Pick<AcquiredArtifact, 'fn' | 'subdir' | 'record'>;

/**
 * `repodata.json` of one subdir, byte for byte as conda-index writes it: keys sorted, compact, no line feed at the end. A function of the
 * artifacts alone: neither their order nor clock, host or engine show. Records are the upstream's with every key (design D4).
 *
 * @throws RepackError E_RECORD where a number of a record would not survive being written
 */
export function buildRepodata(subdir: string, artifacts: readonly IndexedArtifact[]): Uint8Array {
  const own = artifacts.filter((artifact) => artifact.subdir === subdir).sort((a, b) => (a.fn < b.fn ? -1 : 1));
  return repodataDocument(
    subdir,
    own.map((artifact) => [artifact.fn, () => canonicalJson(indexRecord(artifact))]),
  );
}

/**
 * A `repodata.json` of these records, sorted by file name, each as a text. Of an `old` document every key is carried over that is not made
 * here; its `info` too, but `base_url`. Written record by record: the whole of a large channel as a text takes gigabytes.
 */
export function repodataDocument(
  subdir: string,
  records: readonly (readonly [fn: string, text: () => string])[],
  old: DocumentParts = new Map(),
): Uint8Array {
  const { base_url: _elsewhere, ...info } = jsonOf(old.get('info'));
  const recordsOf = (format: string): Uint8Array[] => {
    const some = records.filter(([fn]) => formatOf(fn) === format);
    const members = some.map(([fn, text], at) => Buffer.from(`${at === 0 ? '' : ','}${JSON.stringify(fn)}:${text()}`));
    return [Buffer.from('{'), ...members, Buffer.from('}')];
  };
  const members = new Map([...old].map(([key, value]): [string, Uint8Array[]] => [key, [value]]));
  members.set('info', [Buffer.from(canonicalJson({ ...info, subdir } as JsonValue))]);
  members.set('packages', recordsOf('tar.bz2'));
  members.set('packages.conda', recordsOf('conda'));
  members.set('removed', members.get('removed') ?? [Buffer.from('[]')]);
  members.set('repodata_version', [Buffer.from('1')]);
  const sorted = [...members].sort(([a], [b]) => (a < b ? -1 : 1));
  const pieces: Uint8Array[] = [];
  for (const [key, value] of sorted) {
    pieces.push(Buffer.from(`${pieces.length === 0 ? '{' : ','}${JSON.stringify(key)}:`));
    for (const piece of value) pieces.push(piece);
  }
  return Buffer.concat([...pieces, Buffer.from('}')]);
}

/** The record as the index has it: as it is, wherever it came from. Throws E_RECORD. */
export function indexRecord({ fn, record }: IndexedArtifact): PackageRecord {
  const lossy = lossyNumber(record as JsonValue);
  if (lossy !== undefined) {
    throw new RepackError('E_RECORD', {
      what: `The record of ${fn} has a number that can not be carried over unchanged: ${lossy.value}`,
      where: `record ${fn}, field "${lossy.path}"`,
      hint: 'Report it to the owner of the channel: numbers beyond 2^53 are read differently by different programs.',
    });
  }
  return record;
}

/** sha256 of the canonical JSON of the record in the index: shows a hotfix without holding the record. */
export function recordDigest(artifact: IndexedArtifact): string {
  return sha256Of(canonicalJson(indexRecord(artifact)));
}
