import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import type { SolverTask } from '../../../../src/engine/embedded/protocol.js';
import { RATTLER_VERSION, solveEmbedded } from '../../../../src/engine/embedded/solve.js';
import type { EmbeddedSolver, SolverAnswer } from '../../../../src/engine/embedded/solver.js';
import type { RepackError } from '../../../../src/base/errors.js';
import type { Ask, TestChannel } from './sources.js';
import { CONDA_44, chan, rec, requestOf, sharedSolver, sourceOf } from './sources.js';

const { rt, solve, picks } = sharedSolver();
const MODERN = { ...CONDA_44, version: '24.1', readsCondaFormat: true, knowsVirtualPackages: true };

/** top {b 2.0}, low {a 1.0 needs b<2; b 1.0}. */
const TOP = chan('top', [rec('b 2.0')]);
const LOW = chan('low', [rec('a 1.0', { depends: ['b <2'] }), rec('b 1.0')]);
const LABEL = chan('owner/label/x', [rec('ratingpro 2.4.1', { depends: ['pytho'] })]);
const OWNER = chan('owner', [rec('ratingpro 2.4.0', { depends: ['pytho'] }), rec('pytho 1.9')]);
const PYTHON = rec('python 3.9.18 h_0', { depends: ['tzdata'] });
const PIP = rec('pip 24.2 py_0', { subdir: 'noarch', noarch: 'python', depends: ['python >=3.8'] });
const TZ = rec('tzdata 2024a', { subdir: 'noarch', noarch: 'generic' });
const GLIBC_217 = [{ name: '__glibc', version: '2.17', build: '0' }];

async function failure(ask: Ask): Promise<RepackError> {
  return solve(ask).then(
    ({ artifacts }) => expect.fail(`solved: ${artifacts.map(({ fn }) => fn).join(' ')}`),
    (error: RepackError) => error,
  );
}

describe('channel priority', () => {
  const cases: (Ask & { title: string; expected: string[]; reported: string })[] = [
    {
      title: 'flexible falls back on a lower channel where nothing else is solvable',
      specs: ['a'],
      channels: [TOP, LOW],
      expected: ['a 1.0 0@low', 'b 1.0 0@low'],
      reported: 'relaxed',
    },
    {
      title: 'flexible prefers a higher channel to a higher version',
      specs: ['b'],
      channels: [chan('top', [rec('b 1.0')]), chan('low', [rec('b 9.0')])],
      expected: ['b 1.0 0@top'],
      reported: 'strict',
    },
    {
      title: 'flexible keeps every version of the higher channel before those of a lower one',
      specs: ['c', 'b'],
      channels: [
        chan('top', [rec('b 3.0'), rec('b 1.0')]),
        chan('low', [rec('b 2.0'), rec('c 1.0', { depends: ['b <3'] })]),
      ],
      expected: ['b 1.0 0@top', 'c 1.0 0@low'],
      reported: 'strict',
    },
    {
      title: 'flexible takes the newest asked for, and what that needs from below, as conda does',
      specs: ['r'],
      channels: [
        chan('top', [rec('r 2.0', { depends: ['n >=2'] }), rec('r 1.0', { depends: ['n'] }), rec('n 1.0')]),
        chan('low', [rec('n 2.0')]),
      ],
      expected: ['n 2.0 0@low', 'r 2.0 0@top'],
      reported: 'relaxed',
    },
    {
      title: 'a version that only a lower channel has is found below the label channel',
      specs: ['ratingpro=2.4.0'],
      channels: [LABEL, OWNER],
      expected: ['pytho 1.9 0@owner', 'ratingpro 2.4.0 0@owner'],
      reported: 'relaxed',
    },
    {
      title: 'without a version the label channel goes first',
      specs: ['ratingpro'],
      channels: [LABEL, OWNER],
      expected: ['pytho 1.9 0@owner', 'ratingpro 2.4.1 0@owner/label/x'],
      reported: 'strict',
    },
    {
      title: 'a build that two channels have comes from the higher one',
      specs: ['b'],
      channels: [chan('top', [rec('b 1.0', { format: 'tar.bz2' })]), chan('low', [rec('b 1.0')])],
      expected: ['b 1.0 0@top'],
      reported: 'strict',
    },
    {
      title: 'disabled: the version alone',
      priority: 'disabled',
      specs: ['b'],
      channels: [chan('top', [rec('b 1.0')]), chan('low', [rec('b 9.0')])],
      expected: ['b 9.0 0@low'],
      reported: 'disabled',
    },
    {
      title: 'disabled: at equal versions the higher channel, before the build number',
      priority: 'disabled',
      specs: ['b'],
      channels: [chan('top', [rec('b 1.0 t_0')]), chan('low', [rec('b 1.0 l_5', { build_number: 5 })])],
      expected: ['b 1.0 t_0@top'],
      reported: 'disabled',
    },
    {
      title: 'strict: other names still come from lower channels',
      priority: 'strict',
      specs: ['ratingpro'],
      channels: [LABEL, OWNER],
      expected: ['pytho 1.9 0@owner', 'ratingpro 2.4.1 0@owner/label/x'],
      reported: 'strict',
    },
    {
      title: 'a spec with a channel is taken from there',
      specs: ['low::b'],
      channels: [TOP, LOW],
      expected: ['b 1.0 0@low'],
      reported: 'relaxed',
    },
    {
      title: 'a spec with a channel beats strict priority',
      priority: 'strict',
      specs: ['low::b'],
      channels: [TOP, LOW],
      expected: ['b 1.0 0@low'],
      reported: 'strict',
    },
    {
      title: 'a spec with a subdir is taken from there',
      specs: ['b[subdir=noarch]'],
      channels: [chan('top', [rec('b 2.0'), rec('b 1.0', { subdir: 'noarch' })])],
      expected: ['b 1.0 0@top'],
      reported: 'strict',
    },
  ];
  it.each(cases)('$title', async ({ expected, reported, ...ask }) => {
    expect(await picks(ask)).toEqual(expected);
    expect((await solve(ask)).priority).toBe(reported);
  });

  it('strict is unsolvable where a higher channel hides what is needed, and says what would help', async () => {
    const error = await failure({ priority: 'strict', specs: ['a'], channels: [TOP, LOW] });
    expect(error.code).toBe('E_UNSOLVABLE');
    expect(error.hint).toContain('--channel-priority flexible');
  });

  it('strict hides by name, not by version, as in conda', async () => {
    const error = await failure({ priority: 'strict', specs: ['ratingpro=2.4.0'], channels: [LABEL, OWNER] });
    expect(error.code).toBe('E_PACKAGE_NOT_FOUND');
    expect(error.details.join()).toContain('there are 2.4.1, 2.4.0');
  });

  it('B7 A10 a spec of a channel that is not declared is refused', async () => {
    const error = await failure({ specs: ['elsewhere::b'], channels: [TOP, LOW] });
    expect(error.code).toBe('E_SOURCE_NOT_ALLOWED');
  });
});

