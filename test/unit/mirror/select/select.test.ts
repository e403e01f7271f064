import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PROJECT_ROOT } from '../../../../scripts/lib/layers.js';
import { scanRepodata } from '../../../../src/conda/record/repodata-scan.js';
import { licenceFamilies } from '../../../../src/conda/licence/licence-families.js';
import { selectForMirror } from '../../../../src/mirror/select/select.js';
import { channel, filterOf, pickedFrom, sourcesOf, stems } from '../mirror-sample.js';
import type { Sample } from '../mirror-sample.js';

const main = channel('main');
const sample: Sample = {
  'flask-1.0-py36_0': { license_family: 'BSD', depends: ['python >=3.6,<3.7.0a0'] },
  'gsl-2.1-0': { license_family: 'GPL3' },
  'conda-4.5-py36_0': { license_family: 'GPL3', depends: ['python 3.6*'] },
  'readline-7.0-0': { license: 'GPL (>= 2)' },
  'zlib-1.2-0': { license_family: 'Other' },
  'six-1.0-py_0': { subdir: 'noarch', noarch: 'python', depends: ['python'], license: 'MIT' },
};
const sources = sourcesOf(main, sample);

describe('the order documented for the old tools', () => {
  it.each([
    ['nothing said: everything', '', 'conda flask gsl readline six zlib'],
    ['licence list', 'license_blacklist: GPL3', 'flask six zlib'],
    ['GPL2 meets "GPL (>= 2)"', 'license_blacklist: [gpl2]', 'conda flask gsl six zlib'],
    ['then blacklist', 'license_blacklist: GPL\nblacklist: [flask]', 'six zlib'],
    [
      'whitelist over both',
      'license_blacklist: GPL\nblacklist: [flask]\nwhitelist: [conda, flask]',
      'conda flask six zlib',
    ],
    ['OTHER in any case', 'license_blacklist: [OTHER]', 'conda flask gsl readline six'],
    ['names with a star', 'blacklist: ["*l*"]\nwhitelist: [z*]', 'conda six zlib'],
    ['names in capitals', 'blacklist: [Flask]', 'conda gsl readline six zlib'],
  ])('%s', (_, text, expected) => {
    expect(pickedFrom(sources, text).map((stem) => stem.replace(/-.*/, ''))).toEqual(expected.split(' '));
  });
});

