import { describe, expect, it } from 'vitest';
import { reachable } from '../../../../src/conda/record/reachable.js';
import { scanRepodata } from '../../../../src/conda/record/repodata-scan.js';
import { parseClient } from '../../../../src/conda/plan/target.js';
import { clientView, twinOf } from '../../../../src/conda/channel/view.js';
import { indexOf } from '../index-of.js';

const CHANNEL = indexOf([
  ['python-3.9-0.conda', ['__glibc >=2.17', 'tzdata']],
  ['python-3.8-0.tar.bz2', ['tzdata']],
  ['tzdata-1-0.conda', []],
  ['tzdata-1-0.tar.bz2', []],
  ['cuda-1-0.tar.bz2', ['python', '  __cuda >=11']],
  ['odd-1-0.tar.bz2', ['not__virtual', 'python'], { constrains: ['__glibc >=2'], license: '__' }],
  ['mutex-1-a__b.tar.bz2', []],
]);

describe('clientView', () => {
  it('shows everything to a client that reads everything', () => {
    expect(clientView(parseClient('conda 26.7'))(CHANNEL)).toBe(CHANNEL);
    expect(clientView(undefined)(CHANNEL)).toBe(CHANNEL);
  });

  it('hides .conda files and what depends on virtual packages from conda 4.4', () => {
    expect([...clientView(parseClient('conda 4.4'))(CHANNEL).allFilenames()]).toEqual([
      'python-3.8-0.tar.bz2',
      'tzdata-1-0.tar.bz2',
      'odd-1-0.tar.bz2',
      'mutex-1-a__b.tar.bz2',
    ]);
  });

  it('hides each for itself', () => {
    const names = (client: { readsCondaFormat: boolean; knowsVirtualPackages: boolean }) => [
      ...clientView(client)(CHANNEL).allFilenames(),
    ];
    expect(names({ readsCondaFormat: true, knowsVirtualPackages: false })).not.toContain('python-3.9-0.conda');
    expect(names({ readsCondaFormat: true, knowsVirtualPackages: false })).toContain('tzdata-1-0.conda');
    expect(names({ readsCondaFormat: false, knowsVirtualPackages: true })).toContain('cuda-1-0.tar.bz2');
    expect(names({ readsCondaFormat: false, knowsVirtualPackages: true }).some((fn) => fn.endsWith('.conda'))).toBe(
      false,
    );
  });

  it('B3 does not stumble over a damaged record', () => {
    const text =
      '{"packages":{"a-1-0.tar.bz2":{"depends":["__x",]},"b-1-0.tar.bz2":["__x"],"c-1-0.tar.bz2":{"depends":"__x"}}}';
    const index = scanRepodata(new TextEncoder().encode(text), 'test');
    expect(clientView(parseClient('conda 4.4'))(index).size).toBe(3);
    expect([...reachable([index], ['a', 'b', 'c'])]).toEqual(['a', 'b', 'c']);
  });
});

describe('twinOf', () => {
  it.each([
    ['a-1-0.conda', 'a-1-0.tar.bz2'],
    ['a-1-0.tar.bz2', 'a-1-0.conda'],
    ['a.conda-1-0.tar.bz2', 'a.conda-1-0.conda'],
    ['repodata.json', undefined],
  ])('%s: %s', (fn, twin) => {
    expect(twinOf(fn)).toBe(twin);
  });
});