describe('among equals', () => {
  const one = (...records: Parameters<typeof chan>[1]) => [chan('c', records)];
  const cases: { title: string; channels: TestChannel[]; specs?: string[]; expected: string }[] = [
    {
      title: 'the higher version, by conda order',
      channels: one(rec('x 1.9'), rec('x 1.10'), rec('x 1.10rc1')),
      expected: 'x 1.10 0',
    },
    {
      title: 'then the higher build number',
      channels: one(rec('x 1.0 z_0', { timestamp: 1_700_000_000_000 }), rec('x 1.0 a_1', { build_number: 1 })),
      expected: 'x 1.0 a_1',
    },
    {
      title: 'build numbers of versions spelt differently',
      channels: one(rec('x 1.0 a_7', { build_number: 7 }), rec('x 1.0.0 b_8', { build_number: 8 })),
      expected: 'x 1.0.0 b_8',
    },
    {
      title: 'then platform before noarch, although the noarch one is newer',
      channels: one(
        rec('x 1.0 a_0', { timestamp: 1_600_000_000_000 }),
        rec('x 1.0 b_0', { subdir: 'noarch', noarch: 'generic', timestamp: 1_700_000_000_000 }),
      ),
      expected: 'x 1.0 a_0',
    },
    {
      title: 'noarch with the higher build number before platform',
      channels: one(rec('x 1.0 a_0'), rec('x 1.0 b_1', { build_number: 1, subdir: 'noarch', noarch: 'generic' })),
      expected: 'x 1.0 b_1',
    },
    {
      title: 'then higher versions of shared dependencies',
      channels: one(
        rec('x 1.0 new', { timestamp: 1_700_000_000_000, depends: ['y 1'] }),
        rec('x 1.0 old', { timestamp: 1_600_000_000_000, depends: ['y 2'] }),
        rec('y 1'),
        rec('y 2'),
      ),
      expected: 'x 1.0 old',
    },
    {
      title: 'then the younger timestamp, be it in seconds or milliseconds',
      channels: one(rec('x 1.0 z', { timestamp: 1_600_000_000_000 }), rec('x 1.0 a', { timestamp: 1_700_000_000 })),
      expected: 'x 1.0 a',
    },
    {
      title: 'at last the build string',
      channels: one(rec('x 1.0 aa'), rec('x 1.0 zz'), rec('x 1.0 mm')),
      expected: 'x 1.0 zz',
    },
    {
      title: 'track_features weigh down',
      channels: one(rec('x 2.0', { track_features: 'nomkl' }), rec('x 1.0')),
      expected: 'x 1.0 0',
    },
    {
      title: 'a build number that is asked for',
      specs: ['x[build_number=0]'],
      channels: one(rec('x 1.0 a'), rec('x 1.0 b', { build_number: 1 })),
      expected: 'x 1.0 a',
    },
    {
      title: 'a build number that a dependency asks for',
      specs: ['y'],
      channels: one(
        rec('y 1', { depends: ["x[version='1.0',build_number=1]"] }),
        rec('x 1.0 a'),
        rec('x 1.0 b', { build_number: 1 }),
        rec('x 1.0 c', { build_number: 2 }),
      ),
      expected: 'x 1.0 b',
    },
    { title: 'an epoch', channels: one(rec('x 2024.1'), rec('x 1!0.1')), expected: 'x 1!0.1 0' },
  ];
  it.each(cases)('$title', async ({ channels, specs = ['x'], expected }) => {
    expect((await picks({ specs, channels })).find((text) => text.startsWith('x '))).toBe(`${expected}@c`);
  });

  it('the .conda of twins, wherever they stand in the index', async () => {
    for (const records of [
      [rec('x 1.0'), rec('x 1.0', { format: 'tar.bz2' })],
      [rec('x 1.0', { format: 'tar.bz2' }), rec('x 1.0')],
    ]) {
      const { artifacts } = await solve({ specs: ['x'], channels: [chan('c', records)] });
      expect(artifacts.map(({ fn }) => fn)).toEqual(['x-1.0-0.conda']);
    }
  });
});