describe('rules of ours', () => {
  it.each([
    ['include: only what matches, the whitelist stays', 'include: [flask, "zlib>1.2"]\nwhitelist: [six]', 'flask six'],
    ['licence list and blacklist hold for what is included', 'include: [gsl, flask]\nlicense_blacklist: GPL', 'flask'],
    ['exclude', 'exclude: ["conda<5", zlib=1.2]', 'flask gsl readline six'],
    ['exclude holds for what is whitelisted', 'whitelist: [conda]\nexclude: [conda]', 'flask gsl readline six zlib'],
    ['a star in a spec', 'include: ["*l*"]\nexclude: ["z*<2"]', 'flask gsl readline'],
    ['a subdir in a spec', 'include: ["six[subdir=noarch]", "zlib[subdir=noarch]"]', 'six'],
    ['python', 'python: ["3.7"]', 'gsl readline six zlib'],
    ['python that fits', 'python: ["3.7", "3.6"]', 'conda flask gsl readline six zlib'],
  ])('%s', (_, text, expected) => {
    expect(pickedFrom(sources, text).map((stem) => stem.replace(/-.*/, ''))).toEqual(expected.split(' '));
  });

  it('include and exclude by channel', () => {
    const other = channel('conda-forge');
    const two = [...sources, ...sourcesOf(other, { 'zlib-1.3-0': {}, 'gsl-2.2-0': {} })];
    expect(pickedFrom(two, 'include: [conda-forge::zlib, main::gsl]')).toEqual(['gsl-2.1-0', 'zlib-1.3-0']);
    expect(pickedFrom(two, 'include: [zlib, gsl]\nexclude: ["https://example.org/conda-forge::gsl"]')).toEqual([
      'gsl-2.1-0',
      'zlib-1.2-0',
      'zlib-1.3-0',
    ]);
  });

  it.each([
    ['python >=3.10,<3.11.0a0', true],
    ['python 3.10.*', true],
    ['python >=3.10', true],
    ['python >=3.8', true],
    ['python <3.11', true],
    ['python >=3.10.4,<3.10.6', true],
    ['python >3.10.4,<3.10.6', true],
    ['python >3.10.4', true],
    ['python !=3.10.0', true],
    ['python >3.11,<4', false],
    ['python !=3.10.*', false],
    ['python 3.10.4', true],
    ['python 3.9.*|3.10.*', true],
    ['python 3', false],
    ['python 3.*', true],
    ['python', true],
    ['python_abi 3.10.* *_cp310', true],
    ['python >=3.11', false],
    ['python 3.1.*', false],
    ['python >=3.1,<3.2.0a0', false],
    ['python_abi 3.9.* *_cp39', false],
    ['python 2.7*', false],
    ['python-dateutil 2.7.*', true],
    ['pythonnet <3', true],
  ])('python 3.10 and a build that depends on "%s": %s', (depends, fits) => {
    expect(pickedFrom(sourcesOf(main, { 'a-1-0': { depends: ['zlib', depends] } }), 'python: ["3.10"]')).toHaveLength(
      fits ? 1 : 0,
    );
  });

  it('python takes the packages python of its own', () => {
    const pythons = sourcesOf(main, { 'python-3.10.1-0': {}, 'python-3.1-0': {}, 'python-2.7.18-0': {} });
    expect(pickedFrom(pythons, 'python: ["3.10"]')).toEqual(['python-3.10.1-0']);
  });

  it('since and until: both days are in, seconds and milliseconds, and records without a timestamp are old', () => {
    const dated = sourcesOf(main, {
      'a-1-0': { timestamp: Date.UTC(2020, 0, 1) },
      'b-1-0': { timestamp: Date.UTC(2020, 0, 1) - 1 },
      'c-1-0': { timestamp: Date.UTC(2020, 0, 31, 23, 59, 59) / 1000 },
      'd-1-0': { timestamp: Date.UTC(2020, 1, 1) },
      'f-1-0': { timestamp: Date.UTC(2020, 1, 1) - 1 },
      'e-1-0': {},
    });
    expect(pickedFrom(dated, 'since: 2020-01-01\nuntil: 2020-01-31')).toEqual(['a-1-0', 'c-1-0', 'f-1-0']);
    expect(pickedFrom(dated, 'until: 2020-01-31')).toEqual(['a-1-0', 'b-1-0', 'c-1-0', 'e-1-0', 'f-1-0']);
  });

  const versions = sourcesOf(main, {
    'a-1.9-0': {},
    'a-1.10-py36_0': { depends: ['python 3.6.*'] },
    'a-1.10.0-py37_0': { depends: ['python 3.7.*'] },
    'a-2.0rc1-py37_0': { depends: ['python 3.7.*'] },
    'a-1.10-py36_0.tar.bz2': { depends: ['python 3.6.*'] },
    'a-1.0-0': { subdir: 'win-64' },
    'b-1-0': {},
  });
  it.each([
    ['latest: 1', ['a-1.0-0', 'a-2.0rc1-py37_0', 'b-1-0']],
    ['latest: 2', ['a-1.0-0', 'a-1.10-py36_0', 'a-1.10-py36_0.tar.bz2', 'a-1.10.0-py37_0', 'a-2.0rc1-py37_0', 'b-1-0']],
    [
      'latest: {count: 1, per: name-python}',
      ['a-1.0-0', 'a-1.10-py36_0', 'a-1.10-py36_0.tar.bz2', 'a-1.9-0', 'a-2.0rc1-py37_0', 'b-1-0'],
    ],
    ['latest: 1\nexclude: ["a=2"]', ['a-1.0-0', 'a-1.10-py36_0', 'a-1.10-py36_0.tar.bz2', 'a-1.10.0-py37_0', 'b-1-0']],
  ])('%s: newest versions of a name in each subdir, with all builds and formats', (text, expected) => {
    expect(pickedFrom(versions, text)).toEqual(expected);
  });

  it('counts what each rule leaves out, and names entries that match nothing', () => {
    const text =
      'license_blacklist: GPL3\nblacklist: [six, gslx]\nexclude: ["flask>=9", "zlib=1"]\nwhitelist: [nope*]\ninclude: [f*, six]';
    const { excluded, unmatched } = selectForMirror({ sources, filter: filterOf(text) });
    expect(Object.fromEntries(excluded)).toEqual({ license_blacklist: 3, blacklist: 1, 'not-included': 1 });
    expect(unmatched).toEqual([
      { key: 'blacklist', text: 'gslx', line: 3 },
      { key: 'whitelist', text: 'nope*', line: 5 },
      { key: 'exclude', text: 'flask>=9', line: 4 },
    ]);
  });
});

