import { describe, expect, it } from 'vitest';
import { isRepackError } from '../../../../src/base/errors.js';
import { parseRecord, pickedRecord } from '../../../../src/conda/record/repodata-record.js';
import { scanRepodata } from '../../../../src/conda/record/repodata-scan.js';

const WHERE = 'https://example.org/linux-64/repodata.json';
const GOOD = {
  build: 'py_0',
  build_number: 0,
  depends: ['python'],
  license: null,
  md5: '0'.repeat(32),
  name: 'a',
  sha256: 'a'.repeat(64),
  size: 7,
  subdir: 'linux-64',
  timestamp: 1544155153559,
  version: '1.0',
  weird: { nested: [1] },
};

function parse(value: unknown) {
  return parseRecord(
    new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value)),
    'a-1.0-py_0.conda',
    WHERE,
  );
}

function refusal(run: () => unknown): { code: string; what: string; where: string | undefined } {
  try {
    run();
  } catch (error) {
    if (!isRepackError(error)) throw error;
    return { code: error.code, what: error.what, where: error.where };
  }
  throw new Error('was not refused');
}

describe('parseRecord', () => {
  it('keeps every key as it is', () => {
    expect(parse(GOOD)).toEqual(GOOD);
  });

  it('B9 takes md5 only, a digest in upper case, and null for none', () => {
    expect(parse({ ...GOOD, sha256: undefined })).not.toHaveProperty('sha256');
    expect(parse({ ...GOOD, sha256: 'A'.repeat(64), md5: 'B'.repeat(32) })).toMatchObject({
      sha256: 'a'.repeat(64),
      md5: 'b'.repeat(32),
    });
    for (const none of [null, ''])
      for (const key of ['sha256', 'md5']) expect(parse({ ...GOOD, [key]: none })).not.toHaveProperty(key);
    expect(parse({ ...GOOD, depends: undefined }).depends).toEqual([]);
    expect(parse({ ...GOOD, size: undefined }).size).toBeUndefined();
  });

  it.each([
    ['sha256', 'a'.repeat(63)],
    ['sha256', 'g'.repeat(64)],
    ['sha256', `g${'a'.repeat(63)}`],
    ['sha256', `${'a'.repeat(63)}g`],
    ['md5', `${'a'.repeat(31)}g`],
    ['sha256', 7],
    ['md5', 'a'.repeat(31)],
    ['name', ''],
    ['name', 7],
    ['version', null],
    ['build', undefined],
    ['build_number', '0'],
    ['build_number', -1],
    ['build_number', 1.5],
    ['depends', 'python'],
    ['depends', [7]],
    // Neither conda nor rattler reads a spec without a name.
    ['depends', [' ']],
    ['constrains', {}],
    ['subdir', 7],
    ['size', -1],
    ['size', '7'],
  ])('B9 names file and key where %s is %j', (key, value) => {
    const { code, what, where } = refusal(() => parse({ ...GOOD, [key]: value }));
    expect(code).toBe('E_REPODATA');
    expect(what).toContain('a-1.0-py_0.conda');
    expect(where).toBe(`${WHERE}, record "a-1.0-py_0.conda", key "${key}"`);
  });

  it.each(['{"name":"a"', '{"a":}', '[]', 'null', '7', '{"name":]}'])('B3 refuses %s', (text) => {
    expect(refusal(() => parse(text)).code).toBe('E_REPODATA');
  });

  it('refuses a key that JavaScript takes for what an object is made of', () => {
    const { code, where } = refusal(() => parse(`{"__proto__":{},${JSON.stringify(GOOD).slice(1)}`));
    expect([code, where]).toEqual(['E_REPODATA', `${WHERE}, record "a-1.0-py_0.conda", key "__proto__"`]);
  });

  it('B13 refuses a record that is not UTF-8', () => {
    const bytes = new TextEncoder().encode(JSON.stringify(GOOD));
    bytes[bytes.indexOf(0x70)] = 0xff;
    expect(refusal(() => parseRecord(bytes, 'a', WHERE)).code).toBe('E_REPODATA');
  });
});

describe('pickedRecord', () => {
  const index = (fn: string, record: object) =>
    scanRepodata(new TextEncoder().encode(JSON.stringify({ packages: { [fn]: record } })), WHERE);
  const pick = (fn: string, record: object, subdir = 'linux-64') => pickedRecord(index(fn, record), fn, subdir);

  it('gives a good record', () => {
    expect(pick('a-1.0-py_0.conda', GOOD)).toEqual(GOOD);
    expect(pick('a-1.0-py_0.conda', { ...GOOD, subdir: undefined })).toBeDefined();
    expect(pick('a-1.0-py_0.conda', { ...GOOD, subdir: 'noarch', noarch: 'python' }, 'noarch')).toBeDefined();
    expect(pick('a-1.0-py_0.conda', { ...GOOD, noarch: false })).toBeDefined();
    expect(pickedRecord(index('a-1.0-py_0.conda', GOOD), 'b-1.0-py_0.conda', 'linux-64')).toBeUndefined();
  });

  it.each([
    ['B8', '../a-1.0-py_0.conda', {}, 'not a safe distribution file name'],
    ['B8', 'a/b-1.0-py_0.conda', {}, 'not a safe distribution file name'],
    ['B8', 'a-1.0-py_0.conda', { name: 'A' }, 'its name is "A"'],
    ['B8', 'a-1.0-py_0.conda', { name: '../a' }, 'its name is "../a"'],
    ['B8', 'a-1.0-py_0.conda', { version: '1.0/..' }, 'its version is "1.0/.."'],
    ['B8', 'a-1.0-py_0.conda', { build: 'py:0' }, 'its build is "py:0"'],
    ['B8', 'a-1.0-PY_0.conda', {}, 'its build is "py_0"'],
    ['B9', 'a-1.0-py_0.conda', { md5: undefined, sha256: undefined }, 'neither sha256 nor md5'],
    ['B11', 'a-1.0-py_0.conda', { subdir: 'win-64' }, 'its subdir is "win-64"'],
    ['B11', 'a-1.0-py_0.conda', { subdir: '../x' }, 'its subdir is "../x"'],
  ])('%s refuses %s with %j', (_row, fn, change, shows) => {
    const { code, what } = refusal(() => pick(fn, { ...GOOD, ...change }));
    expect(code).toBe('E_RECORD');
    expect(what).toContain(shows);
  });

  it.each([{ subdir: 'noarch' }, { noarch: 'python' }, { subdir: 'noarch', noarch: 'generic' }, { noarch: '' }])(
    'B11 C2 C4 takes from where the index has it, as conda and rattler do: %j',
    (change) => {
      expect(pick('a-1.0-py_0.conda', { ...GOOD, ...change })).toMatchObject(change);
    },
  );

  it('B11 refuses a platform package in noarch', () => {
    const { code, what } = refusal(() =>
      pick('a-1.0-py_0.conda', { ...GOOD, subdir: 'noarch', noarch: false }, 'noarch'),
    );
    expect(code).toBe('E_RECORD');
    expect(what).toContain('noarch');
  });
});
