import { RepackError } from '../../base/errors.js';
import { NOARCH } from '../channel/channel.js';
import type { Subdir } from '../channel/channel.js';
import { parseDistFilename, shown } from '../channel/names.js';
import type { PackageRecord } from './records.js';
import type { RepodataIndex } from './repodata-index.js';

const decoder = new TextDecoder('utf-8', { fatal: true });

/**
 * Parses one record and checks the keys this project relies on; all others are kept as they are. Digests come back in lower case,
 * a digest of null and a missing `depends` as if they were absent and empty. Throws E_REPODATA naming file and key.
 */
export function parseRecord(bytes: Uint8Array, fn: string, where: string): PackageRecord {
  const value = parsedJson(bytes, fn, where);
  const wrong = wrongKey(value);
  if (wrong === undefined) return value as unknown as PackageRecord;
  throw new RepackError('E_REPODATA', {
    what: `the record ${shown(fn)} has no usable "${wrong.key}": ${wrong.problem}`,
    where: `${where}, record ${shown(fn)}, key "${wrong.key}"`,
    hint: 'The index of this channel is damaged or hand-made: report it to its owner.',
  });
}

/**
 * A record that a solve has picked, once more with suspicion, before anything is fetched or written in its name: a safe file name
 * that is what the record says of itself (B8), a digest (B9), the subdir it was found in or, in `noarch`, none of a platform (B11).
 * Undefined when the index has no such file. Throws E_RECORD, E_REPODATA.
 */
export function pickedRecord(index: RepodataIndex, fn: string, subdir: Subdir): PackageRecord | undefined {
  const parts = parseDistFilename(fn);
  const record = index.record(fn);
  if (record === undefined) return undefined;
  for (const key of ['name', 'version', 'build'] as const) {
    if (record[key] !== parts[key]) {
      throw refused(fn, `its ${key} is ${shown(record[key])}, its file name says ${shown(parts[key])}`);
    }
  }
  if (record.sha256 === undefined && record.md5 === undefined)
    throw refused(fn, 'it has neither sha256 nor md5, so its file can not be checked');
  const stated = record.subdir ?? subdir;
  if (stated !== subdir) throw refused(fn, `its subdir is ${shown(stated)}, it was found in ${shown(subdir)}`);
  if (subdir === NOARCH ? record.noarch === false : typeof record.noarch === 'string') {
    throw refused(fn, `its noarch is ${shown(String(record.noarch))}, it was found in ${shown(subdir)}`);
  }
  return record;
}

function parsedJson(bytes: Uint8Array, fn: string, where: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(decoder.decode(bytes));
    if (isObject(value)) return value;
    throw new Error('it is not an object');
  } catch (cause) {
    throw new RepackError('E_REPODATA', {
      what: `the record ${shown(fn)} can't be read: ${cause instanceof Error ? cause.message : String(cause)}`,
      where: `${where}, record ${shown(fn)}`,
      hint: 'The index of this channel is damaged: try again, then report it to its owner.',
      cause,
    });
  }
}

function wrongKey(record: Record<string, unknown>): { key: string; problem: string } | undefined {
  if (Object.hasOwn(record, '__proto__')) return { key: '__proto__', problem: 'no record may have this key' };
  for (const key of ['name', 'version', 'build']) {
    if (typeof record[key] !== 'string' || record[key] === '') return { key, problem: 'not a text' };
  }
  if (!isCount(record['build_number'])) return { key: 'build_number', problem: 'not a whole number' };
  record['depends'] ??= [];
  for (const key of ['depends', 'constrains']) {
    const list = record[key] ?? [];
    if (!Array.isArray(list) || !list.every((entry) => typeof entry === 'string'))
      return { key, problem: 'not a list of texts' };
  }
  if (record['subdir'] !== undefined && typeof record['subdir'] !== 'string')
    return { key: 'subdir', problem: 'not a text' };
  if (record['size'] !== undefined && !isCount(record['size'])) return { key: 'size', problem: 'not a whole number' };
  return wrongDigest(record, 'md5', 32) ?? wrongDigest(record, 'sha256', 64);
}

function wrongDigest(
  record: Record<string, unknown>,
  key: 'md5' | 'sha256',
  length: number,
): { key: string; problem: string } | undefined {
  const digest = record[key];
  if (digest === undefined) return undefined;
  if (digest === null || digest === '') {
    delete record[key];
    return undefined;
  }
  if (typeof digest !== 'string' || digest.length !== length || !/^[0-9a-f]+$/i.test(digest)) {
    return { key, problem: `not ${length} hexadecimal digits` };
  }
  record[key] = digest.toLowerCase();
  return undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function refused(fn: string, problem: string): RepackError {
  return new RepackError('E_RECORD', {
    what: `the record ${shown(fn)} is refused: ${problem}`,
    where: `record ${shown(fn)}`,
    hint: 'Report it to the owner of the channel.',
  });
}
