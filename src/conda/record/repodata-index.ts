import type { Channel, Subdir } from '../channel/channel.js';
import type { PackageRecord } from './records.js';

/** Reads a whole `repodata.json` without parsing every record: a byte scan finds the slices, records are parsed on demand. */
export interface RepodataIndex {
  /** `info.subdir`, when the document has it. */
  readonly subdir: string | undefined;
  /** `info.base_url` (CEP 15), as published. */
  readonly baseUrl: string | undefined;
  readonly repodataVersion: number;
  /** The whole document as it was scanned; the same for what `filter` leaves of it. */
  readonly document: Uint8Array;
  /** Number of records in `packages` and `packages.conda` together. */
  readonly size: number;
  /** Of the whole index, where this is a part of it. */
  readonly published: number;
  /** Distribution file names of one package name, both formats; empty when there is none. */
  filenames(name: string): readonly string[];
  /** All distribution file names, in document order. */
  allFilenames(): Iterable<string>;
  /** Also of a part of an index all names that the whole has; some more than once. */
  packageNames(): Iterable<string>;
  /** File names of the records in the form of CEP 48 (`v3`), which have no other form here. */
  v3Filenames(): readonly string[];
  has(fn: string): boolean;
  /** A number for each of its files, below `positions`; -1 for one that it does not have. */
  position(fn: string): number;
  readonly positions: number;
  /** Parsed and shape-checked record; undefined when the index has no such file. Throws E_REPODATA. */
  record(fn: string): PackageRecord | undefined;
  /** The record's bytes as published. */
  rawRecord(fn: string): Uint8Array | undefined;
  /** The same document with only the records that `keep` accepts: `info`, `removed` and version stay. */
  filter(keep: (fn: string, record: () => PackageRecord) => boolean): RepodataIndex;
  /** A `repodata.json` document of this index (raw slices joined, not re-encoded). */
  toBytes(): Uint8Array;
}

/** Where a solver gets repodata from: the gateway, or a staged folder for the proof. */
export interface RepodataSource {
  /** Undefined where the channel has no such subdir (404). Called often: the answer is kept by the source. */
  repodata(channel: Channel, subdir: Subdir): Promise<RepodataIndex | undefined>;
}