describe('spellings of dependencies', () => {
  const cases = [
    'b >=1,<2',
    'b>=1,<2',
    'b=1',
    'B 1.*',
    'b 1.5 0',
    'b ==1.5=0',
    "b[version='>=1,<2']",
    'b >=1 , <2',
    'c::b 1.5',
    'b 1.5|9',
    'b ==1.*',
    'b ==1.* 0*',
    'b ==1*',
    'b ==1.*,!=1.6',
    'b ==1.*|==3.*',
    "b[version='==1.*',build=0]",
    'b =1.5 0',
    'b >1*,<2*',
    'b 1.5 ^0.*$',
    'conda:b 1.5',
    'b 1.5 # a comment',
  ];
  it.each(cases)('C1 %s', async (depends) => {
    const channels = [chan('c', [rec('x 1', { depends: [depends] }), rec('b 1.5'), rec('b 2.5')])];
    expect(await picks({ specs: ['x'], channels })).toEqual(['b 1.5 0@c', 'x 1 0@c']);
  });

  it('B8 a build with a dependency nobody can read is left aside for another', async () => {
    const channels = [chan('c', [rec('x 2', { depends: ['b >=<<1 [['] }), rec('x 1')])];
    expect(await picks({ specs: ['x'], channels })).toEqual(['x 1 0@c']);
  });
});

describe('virtual packages of the profile', () => {
  const needs = (version: string) => [chan('c', [rec('x 2', { depends: [`__glibc >=${version}`] }), rec('x 1')])];

  it('satisfy dependencies and are not delivered', async () => {
    expect(await picks({ specs: ['x'], channels: needs('2.17'), virtual: GLIBC_217 })).toEqual(['x 2 0@c']);
  });

  it('decide between builds', async () => {
    expect(await picks({ specs: ['x'], channels: needs('2.28'), virtual: GLIBC_217 })).toEqual(['x 1 0@c']);
  });

  it('are never those of the build host', async () => {
    expect(await picks({ specs: ['x'], channels: needs('2.0') })).toEqual(['x 1 0@c']);
  });

  it('bind what constrains them', async () => {
    const channels = [chan('c', [rec('x 2', { constrains: ['__glibc >=2.28'] }), rec('x 1')])];
    expect(await picks({ specs: ['x'], channels, virtual: GLIBC_217 })).toEqual(['x 1 0@c']);
  });

  it('take a build string: __archspec', async () => {
    const channels = [
      chan('c', [
        rec('x 2', { depends: ['__archspec 1.* x86_64_v3'] }),
        rec('x 1', { depends: ['__archspec 1 x86_64'] }),
      ]),
    ];
    const virtual = [{ name: '__archspec', version: '1', build: 'x86_64' }];
    expect(await picks({ specs: ['x'], channels, virtual })).toEqual(['x 1 0@c']);
  });

  it('are named when they are what fails', async () => {
    const error = await failure({
      specs: ['x'],
      channels: [chan('c', [rec('x 2', { depends: ['__glibc >=2.28'] })])],
      virtual: GLIBC_217,
    });
    expect(error.code).toBe('E_UNSOLVABLE');
    expect(error.hint).toContain('__glibc=2.17');
    expect(error.hint).toContain('--virtual-package');
  });
});

