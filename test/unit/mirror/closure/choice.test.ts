import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { solverView } from '../../../../src/mirror/closure/closure.js';
import type { MirrorSource } from '../../../../src/mirror/select/select.js';
import { parseDependency } from '../../../../src/conda/spec/dependency.js';
import { specMatches } from '../../../../src/conda/spec/match-spec.js';
import type { PackageRecord } from '../../../../src/conda/record/records.js';
import { targetProfile } from '../../../../src/conda/plan/target.js';
import { channel, filterOf, sourcesOf } from '../mirror-sample.js';
import type { Sample, SampleRecord } from '../mirror-sample.js';

const main = channel('main');
const linux = targetProfile({ subdir: 'linux-64', virtualPackages: [], client: undefined });

describe('a build’s newest environment, chosen without a solver', () => {
  it.each<[string, string, Sample, string[] | undefined]>([
    [
      'takes the newest version of each, and its highest build number',
      'app 1 0',
      {
        'app-1-0': { depends: ['lib <3'] },
        'lib-1-0': {},
        'lib-2-0': {},
        'lib-2-1': { build_number: 1 },
        'lib-3-0': {},
      },
      ['app-1-0', 'lib-2-1'],
    ],
    [
      'takes builds for the python of the build',
      'app 1 py38',
      {
        'app-1-py38': { depends: ['python 3.8.*', 'lib'] },
        'lib-2-py39': { depends: ['python 3.9.*'] },
        'lib-2-py38': { depends: ['python 3.8.*'] },
        'python-3.8-0': {},
        'python-3.9-0': {},
      },
      ['app-1-py38', 'lib-2-py38', 'python-3.8-0'],
    ],
    [
      'goes by what all files of a needed package say',
      'app 1 0',
      {
        'app-1-0': { depends: ['lib', 'python'] },
        'lib-2-py39': { depends: ['python 3.9.*'] },
        'lib-1-py38': { depends: ['python 3.8.*'] },
        'python-3.8-0': {},
        'python-3.9-0': {},
        'python-3.10-0': {},
      },
      ['app-1-0', 'lib-2-py39', 'python-3.9-0'],
    ],
    [
      'knows the virtual packages of the machines',
      'app 1 0',
      {
        'app-1-0': { depends: ['lib', '__glibc >=2.17'] },
        'lib-1-0': {},
        'lib-2-0': { depends: ['__cuda'] },
      },
      ['app-1-0', 'lib-1-0'],
    ],
    [
      'prefers what has no track_features, and the newer format',
      'app 1 0',
      {
        'app-1-0': { depends: ['lib'] },
        'app-1-0.tar.bz2': { depends: ['lib'] },
        'lib-2-0': { track_features: 'nomkl' },
        'lib-1-0': {},
      },
      ['app-1-0', 'lib-1-0'],
    ],
    [
      'brings pip with python where there is one',
      'app 1 0',
      { 'app-1-0': { depends: ['python'] }, 'python-3.9-0': {}, 'pip-1-0': { depends: ['python'] } },
      ['app-1-0', 'pip-1-0', 'python-3.9-0'],
    ],
    [
      'leaves it to a solver where the newest do not go together',
      'app 1 0',
      { 'app-1-0': { depends: ['a', 'b'] }, 'a-2-0': { depends: ['b <2'] }, 'a-1-0': {}, 'b-1-0': {}, 'b-2-0': {} },
      undefined,
    ],
    [
      'leaves it to a solver where constrains do not allow the newest',
      'app 1 0',
      { 'app-1-0': { depends: ['a'], constrains: ['a <2'] }, 'a-2-0': {}, 'a-1-0': {} },
      undefined,
    ],
    [
      'leaves it to a solver where a depends can’t be read',
      'app 1 0',
      { 'app-1-0': { depends: ['a', 'a >=<1'] }, 'a-2-0': {} },
      undefined,
    ],
  ])('%s', (_, exact, sample, expected) => {
    expect(plainOf(sourcesOf(main, sample), exact)).toEqual(expected);
  });

  it('leaves it to a solver where channels compete', () => {
    const sources = [
      ...sourcesOf(main, { 'app-1-0': { depends: ['lib'] }, 'lib-1-0': {} }),
      ...sourcesOf(channel('other'), { 'lib-2-0': {} }),
    ];
    expect(plainOf(sources, 'app 1 0')).toBeUndefined();
  });

  const NAMES = ['a', 'b', 'c', 'python'];
  const name = fc.constantFrom(...NAMES);
  const entry = fc.tuple(name, fc.constantFrom('', ' >=2', ' <2', ' 1.*', ' 2')).map((parts) => parts.join(''));
  const stem = fc
    .tuple(name, fc.integer({ min: 1, max: 3 }), fc.constantFrom('0', '1'))
    .map((parts) => parts.join('-'));
  const extra = fc.record(
    { depends: fc.array(entry, { maxLength: 3 }), constrains: fc.array(entry, { maxLength: 1 }) },
    { requiredKeys: ['depends'] },
  );

  it('for any channel: can be installed, and a solver that sees less than all sees every environment with the build', () => {
    fc.assert(
      fc.property(fc.dictionary(stem, extra, { maxKeys: 9, minKeys: 1 }), (all) => {
        const sample: Record<string, SampleRecord> = all;
        const sources = sourcesOf(main, sample);
        for (const root of Object.keys(sample)) {
          const exact = root.replaceAll('-', ' ');
          const { plain, views } = solverView({ sources, filter: filterOf('') })(linux, exact);
          const possible = environmentsWith(sources, root);
          if (plain !== undefined) {
            const chosen = plain.map(({ fn }) => fn.replace('.conda', '')).sort();
            expect(possible.map((each) => each.join())).toContain(chosen.join());
          }
          // What nothing of it needs may be missing.
          const { sources: shown } = views.at(-1)!();
          const seen = new Set(shown.flatMap(({ index }) => NAMES.flatMap((each) => index.filenames(each))));
          for (const each of possible) for (const file of each) expect(seen).toContain(`${file}.conda`);
        }
      }),
      { numRuns: 300 },
    );
  });

  /** Every set of files, by stem, with `root`, one of a name, in which all needs are met and none could be left out. */
  function environmentsWith(sources: readonly MirrorSource[], root: string): string[][] {
    const all = new Map(
      sources.flatMap(({ index }) =>
        [...index.allFilenames()].map((fn) => [fn.replace('.conda', ''), index.record(fn)!] as const),
      ),
    );
    const means = (text: string, record: PackageRecord): boolean => specMatches(parseDependency(text).spec!, record);
    const found = new Set<string>();
    const extend = (chosen: readonly string[]): void => {
      const records = chosen.map((each) => all.get(each)!);
      const limits = records.flatMap(({ constrains = [] }) => constrains);
      const broken = limits.some((text) =>
        records.some((record) => parseDependency(text).spec!.name === record.name && !means(text, record)),
      );
      if (broken) return;
      const open = records.flatMap(({ depends }) => depends).find((text) => !records.some((each) => means(text, each)));
      if (open === undefined) {
        found.add([...chosen].sort().join());
        return;
      }
      for (const [each, record] of all) {
        if (means(open, record) && !records.some((other) => other.name === record.name)) extend([...chosen, each]);
      }
    };
    extend([root]);
    return [...found].map((each) => each.split(','));
  }

  function plainOf(sources: readonly MirrorSource[], exact: string): string[] | undefined {
    const { plain } = solverView({ sources, filter: filterOf('') })(linux, exact);
    return plain?.map(({ fn }) => fn.replace('.conda', '')).sort();
  }
});
