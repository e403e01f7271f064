import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { JsonBytesError } from '../../../../src/base/json-bytes.js';
import { runScanner, type RunScan } from '../../../../src/conda/record/run-scan.js';
import { fewer } from '../../../helpers/fewer.js';

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

/** As a reader does it: so many bytes come at a time, and what was not taken comes again. */
function scan(text: string, piece = text.length + 1): RunScan {
  const bytes = encode(text);
  const scanner = runScanner((some, before) => crc32(some, before));
  let [base, end] = [0, 0];
  do {
    end = Math.min(bytes.length, end + piece);
    base += scanner.push(bytes.subarray(base, end), base, end === bytes.length);
  } while (end < bytes.length);
  return scanner.done();
}

/** Of each run its name, its map, and the file names that lie in its bytes, whose sum is checked. */
function runsOf(text: string, piece?: number): [string, string, string[]][] {
  const bytes = encode(text);
  return scan(text, piece).runs.map(({ name, odd, map, start, end, sum }) => {
    const slice = bytes.subarray(start, end);
    expect(sum).toBe(crc32(slice));
    return [
      odd ? `${name} (odd)` : name,
      map,
      Object.keys(JSON.parse(`{${new TextDecoder().decode(slice)}}`) as object),
    ];
  });
}

const SAMPLE = JSON.stringify({
  info: { subdir: 'linux-64', note: 'é' },
  packages: {
    'a-1-0.tar.bz2': { depends: ['}'] },
    'a-2-0.tar.bz2': {},
    'a-b-1-0.tar.bz2': {},
    'a-3-0.tar.bz2': {},
    odd: {},
    'a-b': { x: [{}] },
  },
  removed: ['x'],
  signatures: {},
  _url: 'y',
  'packages.conda': { 'a-1-0.conda': {}, '-1-0.conda': {}, 'b-1-0.conda': {}, 'b-1-1.conda': { y: 'é"\\' } },
  repodata_version: 1,
});

const RUNS = [
  ['a', 'packages', ['a-1-0.tar.bz2', 'a-2-0.tar.bz2']],
  ['a-b', 'packages', ['a-b-1-0.tar.bz2']],
  ['a', 'packages', ['a-3-0.tar.bz2']],
  ['odd (odd)', 'packages', ['odd']],
  ['a-b (odd)', 'packages', ['a-b']],
  ['a', 'packages.conda', ['a-1-0.conda']],
  ['-1-0.conda (odd)', 'packages.conda', ['-1-0.conda']],
  ['b', 'packages.conda', ['b-1-0.conda', 'b-1-1.conda']],
];

