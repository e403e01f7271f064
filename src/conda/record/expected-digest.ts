import { RepackError } from '../../base/errors.js';
import type { PackageRecord } from './records.js';
import type { ExpectedDigest } from '../plan/artifact-store.js';

/**
 * What a record says about the bytes of its artifact. Digests in upper case are taken; sha256 decides, md5 is good enough where there is no
 * sha256 (design D5).
 *
 * @throws RepackError E_RECORD where a digest has not the form of one, or where there is none (bad-inputs B9)
 */
export function expectedDigest(fn: string, record: PackageRecord): ExpectedDigest {
  const sha256 = digestField(fn, record, 'sha256', 64);
  const md5 = digestField(fn, record, 'md5', 32);
  if (sha256 === undefined && md5 === undefined) {
    throw badRecord(fn, 'states neither sha256 nor md5, so its bytes can not be checked', 'sha256');
  }
  const { size } = record;
  if (size === undefined || size === null) return { sha256, md5 };
  if (!Number.isSafeInteger(size) || size < 0)
    throw badRecord(fn, `states a size that is none: ${JSON.stringify(size)}`, 'size');
  return { sha256, md5, size };
}

function digestField(fn: string, record: PackageRecord, field: 'sha256' | 'md5', length: number): string | undefined {
  const value: unknown = record[field];
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value === 'string' && value.length === length && /^[0-9a-f]+$/i.test(value)) return value.toLowerCase();
  throw badRecord(fn, `states something that is no ${field}`, field);
}

function badRecord(fn: string, problem: string, field: string): RepackError {
  return new RepackError('E_RECORD', {
    what: `The record of ${fn} ${problem}`,
    where: `record ${fn}, field "${field}"`,
    hint: 'Report it to the owner of the channel, or ask for another build or version of the package.',
  });
}
