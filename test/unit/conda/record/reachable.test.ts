import { describe, expect, it } from 'vitest';
import { prunedDocument, reachable } from '../../../../src/conda/record/reachable.js';
import { scanRepodata } from '../../../../src/conda/record/repodata-scan.js';
import { fewer } from '../../../helpers/fewer.js';
import { indexOf, type Entry } from '../index-of.js';

describe('reachable', () => {
  const top = indexOf([
    ['app-1-0.conda', ['Lib >=1,<2', 'conda-forge::other 1.* *_x', '__glibc >=2.17']],
    ['app-2-0.tar.bz2', ['lib=2', 'gone']],
    ['unrelated-1-0.conda', ['more']],
  ]);
  const low = indexOf([
    ['lib-1-0.conda', ['deep'], { constrains: ['held >=1'] }],
    ['lib-2-0.conda', ['app', 'deeper']],
    ['app-3-0.conda', ['from_low']],
    ['held-1-0.conda', ['heavy']],
  ]);

  it('follows depends of every version through all channels, cycles included', () => {
    expect([...reachable([top, low], ['App'])].sort()).toEqual([
      'app',
      'deep',
      'deeper',
      'from_low',
      'gone',
      'lib',
      'other',
    ]);
    expect([...reachable([top], ['app'])].sort()).toEqual(['app', 'gone', 'lib', 'other']);
    expect([...reachable([], ['app', '__glibc'])]).toEqual(['app']);
  });

  it('reaches nothing by a text without a name', () => {
    expect([...reachable([indexOf([['a-1-0.conda', ['', ' ', '>=1', '# x']]])], ['a', ''])]).toEqual(['a']);
  });

  it('follows constrains only when asked to', () => {
    expect([...reachable([top, low], ['lib'], { constrains: true })].sort()).toContain('heavy');
    expect(reachable([top, low], ['lib']).has('held')).toBe(false);
  });

  it('follows a chain of 50,000 packages', () => {
    const chain = indexOf(Array.from({ length: fewer(50_000) }, (_, i): Entry => [`p${i}-1-0.conda`, [`p${i + 1}`]]));
    expect(reachable([chain], ['p0']).size).toBe(fewer(50_000) + 1);
  });
});

it('says in a pruned document no subdir where the index says none', () => {
  const index = scanRepodata(new TextEncoder().encode('{"packages":{}}'), 'test');
  expect(JSON.parse(new TextDecoder().decode(prunedDocument(index, new Set(['a']))))).toHaveProperty('info', {});
});

describe('prunedDocument', () => {
  const channel = indexOf([
    ['python-3.9-0.conda', ['__glibc >=2.17', 'tzdata']],
    ['python-3.8-0.tar.bz2', ['tzdata']],
    ['tzdata-1-0.conda', []],
    ['tzdata-1-0.tar.bz2', []],
    ['other-1-0.conda', []],
  ]);

  it('holds the records of the names, as published, and nothing else', () => {
    const bytes = prunedDocument(channel, new Set(['tzdata', 'python', 'none']));
    const pruned = scanRepodata(bytes, 'pruned', { subdir: 'linux-64' });
    expect([...pruned.allFilenames()]).toEqual([
      'python-3.8-0.tar.bz2',
      'tzdata-1-0.tar.bz2',
      'python-3.9-0.conda',
      'tzdata-1-0.conda',
    ]);
    for (const fn of pruned.allFilenames()) expect(pruned.rawRecord(fn)).toEqual(channel.rawRecord(fn));
    expect(JSON.parse(new TextDecoder().decode(bytes))).toMatchObject({
      info: { subdir: 'linux-64' },
      repodata_version: 1,
    });
  });

  it('is a valid empty document for no names', () => {
    expect(JSON.parse(new TextDecoder().decode(prunedDocument(channel, new Set())))).toEqual({
      info: { subdir: 'linux-64' },
      packages: {},
      'packages.conda': {},
      repodata_version: 1,
    });
  });
});
