import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PROJECT_ROOT } from '../../../../scripts/lib/layers.js';
import { isRepackError } from '../../../../src/base/errors.js';
import { JsonBytesError } from '../../../../src/base/json-bytes.js';
import type { RepodataIndex } from '../../../../src/conda/record/repodata-index.js';
import { namesInV3 } from '../../../../src/conda/record/repodata-document.js';
import { scanRepodata, type ScanOptions } from '../../../../src/conda/record/repodata-scan.js';
import { fewer } from '../../../helpers/fewer.js';

const WHERE = 'https://example.org/linux-64/repodata.json';

function bytesOf(document: unknown): Uint8Array {
  return new TextEncoder().encode(typeof document === 'string' ? document : JSON.stringify(document));
}

function scan(document: unknown, options?: ScanOptions): RepodataIndex {
  return scanRepodata(bytesOf(document), WHERE, options);
}

function parsed(index: RepodataIndex): unknown {
  return JSON.parse(new TextDecoder().decode(index.toBytes()));
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

const record = (name: string, version: string, extra: object = {}): object => ({
  build: '0',
  build_number: 0,
  depends: [],
  md5: '0'.repeat(32),
  name,
  sha256: 'a'.repeat(64),
  size: 1,
  subdir: 'linux-64',
  version,
  ...extra,
});

const SAMPLE = {
  info: { subdir: 'linux-64', base_url: 'https://example.org/files' },
  packages: {
    'a-1-0.tar.bz2': record('a', '1'),
    'r-b-1-0.tar.bz2': record('r-b', '1'),
    'a-2-0.tar.bz2': record('a', '2'),
  },
  'packages.conda': {
    'a-1-0.conda': record('a', '1', { depends: ['r-b >=1', 'c {"} \\ ]'] }),
    'r-1-0.conda': record('r', '1'),
  },
  removed: ['a-0-0.conda'],
  repodata_version: 1,
};

describe('scanRepodata', () => {
  it('finds what is there', () => {
    const index = scan(SAMPLE);
    expect(index).toMatchObject({
      subdir: 'linux-64',
      baseUrl: 'https://example.org/files',
      repodataVersion: 1,
      size: 5,
    });
    expect([...index.allFilenames()]).toEqual([
      ...Object.keys(SAMPLE.packages),
      ...Object.keys(SAMPLE['packages.conda']),
    ]);
    expect(index.filenames('a')).toEqual(['a-1-0.tar.bz2', 'a-2-0.tar.bz2', 'a-1-0.conda']);
    expect(index.filenames('r')).toEqual(['r-1-0.conda']);
    expect(index.filenames('r-b')).toEqual(['r-b-1-0.tar.bz2']);
    expect(index.filenames('none')).toEqual([]);
    expect(index.has('a-2-0.tar.bz2')).toBe(true);
    expect(index.has('a-2-0.conda')).toBe(false);
    expect(index.record('a-1-0.conda')).toEqual(SAMPLE['packages.conda']['a-1-0.conda']);
    expect(index.record('a-3-0.conda')).toBeUndefined();
    expect(index.rawRecord('a-3-0.conda')).toBeUndefined();
    expect(new TextDecoder().decode(index.rawRecord('r-1-0.conda'))).toBe(
      JSON.stringify(SAMPLE['packages.conda']['r-1-0.conda']),
    );
    expect(parsed(index)).toEqual(SAMPLE);
  });

  it.each([
    ['indented', JSON.stringify(SAMPLE, undefined, 2)],
    ['with blanks everywhere', JSON.stringify(SAMPLE, undefined, '\t').replaceAll('\n', ' \r\n ')],
    ['with a byte order mark', `\ufeff${JSON.stringify(SAMPLE)}\n`],
    ['in another order', JSON.stringify(Object.fromEntries(Object.entries(SAMPLE).reverse()))],
  ])('reads a document %s', (_how, text) => {
    const index = scan(text);
    expect(index.size).toBe(5);
    expect(index.record('a-1-0.conda')).toEqual(SAMPLE['packages.conda']['a-1-0.conda']);
    expect(parsed(index)).toEqual(SAMPLE);
    expect(parsed(index.filter((fn) => fn !== 'r-1-0.conda' && fn !== 'a-1-0.tar.bz2'))).toEqual({
      ...SAMPLE,
      packages: { 'r-b-1-0.tar.bz2': record('r-b', '1'), 'a-2-0.tar.bz2': record('a', '2') },
      'packages.conda': { 'a-1-0.conda': SAMPLE['packages.conda']['a-1-0.conda'] },
    });
  });

  it('filters, and filters again', () => {
    const index = scan(SAMPLE);
    const newer = index.filter((_fn, read) => read().version === '1');
    expect(newer.size).toBe(4);
    expect(newer.has('a-2-0.tar.bz2')).toBe(false);
    expect(newer.record('a-2-0.tar.bz2')).toBeUndefined();
    expect(newer.filenames('a')).toEqual(['a-1-0.tar.bz2', 'a-1-0.conda']);
    const none = newer.filter((fn) => fn.endsWith('.conda')).filter((fn) => fn.endsWith('.bz2'));
    expect(none.size).toBe(0);
    expect([...none.allFilenames()]).toEqual([]);
    expect(parsed(none)).toEqual({ ...SAMPLE, packages: {}, 'packages.conda': {} });
    expect(index.size).toBe(5);
    expect(scanRepodata(newer.toBytes(), WHERE).size).toBe(4);
  });

  it("passes v3 and unknown keys through, but not a client's own notes, and not past a filter", () => {
    const index = scan({
      _url: 'https://example.org/t/sesame/x',
      ...SAMPLE,
      v3: { conda: { 'x-1-0': {} } },
      future: [1],
    });
    expect(parsed(index)).toEqual({ ...SAMPLE, v3: { conda: { 'x-1-0': {} } }, future: [1] });
    expect(parsed(index.filter(() => true))).toEqual(SAMPLE);
  });

  it('reads a document without info, version or one of the two maps', () => {
    expect(scan('{"packages":{}}')).toMatchObject({
      subdir: undefined,
      baseUrl: undefined,
      repodataVersion: 1,
      size: 0,
    });
    expect(scan({ 'packages.conda': SAMPLE['packages.conda'], repodata_version: 2 })).toMatchObject({
      repodataVersion: 2,
      size: 2,
    });
  });

  it('takes a name with escapes for the same name', () => {
    const index = scan(`{"packages":{"a\\u002d1-0.tar.bz2":${JSON.stringify(record('a', '1'))}}}`);
    expect(index.has('a-1-0.tar.bz2')).toBe(true);
    expect(index.filenames('a')).toEqual(['a-1-0.tar.bz2']);
    expect(refusal(() => scan('{"packages":{"a\\u002d1":{},"a-1":{}}}')).what).toContain('twice');
  });

  it.each([
    ['empty', '', 'empty'],
    ['only blanks', ' \n', 'empty'],
    ['an HTML page', '<!DOCTYPE html><html>', 'HTML'],
    ['an HTML page after a mark', '\ufeff\n<html>', 'HTML'],
    ['NUL bytes', '\0\0\0\0', '"{" was expected'],
    ['a list', '[]', '"{" was expected'],
    ['another document', '{"channeldata_version":1,"subdirs":[]}', 'neither "packages" nor "packages.conda"'],
    ['something after its end', '{"packages":{}} x', 'follows its end'],
    ['two documents', '{"packages":{}}{"packages":{}}', 'follows its end'],
    ['a key twice', '{"packages":{},"packages":{}}', 'twice'],
    ['a file twice', '{"packages":{"a":{},"a":{}}}', 'twice'],
    ['a file in both maps', '{"packages":{"a":{}},"packages.conda":{"a":{}}}', 'twice'],
    ['packages that are a list', '{"packages":[]}', '"{" was expected'],
    ['packages that are null', '{"packages":null}', '"{" was expected'],
    ['info that is a list', '{"info":[],"packages":{}}', '"info" is not an object'],
    ['info that is no JSON', '{"info":{a},"packages":{}}', 'not JSON'],
    ['a version that is a text', '{"packages":{},"repodata_version":"1"}', 'not a whole number'],
    ['an unknown version', '{"packages":{},"repodata_version":3}', 'known are up to 2'],
    ['a missing comma', '{"packages":{}"info":{}}', '"," was expected'],
    ['a trailing comma', '{"packages":{},}', 'a string was expected'],
    ['a missing colon', '{"packages"{}}', '":" was expected'],
    ['a key without quotes', '{packages:{}}', 'a string was expected'],
    ['a value that is missing', '{"packages":{"a":}}', 'a value was expected'],
    ['deep nesting', `{"packages":{"a":${'['.repeat(100)}${']'.repeat(100)}}}`, 'deeper than 64'],
  ])('B3 refuses %s', (_what, text, shows) => {
    const { code, what, where } = refusal(() => scan(text));
    expect(code).toBe('E_REPODATA');
    expect(what).toContain(shows);
    expect(where).toContain(WHERE);
  });

  it('B3 refuses a document cut at any byte', () => {
    const whole = bytesOf(SAMPLE);
    const cuts = Array.from(whole.keys());
    const codes = cuts.map((length) => refusal(() => scanRepodata(whole.subarray(0, length), WHERE)).code);
    expect(new Set(codes)).toEqual(new Set(['E_REPODATA']));
  });

  it('B3 takes __proto__ for a name like any other', () => {
    const index = scan(`{"__proto__":{"x":1},"packages":{"__proto__":{"__proto__":{"y":1}}}}`);
    expect(index.has('__proto__')).toBe(true);
    expect(refusal(() => index.record('__proto__')).what).toContain('__proto__');
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
    expect(({} as Record<string, unknown>)['y']).toBeUndefined();
    expect(index.record('constructor')).toBeUndefined();
  });

  it('refuses another subdir than the one asked for', () => {
    expect(scan(SAMPLE, { subdir: 'linux-64' }).size).toBe(5);
    expect(refusal(() => scan(SAMPLE, { subdir: 'win-64' })).what).toContain('"linux-64", not "win-64"');
    expect(scan('{"packages":{}}', { subdir: 'win-64' }).size).toBe(0);
  });

  it('B8 lists unsafe file names without harm', () => {
    const index = scan({ packages: { '../../x-1-0.conda': record('x', '1'), 'a/b': {}, '': {} } });
    expect([...index.allFilenames()]).toEqual(['../../x-1-0.conda', 'a/b', '']);
    expect(index.filenames('../../x')).toEqual(['../../x-1-0.conda']);
  });

  it('keeps 100,000 records apart', () => {
    const [count, names] = [fewer(100_000), fewer(5000)];
    const packages = Object.fromEntries(
      Array.from({ length: count }, (_, i) => [
        `pkg${i % names}-${Math.floor(i / names)}.0-h${i}_0.tar.bz2`,
        { name: `pkg${i % names}`, n: i },
      ]),
    );
    const index = scan({ packages });
    expect(index.size).toBe(count);
    expect(index.filenames('pkg77')).toEqual(
      Array.from({ length: 20 }, (_, k) => `pkg77-${k}.0-h${k * names + 77}_0.tar.bz2`),
    );
    const textOf = (fn: string): string => new TextDecoder().decode(index.rawRecord(fn));
    expect(Object.entries(packages).filter(([fn, value]) => textOf(fn) !== JSON.stringify(value))).toEqual([]);
    const half = index.filter((fn) => fn.endsWith('0_0.tar.bz2'));
    expect(half.size).toBe(count / 10);
    expect(scanRepodata(half.toBytes(), WHERE).size).toBe(count / 10);
  });
});

describe('what an index says of its files', () => {
  it('has a number for each that it has', () => {
    const index = scan(SAMPLE);
    const files = [...index.allFilenames()];
    expect(index.positions).toBe(5);
    expect(files.map((fn) => index.position(fn)).toSorted()).toEqual([0, 1, 2, 3, 4]);
    expect(index.position('a-9-0.conda')).toBe(-1);
    const part = index.filter((fn) => fn !== 'a-2-0.tar.bz2');
    expect(part.position('a-2-0.tar.bz2')).toBe(-1);
    for (const fn of part.allFilenames()) expect(part.position(fn)).toBe(index.position(fn));
  });

  it('names the packages, of a part of an index all that the whole has', () => {
    const index = scan(SAMPLE);
    expect(new Set(index.packageNames())).toEqual(new Set(['a', 'r-b', 'r']));
    expect([...index.filter((fn) => fn === 'r-1-0.conda').packageNames()]).toEqual(['r']);
    expect([...scan({ packages: { odd: {} } }).packageNames()]).toEqual([]);
    const part = scan(SAMPLE, { names: ['a', 'r', 'z'], published: 70 });
    expect([...part.packageNames()]).toEqual(['a', 'r', 'z']);
    expect([part.published, part.size]).toEqual([70, 5]);
    expect(scan(SAMPLE, { published: 70 }).published).toBe(5);
    expect(scan(SAMPLE).filter(() => false).published).toBe(5);
  });

  it.each<[unknown, string[]]>([
    [undefined, []],
    [{}, []],
    [{ conda: { 'x-1-0': {}, 'y-1-0': {} }, whl: { 'z-1-0': {} } }, ['x-1-0.conda', 'y-1-0.conda', 'z-1-0.whl']],
    [{ conda: { 'a-1-0': {}, 'x-1-0': {} } }, ['x-1-0.conda']],
    [{ conda: null, whl: 7, x: 'y' }, []],
    [{ conda: { 'x-1-0': {}, 'y-1-0': {} }, whl: null, x: 'y', z: 7, list: ['a'] }, ['x-1-0.conda', 'y-1-0.conda']],
    [null, []],
    [[{ conda: {} }], []],
    ['conda', []],
  ])('names what is there in the form of CEP 48 only: %j', (v3, names) => {
    expect(scan({ ...SAMPLE, v3 }).v3Filenames()).toEqual(names);
    expect(namesInV3(v3 === undefined ? undefined : bytesOf(JSON.stringify(v3)))).toEqual(
      names.length === 1 ? ['a-1-0.conda', ...names] : names,
    );
  });

  it('names nothing of a v3 that is no JSON', () => {
    expect(scan('{"packages":{},"v3":{x}}').v3Filenames()).toEqual([]);
  });

  it('names what is there in the form of CEP 48 only, of a part of an index too', () => {
    const index = scan({ ...SAMPLE, v3: { conda: { 'a-1-0': {}, 'x-1-0': {} }, 'tar.bz2': { 'a-1-0': {} } } });
    expect(index.v3Filenames()).toEqual(['x-1-0.conda']);
    expect(index.filter((fn) => fn === 'r-1-0.conda').v3Filenames()).toEqual(['x-1-0.conda']);
  });

  it('asks only for what is left, and parses a record only where it is looked at', () => {
    const index = scan('{"packages":{"a-1-0.conda":{"x":7},"b-1-0.conda":{},"c-1-0.conda":{},"d-1-0.conda":{}}}');
    const asked: string[] = [];
    const some = index.filter((fn) => fn !== 'b-1-0.conda' && fn !== 'd-1-0.conda');
    const none = some.filter((fn, read) => {
      asked.push(fn);
      expect(read).toThrow('has no usable');
      return false;
    });
    expect(asked).toEqual(['a-1-0.conda', 'c-1-0.conda']);
    expect([none.size, some.size, index.size, none.positions, some.positions]).toEqual([0, 2, 4, 4, 4]);
    expect([...some.allFilenames()]).toEqual(['a-1-0.conda', 'c-1-0.conda']);
    expect([...some.packageNames()]).toEqual(['a', 'c']);
    expect([some.has('b-1-0.conda'), some.has('c-1-0.conda'), some.has('b-1-0.conda')]).toEqual([false, true, false]);
    expect([some.document, none.document]).toEqual([index.document, index.document]);
    expect(() => some.record('a-1-0.conda')).toThrow(expect.objectContaining({ code: 'E_REPODATA' }));
  });

  // The members that stay, in one order, and nothing between them.
  it.each([
    [
      '{ "repodata_version" : 1, "x" : 2, "packages.conda" : { "b-1-0.conda" : {} }, "_y" : 3, "removed" : [ ], "packages" : { "a-1-0" : { } , "c-1-0" : {} }, "info" : { } }',
      '{"info":{ },"packages":{"a-1-0" : { } , "c-1-0" : {}},"packages.conda":{"b-1-0.conda" : {}},"removed":[ ],"repodata_version":1}',
      '{"repodata_version":1,"x":2,"packages.conda":{ "b-1-0.conda" : {} },"removed":[ ],"packages":{ "a-1-0" : { } , "c-1-0" : {} },"info":{ }}',
    ],
    ['{"packages":{}}', '{"packages":{},"packages.conda":{}}', '{"packages":{}}'],
    ['{"_x":1,"packages.conda":{}}', '{"packages":{},"packages.conda":{}}', '{"packages.conda":{}}'],
    ['{}', '{"packages":{},"packages.conda":{}}', '{}'],
  ])('writes %s again', (text, part, whole) => {
    const index = scan(text);
    expect(new TextDecoder().decode(index.filter(() => true).toBytes())).toBe(part);
    expect(new TextDecoder().decode(index.toBytes())).toBe(whole);
  });

  it('finds names of any letters, each by its own', () => {
    const names = ['é-1-0.conda', 'è-1-0.conda', 'e-1-0.conda', 'ş-1-0.conda', '-1-0.conda', '--', 'a-b', 'a', ''];
    const index = scan({ packages: Object.fromEntries(names.map((fn, n) => [fn, { n }])) });
    for (const [n, fn] of names.entries()) {
      expect(new TextDecoder().decode(index.rawRecord(fn))).toBe(`{"n":${n}}`);
      for (const other of [`${fn}x`, fn.slice(1), fn.slice(0, -1), `x${fn}`, fn.replace('1', '2')])
        expect(index.has(other)).toBe(names.includes(other));
    }
    expect(index.filenames('é')).toEqual(['é-1-0.conda']);
    expect(index.filenames('a')).toEqual(['a']);
    expect(index.filenames('a-b')).toEqual(['a-b']);
    expect(index.filenames('')).toEqual(['']);
  });

  it('keeps the names of one package together where others have the same beginning', () => {
    const names = ['r-1-0.conda', 'r-base-1-0.conda', 'r-2-0.conda', 'r-base-core-1-0.conda', 'r-base-2-0.conda'];
    const index = scan({ packages: Object.fromEntries(names.map((fn) => [fn, {}])) });
    expect(index.filenames('r')).toEqual(['r-1-0.conda', 'r-2-0.conda']);
    expect(index.filenames('r-base')).toEqual(['r-base-1-0.conda', 'r-base-2-0.conda']);
    expect(index.filenames('r-base-core')).toEqual(['r-base-core-1-0.conda']);
  });

  it('copies neighbours, and what stands alone, with a comma between', () => {
    const files = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => `${name}-1-0.conda`);
    const index = scan(JSON.stringify({ packages: Object.fromEntries(files.map((fn) => [fn, { fn }])) }, undefined, 1));
    for (let chosen = 0; chosen < 64; chosen += 1) {
      const kept = files.filter((_, at) => (chosen & (1 << at)) !== 0);
      expect(parsed(index.filter((fn) => kept.includes(fn)))).toEqual({
        packages: Object.fromEntries(kept.map((fn) => [fn, { fn }])),
        'packages.conda': {},
      });
    }
  });
});

