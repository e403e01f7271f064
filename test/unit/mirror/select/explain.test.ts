import { describe, expect, it } from 'vitest';
import { explainName, explanationText } from '../../../../src/mirror/select/explain.js';
import { channel, filterOf, sourcesOf } from '../mirror-sample.js';

const main = channel('main');
const other = channel('other');
const sources = [
  ...sourcesOf(main, {
    'gsl-2.0-0': { license_family: 'GPL3', timestamp: Date.UTC(2019, 5, 1) },
    'gsl-2.1-0': { license: 'GPL (>= 2)' },
    'gsl-2.2-py27_0': { license: 'MIT', depends: ['python 2.7*'], timestamp: Date.UTC(2020, 5, 1) },
    'app-1.0-0': { depends: ['gsl >=2.2'] },
    'bad-1.0-0': { sha256: undefined },
  }),
  ...sourcesOf(other, { 'gsl-2.2-py27_0': { sha256: 'f'.repeat(64) }, 'gsl-2.2-py36_0': { depends: ['python 3.6*'] } }),
];

/** `fn: [line] what`, for each file. */
function fates(text: string, name = 'gsl'): string[] {
  return explainName({ sources, filter: filterOf(text), name }).files.map(
    ({ fn, channel: from, picked, rule, reason, line }) =>
      `${from.name}/${fn.replace('.conda', '')}: ${picked ? 'in' : 'out'} by ${rule}${line === undefined ? '' : ` ${line}`}: ${reason}`,
  );
}

describe('--explain', () => {
  it.each([
    ['', 'main/gsl-2.0-0: in by all: no rule leaves it out'],
    ['', 'other/gsl-2.2-py27_0: out by shadowed: main, declared earlier, has a file of that name with other bytes'],
    [
      'license_blacklist:\n  - AGPL\n  - gpl',
      'main/gsl-2.0-0: out by license_blacklist 4: license_blacklist, entry "gpl"; its license_family is GPL3',
    ],
    [
      'license_blacklist: GPL2',
      'main/gsl-2.1-0: out by license_blacklist 2: license_blacklist, entry "GPL2"; its license is "GPL (>= 2)"',
    ],
    [
      'license_blacklist: NONE',
      'other/gsl-2.2-py36_0: out by license_blacklist 2: license_blacklist, entry "NONE"; its license is not stated',
    ],
    ['blacklist:\n- app\n- g*', 'main/gsl-2.1-0: out by blacklist 4: blacklist, entry "g*"'],
    ['blacklist: [gsl]\nwhitelist: [gsl]', 'main/gsl-2.1-0: in by whitelist 3: whitelist, entry "gsl"'],
    ['include: [app]', 'main/gsl-2.1-0: out by include: no entry of include matches it'],
    ['include: ["gsl=2.1"]', 'main/gsl-2.1-0: in by include 2: include, entry "gsl=2.1"'],
    ['exclude: ["gsl=2.1"]', 'main/gsl-2.1-0: out by exclude 2: exclude, entry "gsl=2.1"'],
    ['python: ["3.6", "3.7"]', 'main/gsl-2.2-py27_0: out by python 2: python: 3.6, 3.7; it needs python 2.7*'],
    ['since: 2020-01-01', 'main/gsl-2.0-0: out by since 2: since: 2020-01-01; it is of 2019-06-01'],
    [
      'since: 2020-01-01',
      'main/gsl-2.1-0: out by since 2: since: 2020-01-01; it has no timestamp, as packages from before 2017',
    ],
    ['until: 2020-01-01', 'main/gsl-2.2-py27_0: out by until 2: until: 2020-01-01; it is of 2020-06-01'],
    ['latest: 1', 'main/gsl-2.1-0: out by latest 2: latest: 1; a newer version is there'],
    ['latest: {count: 2, per: name-python}', 'main/gsl-2.2-py27_0: in by all: no rule leaves it out'],
    [
      'include: [app]\nwith_dependencies: all',
      'main/gsl-2.2-py27_0: in by dependency: linux-64/app-1.0-0.conda depends on "gsl >=2.2"',
    ],
    ['include: [app]\nwith_dependencies: all', 'main/gsl-2.0-0: out by include: no entry of include matches it'],
  ])('%s: %s', (text, expected) => {
    expect(fates(text)).toContain(expected);
  });

  it('shows a record that can’t be mirrored', () => {
    expect(fates('', 'bad')).toEqual([
      expect.stringMatching(/^main\/bad-1\.0-0: out by refused: .*neither sha256 nor md5/),
    ]);
  });

  it('groups files with one fate in its text, and names line and file', () => {
    const filter = filterOf('license_blacklist: [GPL3]');
    const text = explanationText(explainName({ sources, filter, name: ' GSL ' }), 'mirror.yml');
    expect(text).toBe(`gsl: 2 of 5 files mirrored

left out: license_blacklist, entry "GPL3"; its license_family is GPL3 (mirror.yml, line 2)
  linux-64/gsl-2.0-0.conda  main

left out: license_blacklist, entry "GPL3"; its license is "GPL (>= 2)" (mirror.yml, line 2)
  linux-64/gsl-2.1-0.conda  main

mirrored: no rule leaves it out
  linux-64/gsl-2.2-py27_0.conda  main
  linux-64/gsl-2.2-py36_0.conda  other

left out: main, declared earlier, has a file of that name with other bytes
  linux-64/gsl-2.2-py27_0.conda  other
`);
  });

  it('suggests names where no channel has the one asked for', () => {
    const explanation = explainName({ sources, filter: filterOf(''), name: 'gls' });
    expect(explanation).toEqual({ name: 'gls', files: [], similar: ['gsl'], standing: [] });
    expect(explanationText(explanation, undefined)).toBe(
      'gls: no channel of this mirror has a package of that name on its platforms. Names like it: gsl.\n',
    );
  });

  it('names what still lies in the mirror though nothing takes it', () => {
    const lying = ['linux-64/gsl-2.0-0.conda', 'linux-64/gsl-2.2-py27_0.conda', 'linux-64/gsl-extra-1-0.conda'];
    const some = explainName({ sources, filter: filterOf('include: ["gsl=2.2"]'), name: 'gsl', lying });
    expect(some.standing).toEqual(['linux-64/gsl-2.0-0.conda']);
    expect(explanationText(some, 'mirror.yml')).toMatch(
      /other\n\nstill in the mirror, until repackenv clean -f takes it away\n {2}linux-64\/gsl-2\.0-0\.conda\n$/,
    );
    // Of a channel that is no longer declared.
    const none = explainName({ sources: [], filter: filterOf(''), name: 'gsl-extra', lying });
    expect(explanationText(none, undefined)).toMatch(
      /on its platforms\.\n\nstill in the mirror.*\n {2}linux-64\/gsl-extra/,
    );
  });
});
