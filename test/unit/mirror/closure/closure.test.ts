import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PROJECT_ROOT } from '../../../../scripts/lib/layers.js';
import { parseDependency } from '../../../../src/conda/spec/dependency.js';
import { specMatches } from '../../../../src/conda/spec/match-spec.js';
import { scanRepodata } from '../../../../src/conda/record/repodata-scan.js';
import { targetProfile } from '../../../../src/conda/plan/target.js';
import { closeBySolving, namesLeadingTo, solverView } from '../../../../src/mirror/closure/closure.js';
import type { SolveRequest, SolvedFiles } from '../../../../src/mirror/closure/closure.js';
import { selectForMirror } from '../../../../src/mirror/select/select.js';
import type { MirrorSource } from '../../../../src/mirror/select/select.js';
import { channel, filterOf, pickedFrom, sourcesOf, stems } from '../mirror-sample.js';
import type { Sample } from '../mirror-sample.js';

const main = channel('main');
const linux = targetProfile({ subdir: 'linux-64', virtualPackages: [], client: undefined });
const chain: Sample = {
  'app-1-0': { depends: ['lib >=1,<3', '__glibc >=2.17', 'tool'] },
  'lib-1-0': { depends: ['base'] },
  'lib-2-0': { depends: ['base 2.*'] },
  'lib-3-0': {},
  'base-1-0': {},
  'base-2-0': {},
  'tool-1-0': { subdir: 'noarch', noarch: 'generic', depends: ['app'] },
  'alone-1-0': {},
};

