import { describe, expect, it } from 'vitest';
import {
  larger,
  packageNameEnd,
  recordTableBuilder,
  type RecordTable,
  type RecordTableBuilder,
} from '../../../../src/conda/record/record-table.js';

type Lies = readonly [keyStart: number, keyEnd: number, valueStart: number, valueEnd: number];

/** A document with these keys, spelled as they stand between their quotes, and where each lies with its value. */
function documentOf(keys: readonly string[]): { bytes: Uint8Array; lies: Lies[] } {
  const lies: Lies[] = [];
  let end = 0;
  const members = keys.map((key, at) => {
    const [quoted, value] = [`"${key}"`, `{"n":${at}}`];
    const keyStart = end + 1;
    const keyEnd = keyStart + Buffer.byteLength(quoted);
    end = keyEnd + 1 + value.length;
    lies.push([keyStart, keyEnd, keyEnd + 1, end]);
    return `${quoted}:${value}`;
  });
  return { bytes: Buffer.from(`{${members.join(',')}}`), lies };
}

function builderOf(keys: readonly string[]): RecordTableBuilder {
  const { bytes, lies } = documentOf(keys);
  const builder = recordTableBuilder(bytes);
  for (const each of lies) builder.add(...each);
  return builder;
}

const tableOf = (keys: readonly string[]): RecordTable => builderOf(keys).build();
const filesOf = (table: RecordTable, name: string): string[] => table.ofName(name).map((at) => table.filename(at));

/** More than it has room for at the beginning, and more than twice that; each of a package of its own. */
const MANY = Array.from({ length: 5000 }, (_, at) => `p${at}-1-${at % 7}.conda`);

/** Pairs with one sum (FNV-1a of 32 bits: offset 0x811c9dc5, prime 0x01000193), by search; of some, one is the beginning of the other. */
const ONE_SUM: readonly (readonly [string, string])[] = [
  ['a-1-036vu', 'a-1-0ayea'],
  ['é-1-19vl8', 'é-1-1apd6'],
  ['a-1-0', 'a-1-0d63gp1a'],
  ['é-1-0', 'é-1-0zjkks9b'],
  ['', 'xo280da'],
];