describe('pip, which conda adds to what python needs', () => {
  const withPip = [chan('base', [PYTHON, PIP, TZ])];
  const without = [chan('base', [PYTHON, TZ])];

  it.each([
    ['an unknown client', undefined, ['pip', 'python', 'tzdata']],
    ['conda', MODERN, ['pip', 'python', 'tzdata']],
    ['a client that does not', { ...MODERN, injectsPip: false }, ['python', 'tzdata']],
  ] as const)('%s', async (_, client, expected) => {
    const { artifacts } = await solve({ specs: ['python'], channels: withPip, client });
    expect(artifacts.map(({ record }) => record?.name).sort()).toEqual(expected);
  });

  it('is never in a record that is returned', async () => {
    const { artifacts } = await solve({ specs: ['python'], channels: withPip, client: MODERN });
    expect(artifacts.find(({ record }) => record?.name === 'python')?.record?.depends).toEqual(['tzdata']);
  });

  it('is not demanded for an unknown client where no channel has it', async () => {
    expect(await picks({ specs: ['python'], channels: without })).toEqual([
      'python 3.9.18 h_0@base',
      'tzdata 2024a 0@base',
    ]);
  });

  it('is demanded for conda, which could not install python without', async () => {
    const error = await failure({ specs: ['python'], channels: without, client: MODERN });
    expect(error.code).toBe('E_UNSOLVABLE');
    expect(error.hint).toContain('pip, which conda adds to what python needs');
  });
});

describe('the result', () => {
  it('carries the record as published, with every unknown key, and where it is from', async () => {
    const record = rec('x 1', {
      weird: { a: [1, null] },
      track_features: 'q',
      timestamp: 1_700_000_000_001,
      depends: ['b>=1'],
    });
    const channels = [chan('c', [record, rec('b 1', { subdir: 'noarch', noarch: 'generic' })])];
    const { artifacts, engine, subdir } = await solve({ specs: ['x'], channels });
    const { fn, ...published } = record;
    expect(artifacts.find((each) => each.fn === fn)).toEqual({
      fn,
      subdir: 'linux-64',
      channel: channels[0]!.channel,
      url: 'https://conda.example/c/linux-64/x-1-0.conda',
      record: published,
      origin: 'repodata',
    });
    expect(artifacts.map((each) => `${each.subdir}/${each.fn}`)).toEqual([
      'linux-64/x-1-0.conda',
      'noarch/b-1-0.conda',
    ]);
    expect({ subdir, engine }).toEqual({ subdir: 'linux-64', engine: { kind: 'embedded', version: RATTLER_VERSION } });
  });

  it.each([
    ['https://files.example/pkgs/', 'https://files.example/pkgs/x-1-0.conda'],
    ['../other/', 'https://conda.example/c/other/x-1-0.conda'],
    [undefined, 'https://conda.example/c/linux-64/x-1-0.conda'],
  ])('base_url %s (CEP 15)', async (baseUrl, url) => {
    const channel = chan('c', [rec('x 1')], baseUrl === undefined ? {} : { baseUrl });
    const { artifacts } = await solve({ specs: ['x'], channels: [channel] });
    expect(artifacts[0]?.url).toBe(url);
  });

  it.each(['win-64', 'osx-arm64', 'linux-aarch64', 'zos-z', 'linux-loongarch64', 'noarch'])(
    'solves for %s from any host',
    async (subdir) => {
      const channels = [
        chan('c', [
          rec('x 1', { subdir, depends: ['y'] }),
          rec('y 1', { subdir: 'noarch' }),
          ...(subdir === 'linux-64' ? [] : [rec('x 9')]),
        ]),
      ];
      const { artifacts } = await solve({ specs: ['x'], channels, subdir });
      expect(artifacts.map((each) => `${each.subdir}/${each.fn}`).sort()).toEqual(
        [`${subdir}/x-1-0.conda`, 'noarch/y-1-0.conda'].sort(),
      );
    },
  );

  it('is the same whatever the order of records and specs', async () => {
    const records = ['a', 'b', 'c', 'd'].flatMap((name, i) =>
      [1, 2, 3].map((v) => rec(`${name} ${v}`, { depends: i < 3 ? [`${'bcd'[i]!} <=${v}`] : [] })),
    );
    const forward = await picks({ specs: ['a', 'c'], channels: [chan('c', records)] });
    const backward = await picks({ specs: ['c', 'a'], channels: [chan('c', records.toReversed())] });
    expect(backward).toEqual(forward);
    expect(forward).toEqual(['a 3 0@c', 'b 3 0@c', 'c 3 0@c', 'd 3 0@c']);
  });

  it('names the rattler that is installed', () => {
    const entry = createRequire(import.meta.url).resolve('@conda-org/rattler');
    const { version } = JSON.parse(
      readFileSync(`${entry.slice(0, entry.lastIndexOf('/dist/'))}/package.json`, 'utf8'),
    ) as { version: string };
    expect(RATTLER_VERSION).toBe(version);
  });
});

