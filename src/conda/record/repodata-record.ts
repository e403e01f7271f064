import { isObject } from '../../base/json.js';
import { RepackError } from '../../base/errors.js';
import { NOARCH } from '../channel/channel.js';
import type { Subdir } from '../channel/channel.js';
import { parseDistFilename, shown } from '../channel/names.js';
import { subdirFits, takeFields } from './record-fields.js';
import type { PackageRecord } from './records.js';
import type { RepodataIndex } from './repodata-index.js';

const decoder = new TextDecoder('utf-8', { fatal: true });

/**
 * Parses one record; its fields are taken as `takeFields` says, all others are kept as they are. Throws E_REPODATA naming file and key.
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
 * that is what the record says of itself (B8), a digest (B9), the subdir it was found in (a noarch package may lie in a platform's folder, as
 * a big public channel has it) or, in `noarch`, none of a platform (B11).
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
  if (!subdirFits(record.subdir, subdir))
    throw refused(fn, `its subdir is ${shown(record.subdir!)}, it was found in ${shown(subdir)}`);
  if (subdir === NOARCH && record.noarch === false)
    throw refused(fn, `its noarch is false, it was found in ${shown(subdir)}`);
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
  const wrong = takeFields(record);
  return wrong && { key: wrong.key, problem: `not ${wrong.wanted}` };
}

function refused(fn: string, problem: string): RepackError {
  return new RepackError('E_RECORD', {
    what: `the record ${shown(fn)} is refused: ${problem}`,
    where: `record ${shown(fn)}`,
    hint: 'Report it to the owner of the channel.',
  });
}
