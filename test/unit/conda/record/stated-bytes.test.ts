import { describe, expect, it } from 'vitest';
import type { RepodataIndex } from '../../../../src/conda/record/repodata-index.js';
import { scanRepodata } from '../../../../src/conda/record/repodata-scan.js';
import { isLossy, keptDependent, pickedAndKept, statedBytes } from '../../../../src/conda/record/stated-bytes.js';

const SHA = (letter: string): string => letter.repeat(64);
const MD5 = (letter: string): string => letter.repeat(32);

const FILES = {
  'a-1-0.conda': '"sha256":"SHA","md5":"MD5","size":7'.replace('SHA', SHA('a')).replace('MD5', MD5('b')),
  'b-1-0.conda': `"sha256":"${SHA('C')}"`,
  'c-1-0.conda': `"md5":"${MD5('d')}","size":0`,
  'd-1-0.conda': `"sha256":"${SHA('e')}","size":9007199254740991,"timestamp":9007199254740991`,
  'lossy-1-0.conda': `"sha256":"${SHA('f')}","other":{"n":9007199254740993}`,
  'none-1-0.conda': '"size":1',
  'mac-1-0.conda': `"sha256":"${SHA('a')}","subdir":"osx-64"`,
  'z-1-0.conda': `"sha256":"${SHA('9')}","md5":"${MD5('8')}","size":6`,
};

const STATED = {
  'a-1-0.conda': { sha256: SHA('a'), md5: MD5('b'), size: 7 },
  'b-1-0.conda': { sha256: SHA('c'), md5: undefined },
  'c-1-0.conda': { sha256: undefined, md5: MD5('d'), size: 0 },
  'd-1-0.conda': { sha256: SHA('e'), md5: undefined, size: 9007199254740991 },
  'lossy-1-0.conda': { sha256: SHA('f'), md5: undefined },
  'z-1-0.conda': { sha256: SHA('9'), md5: MD5('8'), size: 6 },
};

/** An index that notes which records were parsed. */
function made(): { index: RepodataIndex; parsed: string[] } {
  const records = Object.entries(FILES).map(
    ([fn, more]) =>
      `"${fn}":{"name":"${fn.split('-')[0]}","version":"1","build":"0","build_number":0,"depends":[],${more}}`,
  );
  const whole = scanRepodata(new TextEncoder().encode(`{"packages.conda":{${records.join(',')}}}`), 'test');
  const parsed: string[] = [];
  const record = (fn: string) => {
    parsed.push(fn);
    return whole.record(fn);
  };
  return { index: { ...whole, record }, parsed };
}