describe('a table of records', () => {
  it('says of each of thousands where it lies, and which it is', () => {
    const table = tableOf(MANY);
    const { lies } = documentOf(MANY);
    expect([builderOf(MANY).count, table.count]).toEqual([MANY.length, MANY.length]);
    const wrong = MANY.filter((fn, at) => {
      const [keyStart, , valueStart, valueEnd] = lies[at]!;
      const found = [table.find(fn), table.keyStart(at), table.valueStart(at), table.valueEnd(at), table.filename(at)];
      return (
        `${found.join()} ${table.ofName(`p${at}`).join()}` !==
        `${[at, keyStart, valueStart, valueEnd, fn].join()} ${at}`
      );
    });
    expect(wrong).toEqual([]);
    expect(MANY.filter((fn) => table.find(`${fn}x`) !== -1 || table.find(`${fn}é`) !== -1)).toEqual([]);
  });

  it.each([0, 1, 1023, 1024, 1025, 2048, 4095, 4999])('refuses the one of number %i twice', (at) => {
    const { lies } = documentOf([...MANY, MANY[at]!]);
    expect(() => builderOf([...MANY, MANY[at]!])).toThrow(
      expect.objectContaining({ message: `the record ${MANY[at]!} is there twice`, at: lies.at(-1)![0] }),
    );
  });

  it.each(ONE_SUM)('takes %j and %j for two, though they have one sum', (...pair) => {
    for (const [first, second] of [pair, pair.toReversed() as [string, string]]) {
      const both = tableOf([first, second]);
      expect([both.find(first), both.find(second), both.count]).toEqual([0, 1, 2]);
      expect(tableOf([first]).find(second)).toBe(-1);
    }
  });

  it.each([
    ['a-1-0', 'a\\u002d1-0', 'a-1-0'],
    ['é-1-0', '\\u00e9-1-0', 'é-1-0'],
    ['é-1-0', '\\u00e9-1-0', '\\u00E9-1-0'],
    ['"', '\\"', '\\u0022'],
    ['\\', '\\\\', '\\u005c'],
    ['😀', '\\ud83d\\ude00', '😀'],
  ])('takes %j for what is spelled %s and %s', (name, ...spelled) => {
    for (const each of spelled) {
      const table = tableOf(['x', each, 'y']);
      expect([table.find(name), table.filename(1), table.filename(2)]).toEqual([1, name, 'y']);
      expect(() => tableOf(['z', each, each])).toThrow('is there twice');
    }
    expect(tableOf(spelled.slice(0, 1)).find(spelled[0]!)).toBe(-1);
    expect(() => tableOf(['z', ...spelled])).toThrow('is there twice');
    expect(() => tableOf(['z', ...spelled.toReversed()])).toThrow('is there twice');
  });

  it.each(['\\x', 'a\\u00g0', '\\ud8'])('refuses a name spelled %s, which is no JSON', (spelled) => {
    const { lies } = documentOf(['x', spelled]);
    expect(() => tableOf(['x', spelled])).toThrow(
      expect.objectContaining({ message: 'a file name with a malformed escape', at: lies[1]![0] }),
    );
  });

  it('has nothing where nothing was added', () => {
    const table = tableOf([]);
    expect([table.count, table.find(''), table.find('é'), table.ofName(''), table.ofName('a')]).toEqual([
      0,
      -1,
      -1,
      [],
      [],
    ]);
  });

  it('keeps the files of one package in their order, beside thousands of others', () => {
    const builds = Array.from({ length: 300 }, (_, at) => [`a-${at}-0.conda`, `a-b-${at}-0.tar.bz2`]).flat();
    const mixed = MANY.flatMap((fn, at) => (at < builds.length ? [fn, builds[at]!] : [fn]));
    const table = tableOf(mixed);
    expect(filesOf(table, 'a')).toEqual(builds.filter((_, at) => at % 2 === 0));
    expect(filesOf(table, 'a-b')).toEqual(builds.filter((_, at) => at % 2 === 1));
    expect(MANY.filter((fn, at) => filesOf(table, `p${at}`).join() !== fn)).toEqual([]);
    for (const none of ['', 'p', 'p5000', 'a-', 'b', '-']) expect(table.ofName(none)).toEqual([]);
  });

  // The sums of these names lie in one place of a table for few (as those of "a"): each is compared.
  it('keeps names apart that begin alike and lie in one place', () => {
    const names = ['a', 'aajx', 'afyj', 'ah4a', 'a2gg'];
    const files = [...names, ...names.toReversed()].map((name, at) => `${name}-${at}-0.conda`);
    const table = tableOf(files);
    for (const name of names) expect(filesOf(table, name)).toEqual(files.filter((fn) => fn.startsWith(`${name}-`)));
    expect([table.ofName('aggs'), tableOf(['aajx-1-0.conda']).ofName('a')]).toEqual([[], []]);
  });

  it('is of those that were there when it was made', () => {
    const { bytes, lies } = documentOf(['a-1-0', 'b-1-0']);
    const builder = recordTableBuilder(bytes);
    builder.add(...lies[0]!);
    const table = builder.build();
    expect([table.count, table.ofName('a'), table.ofName('b')]).toEqual([1, [0], []]);
  });
});

// CEP 26: NAME-VERSION-BUILD.EXT, and neither version nor build has a dash.
it.each([
  ['r-base-4.1-0.conda', 'r-base'],
  ['a-1-0.conda', 'a'],
  ['a--1-0.conda', 'a-'],
  ['a--0.conda', 'a'],
  ['-a-1-0', '-a'],
  ['a-1', undefined],
  ['a', undefined],
  ['', undefined],
  ['-', undefined],
  ['--', undefined],
  ['-1-0', undefined],
])('of %j the package name is %j', (fn, name) => {
  const bytes = Buffer.from(`-"${fn}"--`);
  const end = packageNameEnd(bytes, 2, bytes.length - 3);
  expect(end < 0 ? end : bytes.toString('utf8', 2, end)).toBe(name ?? -1);
});

it('makes as much room again, with what was there', () => {
  expect([...larger(new Uint32Array([1, 0xffffffff, 3]))]).toEqual([1, 0xffffffff, 3, 0, 0, 0]);
  expect([...larger(new Uint32Array([7]))]).toEqual([7, 0]);
});