describe('what is an index of nothing', () => {
  // CEP 36: `{}` is one; conda tells people to write it.
  it.each(['{}', '{"info":{}}', '{"removed":[],"repodata_version":1,"signatures":{},"v3":{}}'])('%s', (text) => {
    expect(scan(text).size).toBe(0);
  });

  it.each(['', ' \n'])('%j, where it may be blank', (text) => {
    expect(scan(text, { mayBeBlank: true }).size).toBe(0);
    expect(parsed(scan(text, { mayBeBlank: true }))).toEqual({});
    expect(refusal(() => scan(text, { mayBeBlank: false })).what).toContain('empty');
  });

  it('nothing else, though it may be blank', () => {
    expect(refusal(() => scan('x', { mayBeBlank: true })).code).toBe('E_REPODATA');
    expect(scan(SAMPLE, { mayBeBlank: true }).size).toBe(5);
  });
});

it.each([0, 1, 2])('takes the repodata_version %i', (version) => {
  expect(scan({ packages: {}, repodata_version: version }).repodataVersion).toBe(version);
});

// What is wrong, and at which byte where there is one.
it.each<[string, string, number?]>([
  ['', 'it is empty'],
  ['\ufeff ', 'it is empty'],
  ['<html>', 'it is an HTML or XML page, such as a proxy or a login puts in its place'],
  ['  [', '"{" was expected, not "["', 2],
  ['{"packages":{},"packages":{}}', 'the key "packages" is there twice', 15],
  ['{"x":1,"info":{},"x":2}', 'the key "x" is there twice', 17],
  ['{"packages":{}} x', 'something follows its end', 15],
  ['{"packages":{}}\n{}', 'something follows its end', 15],
  ['{"a":1,"info":{}}', 'it has neither "packages" nor "packages.conda"'],
  ['{"packages":{},"info":[]}', 'its "info" is not an object', 22],
  ['{"packages":{},"info":{x}}', 'a value that is not JSON', 22],
  ['{"packages":{},"\\x":{}}', 'a value that is not JSON', 15],
  ['{"packages":{},"repodata_version":1.5}', 'its "repodata_version" is not a whole number', 34],
  ['{"packages":{},"repodata_version":-1}', 'its "repodata_version" is not a whole number', 34],
  ['{"packages":{},"repodata_version":"1"}', 'its "repodata_version" is not a whole number', 34],
  ['{"packages":{},"repodata_version":3}', 'its repodata_version is 3; known are up to 2', 34],
])('says of %j that %s', (text, problem, at) => {
  expect(() => scan(text)).toThrow(
    expect.objectContaining({
      code: 'E_REPODATA',
      what: `this is not a repodata.json that can be read: ${problem}`,
      where: at === undefined ? WHERE : `${WHERE}, byte ${at}`,
      cause: expect.any(JsonBytesError) as JsonBytesError,
    }) as Error,
  );
});