describe('several channels in one folder', () => {
  const other = channel('other');

  it('takes the file of the channel declared first, and tells only of other bytes', () => {
    const sha256 = 'c'.repeat(64);
    const two = [
      ...sourcesOf(main, { 'a-1-0': { sha256 }, 'b-1-0': { sha256 } }),
      ...sourcesOf(other, { 'a-1-0': { sha256 }, 'b-1-0': { sha256: 'd'.repeat(64) }, 'c-1-0': {} }),
    ];
    const { picked, shadowed } = selectForMirror({ sources: two, filter: filterOf('') });
    expect(picked.map((each) => `${each.channel.name} ${each.fn}`)).toEqual([
      'main a-1-0.conda',
      'main b-1-0.conda',
      'other c-1-0.conda',
    ]);
    expect(shadowed).toEqual([{ subdir: 'linux-64', fn: 'b-1-0.conda', channel: main, shadowed: other }]);
  });

  it('takes the second channel’s file where a list leaves the first one’s out', () => {
    const two = [
      ...sourcesOf(main, { 'a-1-0': { license: 'GPL-3' } }),
      ...sourcesOf(other, { 'a-1-0': { license: 'MIT', sha256: 'd'.repeat(64) } }),
    ];
    const { picked, shadowed } = selectForMirror({ sources: two, filter: filterOf('license_blacklist: GPL') });
    expect(picked.map((each) => each.channel.name)).toEqual(['other']);
    expect(shadowed).toEqual([]);
  });

  it('compares by md5 where there is no sha256', () => {
    const bare = { sha256: undefined, md5: 'a'.repeat(32) };
    const two = [...sourcesOf(main, { 'a-1-0': bare }), ...sourcesOf(other, { 'a-1-0': bare })];
    expect(selectForMirror({ sources: two, filter: filterOf('') }).shadowed).toEqual([]);
  });
});

describe('records that can’t be mirrored', () => {
  it('are set aside one by one, and the rest is picked', () => {
    const { picked, refused } = selectForMirror({
      sources: sourcesOf(main, {
        'a-1-0': {},
        'b-1-0': { sha256: undefined },
        'c-1-0': { name: 'other' },
        'd-1-0': { sha256: 'zz' },
        'e-1-0': { subdir: 'linux-64', depends: 'python' as unknown as string[] },
        '..-1-0': {},
      }),
      filter: filterOf(''),
    });
    expect(picked.map((each) => each.name)).toEqual(['a']);
    expect(refused.map((each) => each.fn)).toEqual([
      'b-1-0.conda',
      'c-1-0.conda',
      'd-1-0.conda',
      'e-1-0.conda',
      '..-1-0.conda',
    ]);
    for (const { problem } of refused) expect(problem).toMatch(/record|name/);
  });

  const broken = sourcesOf(main, {
    'a-1-0': { depends: ['needed <2'] },
    'b-1-0': { sha256: undefined },
    'c-1-0': { depends: 'text' as unknown as string[] },
    'needed-1-0': { sha256: undefined },
    'needed-2-0': { sha256: undefined },
  });

  it.each([
    ['include: [a]', ''],
    ['include: [a]\nlicense_blacklist: [GPL]', ''],
    ['include: [a, b]', 'b-1-0'],
    ['blacklist: [b, c]', 'needed-1-0 needed-2-0'],
    ['exclude: ["b=1", "c=1.0.*", needed]', ''],
    ['blacklist: [b, c]\nwhitelist: [b]\nexclude: [needed]', 'b-1-0'],
    // The licence of c can't be read.
    ['license_blacklist: [NONE]\nexclude: [needed]', 'c-1-0'],
    ['include: [a]\nwith_dependencies: all', 'needed-1-0'],
    ['include: [a, needed]\nwith_dependencies: all', 'needed-1-0 needed-2-0'],
  ])('matter only where somebody wants them: %s refuses "%s"', (text, expected) => {
    const { picked, refused, excluded } = selectForMirror({ sources: broken, filter: filterOf(text) });
    expect(refused.map(({ fn }) => fn.replace('.conda', '')).join(' ')).toBe(expected);
    const left = [...excluded.values()].reduce((sum, each) => sum + each, 0);
    expect(picked.length + refused.length + left).toBe(5);
  });
});