describe('what the records of an index state of their bytes', () => {
  it('is the same each time, of one parse each', () => {
    const { index, parsed } = made();
    for (let time = 0; time < 3; time += 1) {
      for (const [fn, stated] of Object.entries(STATED)) expect(statedBytes(index, fn, 'linux-64')).toEqual(stated);
    }
    expect(parsed).toEqual(Object.keys(STATED));
  });

  it('is kept of a record that was picked', () => {
    const { index, parsed } = made();
    for (const [fn, stated] of Object.entries(STATED)) {
      expect(pickedAndKept(index, fn, 'linux-64')).toEqual(index.record(fn));
      parsed.length = 0;
      expect(statedBytes(index, fn, 'linux-64')).toEqual(stated);
      expect(parsed).toEqual([]);
    }
  });

  it.each([
    ['has no digest', 'none-1-0.conda', 'linux-64', 'E_RECORD'],
    ['is of another platform', 'mac-1-0.conda', 'linux-64', 'E_RECORD'],
    ['has no safe file name', '../a-1-0.conda', 'linux-64', 'E_RECORD'],
  ])('is refused each time where it %s', (_what, fn, subdir, code) => {
    const { index } = made();
    for (let time = 0; time < 2; time += 1) {
      expect(() => statedBytes(index, fn, subdir)).toThrow(expect.objectContaining({ code }));
      expect(() => pickedAndKept(index, fn, subdir)).toThrow(expect.objectContaining({ code }));
    }
  });

  it('is judged anew for another subdir than the first', () => {
    const { index } = made();
    expect(statedBytes(index, 'a-1-0.conda', 'linux-64')).toEqual(STATED['a-1-0.conda']);
    for (let time = 0; time < 2; time += 1) {
      expect(statedBytes(index, 'mac-1-0.conda', 'osx-64')).toEqual({ sha256: SHA('a'), md5: undefined });
      expect(pickedAndKept(index, 'mac-1-0.conda', 'osx-64')).toMatchObject({ name: 'mac' });
      expect(() => statedBytes(index, 'mac-1-0.conda', 'linux-64')).toThrow();
    }
  });

  it('is nothing where there is no such file', () => {
    const { index } = made();
    expect(statedBytes(index, 'x-1-0.conda', 'linux-64')).toBeUndefined();
    expect(pickedAndKept(index, 'x-1-0.conda', 'linux-64')).toBeUndefined();
    expect(isLossy(index, 'x-1-0.conda')).toBe(false);
  });

  it('says which record has a number that JavaScript can not carry', () => {
    const { index } = made();
    expect(isLossy(index, 'lossy-1-0.conda')).toBe(false);
    for (const fn of Object.keys(STATED)) statedBytes(index, fn, 'linux-64');
    expect(Object.keys(STATED).filter((fn) => isLossy(index, fn))).toEqual(['lossy-1-0.conda']);
  });
});

it('says it of the first record too, and of none that was not asked for', () => {
  const lossy = `{"name":"a","version":"1","build":"0","build_number":0,${FILES['lossy-1-0.conda']}}`;
  const index = scanRepodata(new TextEncoder().encode(`{"packages":{"a-1-0.conda":${lossy}}}`), 'test');
  expect(isLossy(index, 'a-1-0.conda')).toBe(false);
  statedBytes(index, 'a-1-0.conda', 'linux-64');
  expect([isLossy(index, 'a-1-0.conda'), isLossy(index, 'b-1-0.conda')]).toEqual([true, false]);
});

describe('what others ask of a record', () => {
  const RECORDS = {
    'b-1-0.conda': { name: 'b', version: '1', build: '0', build_number: 0, depends: ['a >=1', 'python'] },
    'a-1.0-py_7.conda': { name: 'a', version: '1.0', build: 'py_7', build_number: 7, depends: [] },
    'c_d-2-1.tar.bz2': { name: 'c_d', version: '2', build: '1', build_number: 1, depends: ['python', 'x', 'python'] },
  };

  function index(): RepodataIndex {
    const packages = Object.fromEntries(
      Object.entries(RECORDS).map(([fn, record]) => [fn, { ...record, md5: MD5('a'), license: 'MIT' }]),
    );
    return scanRepodata(new TextEncoder().encode(JSON.stringify({ packages })), 'test');
  }

  it('is kept of each that was picked, in whatever order and however often, and of no other', () => {
    const made = index();
    expect(keptDependent(made, 'b-1-0.conda', 'linux-64')).toBeUndefined();
    const seen: string[] = [];
    for (const fn of ['c_d-2-1.tar.bz2', 'a-1.0-py_7.conda', 'c_d-2-1.tar.bz2', 'b-1-0.conda']) {
      pickedAndKept(made, fn, 'linux-64');
      seen.push(fn);
      for (const [each, record] of Object.entries(RECORDS))
        expect(keptDependent(made, each, 'linux-64')).toEqual(seen.includes(each) ? record : undefined);
    }
    expect(keptDependent(made, 'b-1-0.conda', 'win-64')).toBeUndefined();
    expect(keptDependent(made, 'none-1-0.conda', 'linux-64')).toBeUndefined();
  });
});
