import { describe, expect, it } from 'vitest';
import { expectedDigest } from '../../../../src/conda/record/expected-digest.js';
import type { PackageRecord } from '../../../../src/conda/record/records.js';

const FN = 'a-1-0.conda';
const SHA = 'ab12'.repeat(16);
const MD5 = 'cd34'.repeat(8);

function recordOf(says: Record<string, unknown>): PackageRecord {
  return { name: 'a', version: '1', build: '0', build_number: 0, depends: [], ...says };
}

describe('what a record says about the bytes of its artifact (design D5)', () => {
  it.each([
    ['both', { sha256: SHA, md5: MD5, size: 7 }, { sha256: SHA, md5: MD5, size: 7 }],
    ['no bytes at all', { sha256: SHA, size: 0 }, { sha256: SHA, md5: undefined, size: 0 }],
    ['sha256 alone', { sha256: SHA }, { sha256: SHA, md5: undefined }],
    ['md5 alone', { md5: MD5 }, { sha256: undefined, md5: MD5 }],
    ['upper case', { sha256: SHA.toUpperCase(), md5: MD5.toUpperCase() }, { sha256: SHA, md5: MD5 }],
    ['what is left empty', { sha256: null, md5: MD5, size: null }, { sha256: undefined, md5: MD5 }],
    ['what is empty', { sha256: SHA, md5: '' }, { sha256: SHA, md5: undefined }],
  ])('takes %s', (_, says, expected) => {
    expect(expectedDigest(FN, recordOf(says))).toEqual(expected);
  });

  it.each([
    ['nothing', {}, 'sha256'],
    ['nothing but empty ones', { sha256: '', md5: null }, 'sha256'],
    ['a sha256 too short', { sha256: SHA.slice(1) }, 'sha256'],
    ['a sha256 too long', { sha256: `${SHA}0` }, 'sha256'],
    ['a sha256 that is an md5', { sha256: MD5 }, 'sha256'],
    ['a sha256 that ends in no digit', { sha256: `${SHA.slice(1)}g` }, 'sha256'],
    ['a sha256 that begins with none', { sha256: ` ${SHA.slice(1)}` }, 'sha256'],
    ['a sha256 of another kind', { sha256: 12 }, 'sha256'],
    ['a list of digits', { sha256: [...SHA] }, 'sha256'],
    ['a bad md5 beside a good sha256', { sha256: SHA, md5: 'x' }, 'md5'],
    ['a size below 0', { sha256: SHA, size: -1 }, 'size'],
    ['half a byte', { sha256: SHA, size: 1.5 }, 'size'],
    ['a size beyond all', { sha256: SHA, size: 2 ** 60 }, 'size'],
    ['a size in letters', { sha256: SHA, size: '7' }, 'size'],
  ])('B9 refuses %s', (_, says, field) => {
    const run = () => expectedDigest(FN, recordOf(says));
    expect(run).toThrow(expect.objectContaining({ code: 'E_RECORD', where: `record ${FN}, field "${field}"` }));
    // A refusal says which file, and what of its record is wrong.
    for (const named of [FN, field])
      expect(run).toThrow(expect.objectContaining({ what: expect.stringContaining(named) }));
  });
});