describe('with_dependencies: all', () => {
  it('adds every version that a depends can mean, theirs too, over noarch and cycles, and nothing else', () => {
    expect(pickedFrom(sourcesOf(main, chain), 'include: [app]\nwith_dependencies: all')).toEqual([
      'app-1-0',
      'base-1-0',
      'base-2-0',
      'lib-1-0',
      'lib-2-0',
      'tool-1-0',
    ]);
  });

  it('does not count as left out what comes in after all', () => {
    const sources = sourcesOf(main, { 'app-1-0': { depends: ['lib'] }, 'lib-1-0': {} });
    const filter = filterOf('include: [app]\nwith_dependencies: all');
    expect(Object.fromEntries(selectForMirror({ sources, filter }).excluded)).toEqual({});
  });

  it('brings pip with python, as conda asks for it, unless a list forbids it', () => {
    const sources = sourcesOf(main, {
      'app-1-0': { depends: ['python'] },
      'python-3.9-0': {},
      'pip-1-0': { subdir: 'noarch', depends: ['python', 'wheel'] },
      'wheel-1-0': { subdir: 'noarch' },
    });
    const text = 'include: [app]\nwith_dependencies: all';
    expect(pickedFrom(sources, text)).toEqual(['app-1-0', 'pip-1-0', 'python-3.9-0', 'wheel-1-0']);
    expect(pickedFrom(sources, `${text}\nblacklist: [pip]`)).toEqual(['app-1-0', 'python-3.9-0']);
    const without = sourcesOf(main, { 'app-1-0': { depends: ['python'] }, 'python-3.9-0': {} });
    expect(selectForMirror({ sources: without, filter: filterOf(text) }).forbidden).toEqual([]);
  });

  it('goes over channels, and to the one that a depends names', () => {
    const other = channel('other');
    const sources = [
      ...sourcesOf(main, { 'app-1-0': { depends: ['lib', 'other::base'] }, 'base-1-0': {} }),
      ...sourcesOf(other, { 'lib-1-0': {}, 'base-2-0': {} }),
    ];
    expect(pickedFrom(sources, 'include: [app]\nwith_dependencies: all')).toEqual(['app-1-0', 'base-2-0', 'lib-1-0']);
  });

  it('takes a platform’s packages from its platform and noarch only, and for noarch from every platform', () => {
    const sources = sourcesOf(main, {
      'a-1-0': { depends: ['x'] },
      'x-1-0': {},
      'x-1-1': { subdir: 'win-64' },
      'y-1-0': {},
      'y-1-1': { subdir: 'win-64' },
      'b-1-0': { subdir: 'noarch', depends: ['y'] },
    });
    expect(pickedFrom(sources, 'include: [a]\nwith_dependencies: all')).toEqual(['a-1-0', 'x-1-0']);
    expect(pickedFrom(sources, 'include: [b]\nwith_dependencies: all')).toEqual(['b-1-0', 'y-1-0', 'y-1-1']);
  });

  it('never adds what a list forbids, and tells which entry does where nothing else would do', () => {
    const sources = sourcesOf(main, {
      'app-1-0': { depends: ['gsl', 'lib', 'ex', 'py', 'absent'] },
      'gsl-1-0': { license_family: 'GPL3' },
      'lib-1-0': { license_family: 'GPL3' },
      'lib-2-0': { license_family: 'MIT' },
      'ex-1-0': {},
      'py-1-0': { depends: ['python 2.7.*'] },
    });
    const filter = filterOf(
      'include: [app]\nwith_dependencies: all\nlicense_blacklist: GPL3\nexclude: [ex]\npython: ["3.10"]',
    );
    const selection = selectForMirror({ sources, filter });
    expect(stems(selection)).toEqual(['app-1-0', 'lib-2-0']);
    expect(
      selection.forbidden.map(({ fn, depends, reason, entry, line }) => [fn, depends, reason, entry, line]),
    ).toEqual([
      ['app-1-0.conda', 'gsl', 'license_blacklist', 'GPL3', 4],
      ['app-1-0.conda', 'ex', 'exclude', 'ex', 5],
      ['app-1-0.conda', 'py', 'python', '3.10', 6],
    ]);
    expect(Object.fromEntries(selection.excluded)).toEqual({ license_blacklist: 2, 'not-included': 2 });
  });

  it('keeps to latest and dates, but not where nothing within them would do', () => {
    const sources = sourcesOf(main, {
      'app-1-0': { depends: ['lib', 'old <2'], timestamp: Date.UTC(2022, 0, 1) },
      'lib-1-0': { timestamp: Date.UTC(2022, 0, 1) },
      'lib-2-0': { timestamp: Date.UTC(2022, 0, 1) },
      'old-1.0-0': { timestamp: Date.UTC(2012, 0, 1) },
      'old-1.5-0': { timestamp: Date.UTC(2012, 0, 1) },
      'old-2.0-0': { timestamp: Date.UTC(2022, 0, 1) },
    });
    // Also where nothing but `latest` has left the old ones out.
    expect(pickedFrom(sources, 'with_dependencies: all\nlatest: 1')).toEqual([
      'app-1-0',
      'lib-2-0',
      'old-1.5-0',
      'old-2.0-0',
    ]);
    expect(pickedFrom(sources, 'include: [app]\nwith_dependencies: all\nsince: 2020-01-01')).toEqual([
      'app-1-0',
      'lib-1-0',
      'lib-2-0',
      'old-1.5-0',
    ]);
    const expected = ['app-1-0', 'lib-2-0', 'old-1.5-0'];
    expect(pickedFrom(sources, 'include: [app]\nwith_dependencies: all\nlatest: 1')).toEqual(expected);
    expect(pickedFrom(sources, 'include: [app]\nwith_dependencies: all\nlatest: 1\nsince: 2020-01-01')).toEqual(
      expected,
    );
  });

  it('for any channel: is closed, and without a root adds nothing', () => {
    const name = fc.constantFrom('a', 'b', 'c', 'd');
    const depends = fc.array(
      fc.tuple(name, fc.constantFrom('', ' >=2', ' <2', ' 1.*', ' 3')).map((all) => all.join('')),
      { maxLength: 3 },
    );
    const stem = fc.tuple(name, fc.integer({ min: 1, max: 3 })).map(([n, version]) => `${n}-${version}-0`);
    fc.assert(
      fc.property(fc.dictionary(stem, fc.record({ depends }), { maxKeys: 10 }), name, (all, root) => {
        const sources = sourcesOf(main, all);
        const picked = pickedFrom(sources, `include: [${root}]\nwith_dependencies: all`);
        if (!Object.keys(all).some((each) => each.startsWith(`${root}-`))) expect(picked).toEqual([]);
        const meant = (text: string): string[] =>
          Object.keys(all).filter((each) => {
            const [candidate = '', version = '', build = ''] = each.split('-');
            return specMatches(parseDependency(text).spec!, { name: candidate, version, build, build_number: 0 });
          });
        for (const each of picked) expect(picked).toEqual(expect.arrayContaining(all[each]!.depends.flatMap(meant)));
        const roots = Object.keys(all).filter((each) => each.startsWith(`${root}-`));
        const reached = new Set(roots);
        for (const each of reached) for (const next of all[each]!.depends.flatMap(meant)) reached.add(next);
        expect(picked).toEqual([...reached].sort());
      }),
    );
  });

  const path = join(PROJECT_ROOT, '..', 'shared', 'data', 'repodata', 'r-linux-64.json');
  it.skipIf(!existsSync(path))('r-linux-64.json: what r-ggplot2 needs is closed', () => {
    const index = scanRepodata(readFileSync(path), path);
    const sources: MirrorSource[] = [{ channel: main, subdir: 'linux-64', index }];
    const { picked } = selectForMirror({
      sources,
      filter: filterOf('include: ["r-ggplot2=2.2.1"]\nwith_dependencies: all'),
    });
    const names = new Set(picked.map((each) => each.name));
    expect(names.size).toBeGreaterThan(20);
    const have = picked.map((each) => index.record(each.fn)!);
    const lists = new Set(have.flatMap((record) => record.depends));
    for (const text of lists) {
      const spec = parseDependency(text).spec!;
      const there = index
        .filenames(spec.name)
        .map((fn) => index.record(fn)!)
        .some((record) => specMatches(spec, record));
      if (there)
        expect(
          have.some((record) => specMatches(spec, record)),
          text,
        ).toBe(true);
    }
  });
});