describe('runScanner', () => {
  it('finds the neighbours of one name, and carries info and version as they are', () => {
    expect(runsOf(SAMPLE)).toEqual(RUNS);
    expect(scan(SAMPLE)).toMatchObject({
      info: '{"subdir":"linux-64","note":"é"}',
      repodata_version: '1',
      records: 10,
      size: encode(SAMPLE).length,
    });
  });

  it('says the same however it comes in pieces', () => {
    const expected = scan(SAMPLE);
    const bytes = encode(SAMPLE).length;
    const pieces = Array.from({ length: bytes }, (_, at) => at + 1);
    expect(pieces.filter((piece) => JSON.stringify(scan(SAMPLE, piece)) !== JSON.stringify(expected))).toEqual([]);
  });

  it.each([
    ['with blanks', JSON.stringify(JSON.parse(SAMPLE), undefined, '\t').replaceAll('\n', ' \r\n ')],
    ['with a mark and a line end', `\ufeff ${SAMPLE}\n`],
  ])('reads one %s', (_what, text) => {
    for (const piece of [1, 3, 1000]) expect(runsOf(text, piece)).toEqual(RUNS);
    expect(scan(text).size).toBe(encode(text).length);
  });

  it.each([
    ['{"packages":{}}', undefined, undefined],
    ['{"packages.conda":{},"repodata_version":12}', undefined, '12'],
    ['{"repodata_version":1,"packages":{},"info":{}}', '{}', '1'],
  ])('reads %s, which has no records', (text, info, version) => {
    for (const piece of [1, 100])
      expect(scan(text, piece)).toEqual({ info, repodata_version: version, runs: [], records: 0, size: text.length });
  });

  it.each([
    ['a file twice', 'a file name twice', '{"packages":{"a-1-0.conda":{},"b-1-0.conda":{},"a-1-0.conda":{}}}'],
    ['a file twice, spelled otherwise', 'a file name twice', '{"packages":{"a-1-0.conda":{},"a-1-0.conda" :{}}}'],
    ['a file in both maps', 'a file name twice', '{"packages":{"a-1-0.conda":{}},"packages.conda":{"a-1-0.conda":{}}}'],
    ['a key twice', 'a key twice', '{"packages":{},"packages":{}}'],
    ['info twice', 'a key twice', '{"info":{},"info":{},"packages":{}}'],
    ['what is left out, twice', 'a key twice', '{"removed":[],"removed":[],"packages":{}}'],
    ['a key of a client twice', 'a key twice', '{"_a":1,"_a":1,"packages":{}}'],
    ['something behind it', 'something follows its end', '{"packages":{}}{'],
    ['no records', 'it has no records', '{"info":{}}'],
    ['no end', 'it ends where "," was expected', '{"packages":{"a-1-0.conda":{}}'],
    ['no end, without records', 'it ends where "," was expected', '{"packages":{}'],
    ['no second brace', 'it ends where "{" was expected', '{"packages":'],
    ['half a record', 'it ends within a value', '{"packages":{"a-1-0.conda":{'],
    ['a file name without a record', 'more is needed', '{"packages":{"a-1-0.conda":'],
    ['a number at its end', 'more is needed', '{"packages":{},"repodata_version":1'],
    ['records of another form (CEP 48)', 'an unknown key', '{"packages":{},"v3":{}}'],
    ['a key of the future', 'an unknown key', '{"packages":{},"x_":{}}'],
    ['a malformed escape in a key', 'what is no JSON', '{"packages":{},"_\\x":1}'],
    ['a line end in a key', 'what is no JSON', '{"packages":{},"_\n":1}'],
    ['info that is no JSON', 'what is no JSON', '{"packages":{},"info":{x}}'],
    ['a version that is no JSON', 'what is no JSON', '{"packages":{},"repodata_version":1.}'],
    ['an escape in a file name', 'a file name that is not plain', '{"packages":{"a\\u002d1-0.conda":{}}}'],
    ['a file name that is not ASCII', 'a file name that is not plain', '{"packages":{"é-1-0.conda":{}}}'],
    ['a DEL in a file name', 'a file name that is not plain', '{"packages":{"a\u007f-1-0.conda":{}}}'],
    ['a record that is a number', 'a record that is none', '{"packages":{"a-1-0.conda":12}}'],
    ['a record that is a list', 'a record that is none', '{"packages":{"a-1-0.conda":[]}}'],
    ['records that are a list', '"{" was expected', '{"packages":[]}'],
    ['no comma between members', '"," was expected', '{"packages":{}"info":{}}'],
    ['a comma before the first member', 'a string was expected', '{,"packages":{}}'],
    ['a comma behind the last', 'a string was expected', '{"packages":{},}'],
    ['no comma between records', '"," was expected', '{"packages":{"a-1-0.conda":{}"b-1-0.conda":{}}}'],
    ['a comma before the first record', 'a string was expected', '{"packages":{,"a-1-0.conda":{}}}'],
    ['a comma behind the last record', 'a string was expected', '{"packages":{"a-1-0.conda":{},}}'],
    ['no colon', '":" was expected', '{"packages"{}}'],
    ['no colon behind a file name', '":" was expected', '{"packages":{"a-1-0.conda"{}}}'],
    ['deep nesting', 'deeper than 64', `{"packages":{"a-1-0.conda":{"a":${'['.repeat(64)}${']'.repeat(64)}}}}`],
    ['deep nesting outside of records', 'deeper than 64', `{"info":${'['.repeat(65)}${']'.repeat(65)},"packages":{}}`],
    ['0 bytes', 'it ends where "{" was expected', ''],
    ['a page', '"{" was expected', '<html>'],
    ['a list', '"{" was expected', '[]'],
  ])('leaves one with %s to the scan of the whole, since: %s', (_what, problem, text) => {
    for (const piece of [1, 7, 1000]) expect(() => scan(text, piece)).toThrow(JsonBytesError);
    expect(() => scan(text)).toThrow(problem);
  });

  it.each(['_k":1', 'info":"k"'])('leaves one with %s to the scan of the whole where its k is no UTF-8', (member) => {
    const scanner = runScanner(() => 0);
    const bytes = encode(`{"packages":{},"${member}}`);
    bytes[bytes.lastIndexOf(0x6b)] = 0xff;
    expect(() => scanner.push(bytes, 0, true)).toThrow(JsonBytesError);
  });

  it('takes the brace, each map, record and member as a whole, and no part of one', () => {
    const steps = ['{', '"packages":{', '"a-1-0":{"b":1}', ',"a-2-0":{}', '}', ',"info":{}', ' }'];
    const text = steps.join('');
    const taken = Array.from({ length: text.length + 1 }, (_, length) =>
      runScanner(() => 0).push(encode(text.slice(0, length)), 1000, false),
    );
    expect([...new Set(taken)]).toEqual([0, ...steps.map((_, at) => steps.slice(0, at + 1).join('').length)]);
  });

  it.each([
    ['a-1-036vu', 'a-1-0ayea'],
    ['p-2vsl5', 'p-3fwxh'],
  ])('takes %s and %s for two, though half of their sums is one', (first, second) => {
    const member = (name: string): string => `"${name}":{}`;
    expect(scan(`{"packages":{${member(first)},${member(second)}}}`).records).toBe(2);
    expect(() => scan(`{"packages":{${[first, second, second].map(member).join(',')}}}`)).toThrow('twice');
  });

  it('keeps a file that is called as a package apart from those of that package', () => {
    expect(runsOf('{"packages":{"a":{},"a-1-0":{},"a-2-0":{},"a-b":{},"a-3-0":{}}}')).toEqual([
      ['a (odd)', 'packages', ['a']],
      ['a', 'packages', ['a-1-0', 'a-2-0']],
      ['a-b (odd)', 'packages', ['a-b']],
      ['a', 'packages', ['a-3-0']],
    ]);
    expect(runsOf('{"packages":{"ab~-1-0":{},"ab~-2-0":{},"ab}-1-0":{},"cb}-1-0":{},"b}-1-0":{}}}')).toEqual([
      ['ab~', 'packages', ['ab~-1-0', 'ab~-2-0']],
      ['ab}', 'packages', ['ab}-1-0']],
      ['cb}', 'packages', ['cb}-1-0']],
      ['b}', 'packages', ['b}-1-0']],
    ]);
    expect(runsOf('{"packages":{"a-1-0":{}},"info":{},"packages.conda":{"a-2-0":{}}}')).toEqual([
      ['a', 'packages', ['a-1-0']],
      ['a', 'packages.conda', ['a-2-0']],
    ]);
  });

  it.each(['', '{', '{"packages":{}', '{"packages":{"a":{}'])('has not done with %j', (text) => {
    const scanner = runScanner(() => 0);
    scanner.push(encode(text), 0, false);
    expect(() => scanner.done()).toThrow('it ends too soon');
  });

  it('does not wait for more where more would change nothing', () => {
    for (const text of [
      '{"packages":{},"packages"  :',
      '{"packages":{"a\\u002d":{}',
      '{"packages":{"a":1',
      '{"x":1,',
      '{"_\\x":',
      '{"packages":{}} x',
    ]) {
      const scanner = runScanner(() => 0);
      expect(() => scanner.push(encode(text), 0, false)).toThrow(JsonBytesError);
    }
  });

  it('lets a value be as deep as the scan of the whole does', () => {
    const deep = `${'['.repeat(63)}${']'.repeat(63)}`;
    expect(scan(`{"info":[${deep}],"packages":{"a-1-0.conda":{"a":${deep}}}}`).records).toBe(1);
  });

  it('keeps 30,000 names apart, and finds the one that is there twice', () => {
    // Also where fewer are tried, more than its table has room for at the beginning.
    const count = Math.max(5000, fewer(30_000));
    const names = Array.from({ length: count }, (_, at) => `"p${at % 100}-${at}-0.conda":{}`);
    const { records, runs } = scan(`{"packages":{${names.join(',')}}}`);
    expect([records, runs.length]).toEqual([count, count]);
    for (const at of [0, 1, count / 2, count - 1])
      expect(() => scan(`{"packages":{${[...names, names[at]].join(',')}}}`)).toThrow('a file name twice');
  });

  it('gives up where the records are not sorted by name', () => {
    const names = Array.from({ length: 200_000 }, (_, at) => `"${at % 2}-${at}-":{}`);
    const scanner = runScanner(() => 0);
    const text = `{"packages":{${names.join(',')}`;
    expect(scanner.push(encode(text), 0, false)).toBe(text.length);
    expect(() => scanner.push(encode(',"0-x-":{}}}'), text.length, true)).toThrow('too many runs');
  });
});
