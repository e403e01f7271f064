import { describe, expect, it } from 'vitest';
import { packageSpec } from '../../../src/answers/graph.js';
import { why } from '../../../src/answers/why.js';
import type { WhyPackage, WhyStep } from '../../../src/answers/schema.js';
import { sampleAsked, type SampleAsked } from '../../helpers/asked.js';

const APP = { name: 'app', depends: ['lib >=1', 'python >=3.9'] };
const LIB = { name: 'lib', version: '1.5', depends: ['ssl 3.*', '__glibc >=2.17,<3.0.a0'], subdir: 'noarch' };
const PYTHON = { name: 'python', version: '3.9.2', depends: ['ssl >=3'] };
const SSL = { name: 'ssl', version: '3.0' };
const PIP = { name: 'pip', depends: ['python'], subdir: 'noarch' };

function only(sample: SampleAsked, name: string, most = 10): WhyPackage {
  const found = why(sampleAsked(sample), { spec: packageSpec(name), subdirs: [], most }).flatMap(
    ({ packages }) => packages,
  );
  expect(found).toHaveLength(1);
  return found[0]!;
}
const texts = (paths: readonly (readonly WhyStep[])[]): string[] =>
  paths.map((path) => path.map(({ constraint, name }) => `${constraint}: ${name}`).join(' | '));

describe('why', () => {
  it('gives each path with the constraint of each edge, the shortest first', () => {
    const found = only({ specs: ['app', 'python=3.9'], packages: [APP, LIB, PYTHON, SSL] }, 'ssl');
    expect(texts(found.paths)).toEqual([
      'python=3.9: python | ssl >=3: ssl',
      'app: app | python >=3.9: python | ssl >=3: ssl',
      'app: app | lib >=1: lib | ssl 3.*: ssl',
    ]);
    expect(found).toMatchObject({ asked_for: [], because_of: ['app', 'python=3.9'], more: false });
    expect(found.needed_by.map(({ name, constraint }) => `${name}: ${constraint}`)).toEqual([
      'lib: ssl 3.*',
      'python: ssl >=3',
    ]);
  });

  it('says of what was asked for itself that it was, and goes on to what else needs it', () => {
    const found = only({ specs: ['app', 'lib'], packages: [APP, LIB, PYTHON, SSL] }, 'lib');
    expect(found.asked_for).toEqual(['lib']);
    expect(texts(found.paths)).toEqual(['lib: lib', 'app: app | lib >=1: lib']);
  });

  it('ends in a circle: python needs pip, pip needs python', () => {
    const found = only({ specs: ['app'], packages: [APP, LIB, PYTHON, SSL, PIP] }, 'pip');
    expect(texts(found.paths)).toEqual(['app: app | python >=3.9: python | pip: pip']);
  });

  it.each([
    ['conda 24.1', ['app: app | python >=3.9: python | pip: pip']],
    ['rattler 0.30', []],
  ])('has the edge to pip where the client %s adds it', (client, expected) => {
    const profiles = [{ subdir: 'linux-64', virtual_packages: [], client }];
    const found = only({ specs: ['app'], profiles, packages: [APP, LIB, PYTHON, SSL, PIP] }, 'pip');
    expect(texts(found.paths)).toEqual(expected);
  });

  it('leads to a virtual package, with what is asked of it', () => {
    const found = only({ specs: ['app'], packages: [APP, LIB, PYTHON, SSL] }, '__glibc');
    expect(texts(found.paths)).toEqual(['app: app | lib >=1: lib | __glibc >=2.17,<3.0.a0: __glibc']);
    expect(found).toMatchObject({ version: '2.17', subdir: null });
  });

  it('tells the builds of one name apart, and takes a MatchSpec', () => {
    const packages = [APP, LIB, PYTHON, SSL, { name: 'ssl', version: '2.0' }];
    const asked = sampleAsked({ specs: ['app'], packages });
    const all = why(asked, { spec: packageSpec('ssl'), subdirs: [], most: 9 })[0]!.packages;
    expect(all.map(({ version, paths }) => [version, paths.length])).toEqual([
      ['3.0', 2],
      ['2.0', 0],
    ]);
    expect(why(asked, { spec: packageSpec('ssl<3'), subdirs: [], most: 9 })[0]!.packages).toHaveLength(1);
    expect(why(asked, { spec: packageSpec('ssl>3'), subdirs: [], most: 9 })).toEqual([]);
  });

  it('keeps the number of paths where there are more than can be counted', () => {
    // 12 rows of 4 packages, each needing all of the next row: 4^12 paths.
    const rows = Array.from({ length: 12 }, (_, row) =>
      Array.from({ length: 4 }, (_, at) => ({
        name: `r${row}-${at}`,
        depends: row === 11 ? ['end'] : [0, 1, 2, 3].map((next) => `r${row + 1}-${next}`),
      })),
    ).flat();
    const found = only({ specs: ['r0-0'], packages: [...rows, { name: 'end' }] }, 'end', 7);
    expect(found.paths).toHaveLength(7);
    expect(found.more).toBe(true);
    expect(found.paths.every((path) => path.length === 13)).toBe(true);
  });

  it('asks each platform by what it has, and refuses one that is not there', () => {
    const asked = sampleAsked({
      specs: ['app', 'only[subdir=win-64]'],
      profiles: ['linux-64', 'win-64'].map((subdir) => ({ subdir, virtual_packages: [], client: null })),
      packages: [APP, LIB, PYTHON, SSL, { name: 'only', subdir: 'win-64', depends: ['lib'] }],
    });
    const found = why(asked, { spec: packageSpec('lib'), subdirs: [], most: 9 });
    expect(found.map(({ subdir, packages }) => [subdir, packages.flatMap(({ because_of: by }) => by)])).toEqual([
      ['linux-64', ['app']],
      ['win-64', ['only[subdir=win-64]']],
    ]);
    expect(() => why(asked, { spec: packageSpec('lib'), subdirs: ['osx-64'], most: 9 })).toThrow(
      expect.objectContaining({ code: 'E_USAGE', hint: 'It has linux-64, win-64.' }),
    );
  });
});