describe('with_dependencies: solve', () => {
  const sources = sourcesOf(main, { ...chain, 'gsl-1-0': { license: 'GPL-3' } });
  const answers: Record<string, string[]> = {
    'app=1=0': ['linux-64/app-1-0.conda', 'linux-64/lib-2-0.conda', 'linux-64/base-2-0.conda', 'noarch/tool-1-0.conda'],
    'lib=1=0': ['linux-64/lib-1-0.conda', 'linux-64/base-2-0.conda'],
    'alone=1=0': ['linux-64/alone-1-0.conda', 'linux-64/gsl-1-0.conda'],
  };
  const solver = () => {
    const asked: string[] = [];
    const solve = async ({ subdir, exact }: SolveRequest): Promise<SolvedFiles> => {
      const spec = exact.replaceAll(' ', '=');
      asked.push(`${subdir} ${spec}`);
      const files = answers[spec]?.map((path) => ({ subdir: path.split('/')[0]!, fn: path.split('/')[1]! }));
      return files === undefined ? { problem: `no ${spec}` } : { files };
    };
    return { asked, solve };
  };

  it('asks for each picked file, newest first, but not for one that came with a solution', async () => {
    const filter = filterOf('include: [app, lib]');
    const { picked } = selectForMirror({ sources, filter });
    const { asked, solve } = solver();
    const closed = await closeBySolving({ sources, filter, picked, platforms: ['linux-64'], solve });
    expect(asked).toEqual(['linux-64 app=1=0', 'linux-64 lib=3=0', 'linux-64 lib=1=0']);
    expect(closed.added.map(({ fn, of }) => `${fn} of ${of}`)).toEqual([
      'base-2-0.conda of linux-64/app-1-0.conda',
      'tool-1-0.conda of linux-64/app-1-0.conda',
    ]);
    expect(closed.unsolvable).toEqual([{ subdir: 'linux-64', fn: 'lib-3-0.conda', problem: 'no lib=3=0' }]);
  });

  it('is content with a noarch file that installs on one platform', async () => {
    const filter = filterOf('include: [tool]');
    const { picked } = selectForMirror({ sources, filter });
    const solve = async ({ subdir }: SolveRequest): Promise<SolvedFiles> =>
      subdir === 'win-64' ? { problem: 'no' } : { files: [{ subdir: 'noarch', fn: 'tool-1-0.conda' }] };
    const closed = await closeBySolving({ sources, filter, picked, platforms: ['linux-64', 'win-64'], solve });
    expect(closed).toEqual({ added: [], unsolvable: [] });
    const none = await closeBySolving({ sources, filter, picked, platforms: ['win-64'], solve });
    expect(none.unsolvable.map((each) => each.fn)).toEqual(['tool-1-0.conda']);
  });

  it('adds nothing that a list forbids, whatever the solver was shown, and shows it none', async () => {
    const filter = filterOf('include: [alone]\nlicense_blacklist: GPL');
    const { picked } = selectForMirror({ sources, filter });
    const closed = await closeBySolving({ sources, filter, picked, platforms: ['linux-64'], solve: solver().solve });
    expect(closed.added).toEqual([]);
    const needy = sourcesOf(main, {
      'app-1-0': { depends: ['gsl', 'lib'] },
      'gsl-1-0': { license: 'GPL-3' },
      'lib-1-0': {},
    });
    expect(seen(needy, filter, 'app 1 0')).toEqual(['app-1-0', 'lib-1-0']);
  });

  it('shows a solver what depends in reach can mean, and every file of a name that several channels have', () => {
    const filter = filterOf('');
    expect(seen(sources, filter, 'lib 1 0')).toEqual(['base-1-0', 'base-2-0', 'lib-1-0']);
    expect(seen(sources, filter, 'lib 2 0')).toEqual(['base-2-0', 'lib-2-0']);
    expect(seen(sources, filter, 'app 1 0')).toEqual([
      'app-1-0',
      'base-1-0',
      'base-2-0',
      'lib-1-0',
      'lib-2-0',
      'tool-1-0',
    ]);
    const two = [...sources, ...sourcesOf(channel('other'), { 'base-3-0': {} })];
    expect(seen(two, filter, 'lib 2 0')).toEqual(['base-1-0', 'base-2-0', 'base-3-0', 'lib-2-0']);
  });

  it('asks once for both formats of a build', async () => {
    const twins = sourcesOf(main, { 'app-1-0': {}, 'app-1-0.tar.bz2': {} });
    const filter = filterOf('');
    const { asked, solve } = solver();
    const { picked } = selectForMirror({ sources: twins, filter });
    const closed = await closeBySolving({ sources: twins, filter, picked, platforms: ['linux-64'], solve });
    expect(asked).toEqual(['linux-64 app=1=0']);
    expect(closed.unsolvable).toEqual([]);
  });

  it('knows which names lead to another one', () => {
    expect([...namesLeadingTo(sources, ['app', 'alone', 'lib', 'gsl'], 'base')].sort()).toEqual(['app', 'lib']);
    expect([...namesLeadingTo(sources, ['app', 'alone'], 'app')]).toEqual(['app']);
  });

  /** What a solver sees for a build on linux-64, without extensions. */
  function seen(of: readonly MirrorSource[], filter: ReturnType<typeof filterOf>, exact: string): string[] {
    const shown = solverView({ sources: of, filter })(linux, exact).views.at(-1)!();
    const names = ['alone', 'app', 'base', 'gsl', 'lib', 'tool'];
    const fns = shown.sources.flatMap(({ index }) => names.flatMap((name) => index.filenames(name)));
    expect(fns).toHaveLength(shown.size);
    return fns.map((fn) => fn.replace('.conda', '')).sort();
  }
});
