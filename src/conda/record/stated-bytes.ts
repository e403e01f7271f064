import type { ExpectedDigest } from '../plan/artifact-store.js';
import type { Subdir } from '../channel/channel.js';
import type { JsonValue } from '../../base/json.js';
import { expectedDigest } from './expected-digest.js';
import { lossyNumber } from './lossy-number.js';
import { parseDistFilename } from '../channel/names.js';
import { numbered, numberLists, type Numbered, type NumberLists } from './numbered.js';
import type { Dependent } from './open-dependencies.js';
import type { PackageRecord } from './records.js';
import { pickedRecord } from './repodata-record.js';
import type { RepodataIndex } from './repodata-index.js';

/** Of one index what its records state, in columns by their number: some 90 bytes a record, where it would be 500 and more in objects. */
interface Columns {
  subdir: Subdir;
  /** 0: not looked at; else which of sha256 (1), md5 (2), size (4) are stated, 8, and 16 where a number is lossy. */
  known: Uint8Array;
  sha256: Buffer;
  md5: Buffer;
  size: Float64Array;
  buildNumber: Float64Array;
  /** The texts of all `depends`, and which of them a record has: its list in `needs`. */
  texts: Numbered;
  needs: NumberLists;
  needsAt: Uint32Array;
}

const columns = new WeakMap<RepodataIndex, Columns>();

/**
 * What the record of a file that was picked states of its bytes, checked as `pickedRecord` and `expectedDigest` do; parsed once, however often it is
 * asked for. Undefined where the index has no such file. Throws as those two.
 */
export function statedBytes(index: RepodataIndex, fn: string, subdir: Subdir): ExpectedDigest | undefined {
  const at = index.position(fn);
  const kept = columnsOf(index, subdir);
  if (at < 0 || kept.subdir !== subdir) return readBytes(index, fn, subdir);
  const known = kept.known[at]!;
  if (known === 0) {
    const record = pickedAndKept(index, fn, subdir);
    return record && expectedDigest(fn, record);
  }
  const sha256 = (known & 1) === 0 ? undefined : kept.sha256.toString('hex', at * 32, at * 32 + 32);
  const md5 = (known & 2) === 0 ? undefined : kept.md5.toString('hex', at * 16, at * 16 + 16);
  return (known & 4) === 0 ? { sha256, md5 } : { sha256, md5, size: kept.size[at]! };
}

/** The record itself, with what it states kept for later. As `pickedRecord`. */
export function pickedAndKept(index: RepodataIndex, fn: string, subdir: Subdir): ReturnType<typeof pickedRecord> {
  const record = pickedRecord(index, fn, subdir);
  const kept = columnsOf(index, subdir);
  const at = record === undefined || kept.subdir !== subdir ? -1 : index.position(fn);
  if (at >= 0) keep(kept, at, record!, expectedDigest(fn, record!));
  return record;
}

function readBytes(index: RepodataIndex, fn: string, subdir: Subdir): ExpectedDigest | undefined {
  const record = pickedRecord(index, fn, subdir);
  return record && expectedDigest(fn, record);
}

/** Whether the record of a file, asked for by `statedBytes` before, has a number that JavaScript can't carry. */
export function isLossy(index: RepodataIndex, fn: string): boolean {
  const at = index.position(fn);
  return at >= 0 && ((columns.get(index)?.known[at] ?? 0) & 16) !== 0;
}

/** What others ask of the record of a file, picked before under this subdir; undefined where it was not. */
export function keptDependent(index: RepodataIndex, fn: string, subdir: Subdir): Dependent | undefined {
  const at = index.position(fn);
  const kept = columns.get(index);
  if (at < 0 || kept?.subdir !== subdir || kept.known[at] === 0) return undefined;
  const { texts } = kept.texts;
  // What a picked record says of itself is what its file name says.
  const { name, version, build } = parseDistFilename(fn);
  const depends = Array.from(kept.needs.at(kept.needsAt[at]!), (number) => texts[number]!);
  return { name, version, build, build_number: kept.buildNumber[at]!, depends };
}

function keep(kept: Columns, at: number, record: PackageRecord, stated: ExpectedDigest): void {
  const { known, sha256, md5, size, buildNumber, texts, needs, needsAt } = kept;
  if (known[at] !== 0) return;
  buildNumber[at] = record.build_number;
  needsAt[at] = needs.count;
  needs.add(record.depends.map(texts.of));
  if (stated.sha256 !== undefined) sha256.write(stated.sha256, at * 32, 'hex');
  if (stated.md5 !== undefined) md5.write(stated.md5, at * 16, 'hex');
  if (stated.size !== undefined) size[at] = stated.size;
  known[at] =
    8 |
    (stated.sha256 === undefined ? 0 : 1) |
    (stated.md5 === undefined ? 0 : 2) |
    (stated.size === undefined ? 0 : 4) |
    (lossyNumber(record as JsonValue) === undefined ? 0 : 16);
}

function columnsOf(index: RepodataIndex, subdir: Subdir): Columns {
  let made = columns.get(index);
  if (made === undefined) {
    const { positions } = index;
    made = {
      subdir,
      known: new Uint8Array(positions),
      sha256: Buffer.alloc(positions * 32),
      md5: Buffer.alloc(positions * 16),
      size: new Float64Array(positions),
      buildNumber: new Float64Array(positions),
      texts: numbered(),
      needs: numberLists(),
      needsAt: new Uint32Array(positions),
    };
    columns.set(index, made);
  }
  return made;
}