describe('for any channel and any lists', () => {
  const name = fc.constantFrom('a', 'b', 'c', 'd', 'e');
  const records = fc.dictionary(
    fc
      .tuple(name, fc.integer({ min: 0, max: 12 }), fc.integer({ min: 0, max: 2 }))
      .map(([n, v, b]) => `${n}-1.${v}-${b}`),
    fc.record({ license_family: fc.constantFrom('GPL', 'GPL2', 'GPL3', 'MIT', 'Other', '') }),
    { maxKeys: 30 },
  );
  const list: fc.Arbitrary<string[]> = fc.uniqueArray(name, { maxLength: 3 });
  const licences = fc.uniqueArray(fc.constantFrom('GPL', 'GPL3', 'MIT', 'OTHER', 'NONE'), { maxLength: 2 });

  it('picks what the documented steps, done one after another on whole lists, leave', () => {
    fc.assert(
      fc.property(
        records,
        list,
        list,
        licences,
        fc.integer({ min: 1, max: 3 }),
        (all, white, black, families, latest) => {
          const one = sourcesOf(main, all);
          const text = `whitelist: [${white.join(', ')}]\nblacklist: [${black.join(', ')}]\nlicense_blacklist: [${families.join(', ')}]\nlatest: ${latest}\n`;
          const nameOf = (stem: string): string => stem.split('-')[0]!;
          const barred = new Set<string>(
            families.flatMap((family) => (family === 'GPL' ? ['GPL', 'GPL2', 'GPL3'] : [family])),
          );
          let left = Object.keys(all);
          left = left.filter((stem) => !barred.has(licenceFamilies(all[stem]!)[0]!));
          left = left.filter((stem) => !black.includes(nameOf(stem)));
          left = [...new Set([...left, ...Object.keys(all).filter((stem) => white.includes(nameOf(stem)))])];
          const minor = (stem: string): number => Number(/-1\.(\d+)-/.exec(stem)![1]);
          left = left.filter((stem) => {
            const newer = left.filter((each) => nameOf(each) === nameOf(stem) && minor(each) > minor(stem));
            return new Set(newer.map(minor)).size < latest;
          });
          expect(pickedFrom(one, text)).toEqual(left.sort());
        },
      ),
    );
  });

  it('accounts for every file, and a second list never adds one', () => {
    fc.assert(
      fc.property(records, list, list, (all, black, more) => {
        const one = sourcesOf(main, all);
        const few = selectForMirror({
          sources: one,
          filter: filterOf(`blacklist: [${[...black, ...more].join(', ')}]`),
        });
        const many = selectForMirror({ sources: one, filter: filterOf(`blacklist: [${black.join(', ')}]`) });
        const left = [...few.excluded.values()].reduce((sum, each) => sum + each, 0);
        expect(few.picked.length + left).toBe(Object.keys(all).length);
        expect(stems(many)).toEqual(expect.arrayContaining(stems(few)));
      }),
    );
  });
});

describe('real channel indexes', () => {
  for (const [file, text, expected] of [
    ['r-linux-64.json', 'license_blacklist: [GPL3, AGPL]', { total: 4211, left: 'license_blacklist' }],
    ['r-linux-64.json', 'license_blacklist: [GPL, LGPL, AGPL]\nlatest: 1', { total: 4211, left: 'latest' }],
    [
      'pytorch-linux-64.json',
      'python: ["3.7"]\nlatest: {count: 1, per: name-python}\nlicense_blacklist: Other',
      { total: 2181, left: 'python' },
    ],
  ] as const) {
    const path = join(PROJECT_ROOT, '..', 'shared', 'data', 'repodata', file);
    it.skipIf(!existsSync(path))(
      `${file}: every file of ${expected.total} is picked or left out by a rule (${text.replaceAll('\n', ', ')})`,
      () => {
        const index = scanRepodata(readFileSync(path), path);
        const filter = filterOf(text);
        const selection = selectForMirror({ sources: [{ channel: main, subdir: 'linux-64', index }], filter });
        const left = [...selection.excluded.values()].reduce((sum, each) => sum + each, 0);
        expect(selection.refused).toEqual([]);
        expect(selection.picked.length + left).toBe(expected.total);
        expect(selection.excluded.get(expected.left)).toBeGreaterThan(100);
        const barred = new Set(filter.licenseBlacklist.flatMap((entry) => entry.families));
        for (const { fn } of selection.picked) {
          expect(licenceFamilies(index.record(fn)!).filter((family) => barred.has(family))).toEqual([]);
        }
      },
    );
  }
});