it.each(['info":{"k":1}', 'k":1'])('refuses one with "%s where its k is no UTF-8', (member) => {
  const bytes = bytesOf(`{"packages":{},"${member}}`);
  bytes[bytes.lastIndexOf(0x6b)] = 0xff;
  expect(refusal(() => scanRepodata(bytes, WHERE)).what).toContain('a value that is not JSON');
});

// Where things lie is kept in 32 bits.
it.each([
  [0xffff_fffe, '"{" was expected'],
  [0xffff_ffff, 'it is larger than 4 GB'],
])('of %i bytes says that %s', (length, problem) => {
  expect(refusal(() => scanRepodata({ length } as Uint8Array, WHERE)).what).toContain(problem);
});

it('gives the subdir and the address of its files only where they are texts', () => {
  expect(scan({ info: { subdir: 7, base_url: null }, packages: {} }, { subdir: 'linux-64' })).toMatchObject({
    subdir: undefined,
    baseUrl: undefined,
  });
});

describe('real channel indexes', () => {
  for (const name of ['pytorch-linux-64.json', 'r-linux-64.json']) {
    const path = join(PROJECT_ROOT, '..', 'shared', 'data', 'repodata', name);
    it.skipIf(!existsSync(path))(`${name}: every record is the one JSON.parse gives`, () => {
      const bytes = readFileSync(path);
      const document = JSON.parse(bytes.toString()) as Record<string, Record<string, { name: string }>>;
      const records = { ...document['packages'], ...document['packages.conda'] };
      const index = scanRepodata(bytes, name, { subdir: 'linux-64' });
      expect([...index.allFilenames()]).toEqual(Object.keys(records));
      for (const [fn, value] of Object.entries(records)) expect(index.record(fn)).toEqual(value);
      const names = new Set(Object.values(records).map((each) => each.name));
      for (const each of names) {
        expect(index.filenames(each)).toEqual(Object.keys(records).filter((fn) => records[fn]!.name === each));
      }
      const kept = Object.fromEntries(Object.entries(document).filter(([key]) => !key.startsWith('_')));
      expect(JSON.parse(new TextDecoder().decode(index.toBytes()))).toEqual(kept);
    });
  }
});