describe('records that are not to be trusted', () => {
  it.each([
    ['B9 neither sha256 nor md5', { sha256: undefined }, 'E_RECORD'],
    ['B9 sha256 of 63 characters', { sha256: 'a'.repeat(63) }, 'E_RECORD'],
    ['B9 md5 that is none, beside no sha256', { sha256: undefined, md5: 'zz' }, 'E_RECORD'],
    ['B8 another name than its file', { fn: 'x-2-0.conda' }, 'E_RECORD'],
  ])('%s', async (_, more, code) => {
    expect((await failure({ specs: ['x'], channels: [chan('c', [rec('x 1', more)])] })).code).toBe(code);
  });

  it.each([
    ['B9 md5 only', { sha256: undefined, md5: 'd41d8cd98f00b204e9800998ecf8427e' }],
    ['B9 sha256 in upper case', { sha256: 'A'.repeat(64) }],
    ['B11 C4 a noarch record among those of a platform', { noarch: 'python', subdir: 'noarch' }],
    ['C2 an empty noarch', { noarch: '' }],
    ['C7 null as track_features', { track_features: null, constrains: null }],
  ])('%s is good enough', async (_, more) => {
    expect(await picks({ specs: ['x'], channels: [chan('c', [rec('x 1', more)])] })).toEqual(['x 1 0@c']);
  });

  it.each([
    ['another name', { ...rec('x 2'), fn: 'x-2-0.conda', name: 'y' }],
    ['another build', { ...rec('x 2'), build: 'other' }],
    ['a path as build', { ...rec('x 2'), fn: 'x-2-../../etc.conda', build: '../../etc' }],
  ])('B8 a record with %s than its file is left out, and that is said', async (_, bad) => {
    rt.events.seen.length = 0;
    expect(await picks({ specs: ['x'], channels: [chan('c', [bad, rec('x 1')])] })).toEqual(['x 1 0@c']);
    expect(rt.events.seen).toContainEqual({
      type: 'warning',
      message: expect.stringContaining('Left out: c, linux-64: '),
    });
  });

  it('a version that is none does not spoil the rest', async () => {
    expect(await picks({ specs: ['x'], channels: [chan('c', [rec('x 1..0'), rec('x 0.9')])] })).toEqual(['x 0.9 0@c']);
  });
});

