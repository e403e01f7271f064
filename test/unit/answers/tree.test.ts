import { describe, expect, it } from 'vitest';
import { packageSpec } from '../../../src/answers/graph.js';
import type { TreeNode } from '../../../src/answers/schema.js';
import { tree, type TreeOptions } from '../../../src/answers/tree.js';
import { sampleAsked, type SampleAsked } from '../../helpers/asked.js';

const PACKAGES = [
  { name: 'app', depends: ['lib >=1', 'tool'] },
  { name: 'tool', depends: ['lib', 'base'] },
  { name: 'lib', version: '1.5', depends: ['base >=2'] },
  { name: 'base', version: '2.0', depends: ['lib'] },
];

function lines(sample: SampleAsked, options: Partial<Omit<TreeOptions, 'of'>> & { of?: string } = {}): string[] {
  const { of } = options;
  const spec = of === undefined ? undefined : packageSpec(of);
  const all = { subdirs: [], invert: false, depth: Infinity, ...options, of: spec };
  const lineOf = (node: TreeNode, indent: string): string[] => [
    `${indent}${node.name} ${node.version}${node.constraint === null ? '' : ` (${node.constraint})`}${node.state === 'whole' ? '' : ` ${node.state}`}`,
    ...node.packages.flatMap((each) => lineOf(each, `${indent}. `)),
  ];
  return tree(sampleAsked(sample), all).flatMap(({ roots }) => roots.flatMap((root) => lineOf(root, '')));
}

describe('tree', () => {
  it('opens each package once, ends in a circle, and shows what nothing asked for', () => {
    const stray = [
      { name: 'stray', depends: ['knot-a'] },
      { name: 'knot-a', depends: ['knot-b'] },
      { name: 'knot-b', depends: ['knot-a'] },
    ];
    expect(lines({ specs: ['app'], packages: [...PACKAGES, ...stray] })).toEqual([
      'app 1.0 (app)',
      '. lib 1.5 (lib >=1)',
      '. . base 2.0 (base >=2)',
      '. . . lib 1.5 (lib) above',
      '. tool 1.0 (tool)',
      '. . base 2.0 (base) above',
      '. . lib 1.5 (lib) above',
      'stray 1.0',
      '. knot-a 1.0 (knot-a)',
      '. . knot-b 1.0 (knot-b)',
      '. . . knot-a 1.0 (knot-a) above',
    ]);
  });

  it('cuts at a depth, and opens again what stands higher than where it was cut', () => {
    const packages = [
      { name: 'a', depends: ['b', 'd'] },
      { name: 'b', depends: ['c'] },
      { name: 'c', depends: ['d'] },
      { name: 'd', depends: ['e'] },
      { name: 'e', depends: ['f'] },
      { name: 'f' },
    ];
    expect(lines({ specs: ['a'], packages }, { depth: 3 })).toEqual([
      'a 1.0 (a)',
      '. b 1.0 (b)',
      '. . c 1.0 (c)',
      '. . . d 1.0 (d) cut',
      '. d 1.0 (d)',
      '. . e 1.0 (e)',
      '. . . f 1.0 (f)',
    ]);
  });

  it('grows up from a package', () => {
    expect(lines({ specs: ['app'], packages: PACKAGES }, { of: 'base', invert: true })).toEqual([
      'base 2.0',
      '. lib 1.5 (base >=2)',
      '. . app 1.0 (lib >=1)',
      '. . base 2.0 (lib) above',
      '. . tool 1.0 (lib)',
      '. . . app 1.0 (tool)',
      '. tool 1.0 (base) above',
    ]);
  });

  it('shows of a channel of others the newest, and the newest that it can be installed with', () => {
    const packages = [
      { name: 'app', version: '1', depends: ['lib'] },
      { name: 'app', version: '2', depends: ['lib <2', '__glibc >=2.28'] },
      { name: 'lib', version: '2.0' },
      { name: 'lib', version: '1.9', build: '1', build_number: 1 },
      { name: 'lib', version: '1.9', build: '0' },
    ];
    expect(lines({ packages }, { of: 'app' })).toEqual(['app 2', '. __glibc  (__glibc >=2.28)', '. lib 1.9 (lib <2)']);
    expect(lines({ packages }, { of: 'lib', invert: true })).toEqual(['lib 2.0', 'lib 1.9', '. app 2 (lib <2)']);
    expect(lines({ specs: [], packages }, { of: '__glibc', invert: true })).toEqual([
      '__glibc ',
      '. app 2 (__glibc >=2.28)',
    ]);
  });

  it('has none where nothing is called so', () => {
    expect(lines({ specs: ['app'], packages: PACKAGES }, { of: 'nothing' })).toEqual([]);
  });
});
