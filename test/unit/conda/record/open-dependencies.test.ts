import { describe, expect, it } from 'vitest';
import {
  findingOpenDependencies,
  openDependencies,
  type DependentFile,
} from '../../../../src/conda/record/open-dependencies.js';

const file = (subdir: string, name: string, depends: string[], more: object = {}): DependentFile => {
  const record = { name, version: '1', build: '0', build_number: 0, depends, ...more };
  return { subdir, fn: `${name}-${record.version}-${record.build}.conda`, record };
};

// conda looks for what a platform's package needs in that platform's folder and in noarch, and for a noarch package on every machine.
describe('openDependencies', () => {
  it.each<[string, DependentFile[], string[]]>([
    [
      'satisfied in the platform and in noarch',
      [file('linux-64', 'a', ['b', 'c >=1']), file('linux-64', 'b', []), file('noarch', 'c', [])],
      [],
    ],
    ['another version', [file('linux-64', 'a', ['b >=2']), file('linux-64', 'b', [])], ['a b >=2']],
    ['another build', [file('linux-64', 'a', ['b 1 py_0']), file('linux-64', 'b', [])], ['a b 1 py_0']],
    [
      'the second of two versions',
      [file('linux-64', 'a', ['b >=2']), file('linux-64', 'b', []), file('linux-64', 'b', [], { version: '2' })],
      [],
    ],
    [
      'the second of two builds',
      [file('linux-64', 'a', ['b 1 py_0']), file('linux-64', 'b', []), file('linux-64', 'b', [], { build: 'py_0' })],
      [],
    ],
    [
      'the second of two build numbers',
      [
        file('linux-64', 'a', ["b[build_number='>=3']"]),
        file('linux-64', 'b', []),
        file('linux-64', 'b', [], { build: '3', build_number: 3 }),
      ],
      [],
    ],
    [
      'by another build number',
      [file('linux-64', 'a', ["b[build_number='>=3']"]), file('linux-64', 'b', [])],
      ["a b[build_number='>=3']"],
    ],
    ['only on another platform', [file('linux-64', 'a', ['b']), file('win-64', 'b', [])], ['a b']],
    [
      'on one of two platforms that ask for it',
      [file('linux-64', 'a', ['b']), file('win-64', 'c', ['b']), file('win-64', 'b', [])],
      ['a b'],
    ],
    ['nowhere', [file('noarch', 'a', ['b', 'c']), file('win-64', 'd', ['b'])], ['a b', 'a c', 'd b']],
    ['noarch may be meant for one platform', [file('noarch', 'a', ['b']), file('win-64', 'b', [])], []],
    ['the machine’s', [file('noarch', 'a', ['__glibc >=2.17'])], []],
    ['a condition', [file('noarch', 'a', ['x; if y'])], []],
    ['what can’t be read', [file('noarch', 'a', ['???'])], []],
    ['names are compared without case', [file('noarch', 'A', ['A', 'b']), file('noarch', 'B', [])], []],
    [
      'which channel or subdir it names does not count',
      [file('linux-64', 'a', ['c::b', 'c/win-64::b', 'b[subdir=win-64]']), file('linux-64', 'b', [])],
      [],
    ],
  ])('%s', (_name, files, expected) => {
    expect(openDependencies(files).map(({ path, depends }) => `${path.split(/[/-]/).at(-3)} ${depends}`)).toEqual(
      expected,
    );
  });

  it('names the file by its folder', () => {
    expect(openDependencies([file('linux-64', 'a', ['b'])])).toEqual([{ path: 'linux-64/a-1-0.conda', depends: 'b' }]);
  });

  it('asks a record once for what it depends on', () => {
    const { record, ...rest } = file('linux-64', 'a', ['b']);
    let asked = 0;
    const files = [
      {
        ...rest,
        get record() {
          asked += 1;
          return record;
        },
      },
    ];
    expect(openDependencies(files)).toHaveLength(1);
    expect(asked).toBe(1);
  });

  it('parses no record whose needs are at hand', () => {
    const { record, ...rest } = file('linux-64', 'a', ['b']);
    const lazy = {
      ...rest,
      dependent: record,
      get record(): never {
        throw new Error('parsed');
      },
    };
    expect(openDependencies([lazy])).toEqual([{ path: 'linux-64/a-1-0.conda', depends: 'b' }]);
  });

  it('of thousands of needs, each of the package that has it', () => {
    const needs = (at: number): string[] => (at % 2 === 0 ? ['there', `lacks-${at}`, 'there >=1'] : []);
    const files = Array.from({ length: 2000 }, (_, at) => file('linux-64', `p${at}`, needs(at)));
    const open = openDependencies([...files, file('linux-64', 'there', [])]);
    expect(open).toEqual(
      files
        .filter((_, at) => at % 2 === 0)
        .map(({ fn }, at) => ({ path: `linux-64/${fn}`, depends: `lacks-${2 * at}` })),
    );
  });

  it.each([
    [4999, 0],
    [5000, 2],
    [9999, 2],
    [10_000, 4],
  ])('lets others work after each 5000 files of each of its two looks: of %i, %i times', (count, pauses) => {
    const files = Array.from({ length: count }, () => file('linux-64', 'a', ['a', 'b']));
    const steps = findingOpenDependencies(files);
    let [paused, step] = [0, steps.next()];
    for (; step.done !== true; step = steps.next()) paused += 1;
    expect([paused, step.value.length]).toEqual([pauses, count]);
  });
});