describe('what has no answer', () => {
  it('names every package that is missing, with what may have been meant', async () => {
    const channels = [chan('c', [rec('pytho 1.9'), rec('ratingpro 2.4.0'), rec('numpy 1.26.4')])];
    const error = await failure({ specs: ['ptyho', 'rating-pro', 'zzz', 'numpy>=9'], channels });
    expect(error.code).toBe('E_PACKAGE_NOT_FOUND');
    expect([...error.details].sort()).toEqual(
      [
        'numpy >=9: no build matches; there are 1.26.4',
        'ptyho: no such package; did you mean pytho?',
        'rating-pro: no such package; did you mean ratingpro?',
        'zzz: no such package',
      ].map((text) =>
        text.startsWith('numpy') ? expect.stringContaining('no build matches; there are 1.26.4') : text,
      ),
    );
  });

  it('python in no channel, asked for', async () => {
    const error = await failure({ specs: ['python', 'x'], channels: [chan('c', [rec('x 1')])] });
    expect(error.code).toBe('E_NO_BASE_CHANNEL');
    expect(error.hint).toContain('--channel');
  });

  it('python in no channel, needed', async () => {
    const error = await failure({
      specs: ['x'],
      channels: [chan('c', [rec('x 1', { depends: ['y'] }), rec('y 3', { depends: ['python >=3'] })])],
    });
    expect(error.code).toBe('E_NO_BASE_CHANNEL');
    expect(error.what).toContain('y 3 needs it');
  });

  it('a dependency in no channel is named with the way out', async () => {
    const error = await failure({ specs: ['x'], channels: [chan('c', [rec('x 1', { depends: ['elsewhere >=2'] })])] });
    expect(error.code).toBe('E_UNSOLVABLE');
    expect(error.hint).toContain('No declared channel has elsewhere');
    expect(error.details.join('\n')).toContain('x 1 would require');
  });

  it('a conflict is told without addresses, and without the stars rattler writes', async () => {
    const channels = [
      chan('c', [rec('x 1', { depends: ['z <2'] }), rec('y 1', { depends: ['z >=2'] }), rec('z 1'), rec('z 2')]),
    ];
    const error = await failure({ specs: ['x', 'y'], channels });
    expect(error.code).toBe('E_UNSOLVABLE');
    const text = [error.what, error.where, error.hint, ...error.details].join('\n');
    expect(text).toContain('z 1');
    expect(text).not.toMatch(/https?:|\.invalid| \*/);
  });
});

describe('what rattler is shown', () => {
  const channels = [
    chan('c', [
      rec('x 2', { depends: ['y'] }),
      rec('x 1'),
      rec('y 2', { depends: ['z 1'] }),
      rec('y 1'),
      rec('z 1'),
      rec('w 1', { depends: ['y <2'] }),
    ]),
  ];
  const shownOf = ({ target }: SolverTask) => Object.keys(JSON.parse(Buffer.from(target).toString())['packages.conda']);

  /** Answers to one call after the other. */
  async function shownTo(answers: SolverAnswer[], specs: string[]): Promise<string[][]> {
    const shown: string[][] = [];
    const solver: EmbeddedSolver = {
      solve: async (task) => {
        shown.push(shownOf(task));
        return answers.shift()!;
      },
      close: async () => {},
    };
    const source = sourceOf(channels);
    await solveEmbedded(rt, { request: requestOf({ specs, channels }), source, solver }).catch(() => undefined);
    return shown;
  }
  const unsolvable = { failure: 'Cannot solve the request because of: x' };
  const all = ['x-2-0.conda', 'x-1-0.conda', 'y-2-0.conda', 'y-1-0.conda', 'z-1-0.conda'];

  it('is the first choice of each package where nothing speaks against one', async () => {
    expect(await shownTo([{ picks: [] }], ['x'])).toEqual([['x-2-0.conda', 'y-2-0.conda', 'z-1-0.conda']]);
  });

  it('is all of them where two requirements have different first choices', async () => {
    const [shown, ...more] = await shownTo([{ picks: [] }], ['x', 'w']);
    expect([new Set(shown), more]).toEqual([new Set([...all, 'w-1-0.conda']), []]);
  });

  it('is all of them once more where it can not do with the first choices: its words are to name all', async () => {
    const [, again] = await shownTo([unsolvable, unsolvable], ['x']);
    expect(new Set(again)).toEqual(new Set(all));
  });
});

it('can be interrupted while it reads thousands of records, before the solver is asked', async () => {
  const names = Array.from({ length: 3000 }, (_, at) => `a 1.${at}`);
  const channels = [chan('top', [...names.map((text) => rec(text, { depends: ['b'] })), rec('b 1.0')])];
  const abortion = new AbortController();
  const source = sourceOf(channels);
  const solver: EmbeddedSolver = { solve: () => expect.fail('it was asked'), close: async () => {} };
  const asked = {
    request: requestOf({ specs: ['a'], channels }),
    solver,
    source: {
      repodata: (...of: Parameters<typeof source.repodata>) => {
        setImmediate(() => abortion.abort('SIGINT'));
        return source.repodata(...of);
      },
    },
  };
  await expect(solveEmbedded({ ...rt, signal: abortion.signal }, asked)).rejects.toBe('SIGINT');
});
