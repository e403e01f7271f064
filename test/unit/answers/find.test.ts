import { describe, expect, it } from 'vitest';
import { findIn, wantedFile, type SearchedLabel } from '../../../src/answers/find.js';

const SHA = (text: string): string => Buffer.from(text).toString('hex').padEnd(64, '0').slice(0, 64);
const MAIN = 'https://c.example/acme';

function label(
  name: string,
  generations: readonly (readonly string[])[],
  sites: SearchedLabel['sites'] = [],
): SearchedLabel {
  return {
    given: `/root/${name}`,
    label: name,
    sites,
    generations: generations.map((files, at) => ({
      generation: at + 1,
      live: at === generations.length - 1,
      since: `2026-0${at + 1}-01T00:00:00.000Z`,
      files: [
        { path: 'noarch/repodata.json', kind: 'index', sha256: SHA('index') },
        ...files.map((each) => {
          const [path = '', bytes = path] = each.split(' ');
          return { path, kind: 'artifact' as const, sha256: SHA(bytes), channel: MAIN };
        }),
      ],
    })),
  };
}

const LABELS = [
  label(
    'alpha',
    [
      ['linux-64/ssl-3.0.1-h1_0.conda'],
      ['linux-64/ssl-3.0.1-h1_0.conda', 'win-64/ssl-3.0.2-h2_1.conda'],
      ['linux-64/ssl-3.0.2-h1_0.conda', 'noarch/ssl-extra-1.0-0.conda'],
      ['linux-64/ssl-3.0.1-h1_0.conda'],
    ],
    [
      { site: 'ankara', generation: 2, at: '2026-02-03T00:00:00.000Z' },
      { site: 'izmir', generation: 3, at: '2026-03-03T00:00:00.000Z' },
    ],
  ),
  label('beta', [['linux-64/ssl-3.0.1-h1_0.conda other-bytes'], ['noarch/nothing-1-0.tar.bz2']]),
];

function found(text: string): string[] {
  return findIn(LABELS, wantedFile(text).fits).map(
    ({ label: whose, subdir, version, generations, live, since, until, sites }) =>
      `${whose} ${subdir} ${version} ${generations.join(',')}${live ? ' live' : ''} ${since?.slice(5, 7)}-${until?.slice(5, 7) ?? ''} ${sites.map(({ site }) => site).join()}`,
  );
}

describe('find', () => {
  it.each([
    [
      'ssl',
      [
        'alpha win-64 3.0.2 2 02-03 ankara',
        'alpha linux-64 3.0.2 3 03-04 izmir',
        'alpha linux-64 3.0.1 1,2,4 live 01- ankara',
        'beta linux-64 3.0.1 1 01-02 ',
      ],
    ],
    ['ssl>=3.0.2', ['alpha win-64 3.0.2 2 02-03 ankara', 'alpha linux-64 3.0.2 3 03-04 izmir']],
    ['ssl[subdir=win-64]', ['alpha win-64 3.0.2 2 02-03 ankara']],
    ['ssl[build_number=1]', ['alpha win-64 3.0.2 2 02-03 ankara']],
    ['ssl=3.0.1=h1_0', ['alpha linux-64 3.0.1 1,2,4 live 01- ankara', 'beta linux-64 3.0.1 1 01-02 ']],
    ['acme::ssl>3.0.1[subdir=win-64]', ['alpha win-64 3.0.2 2 02-03 ankara']],
    ['conda-forge::ssl', []],
    ['SSL-extra', ['alpha noarch 1.0 3 03-04 izmir']],
    [SHA('other-bytes'), ['beta linux-64 3.0.1 1 01-02 ']],
    ['repodata', []],
  ])('%s', (text, expected) => expect(found(text)).toEqual(expected));

  it.each(['', 'ssl>>1', '*', 'ssl-3.0.1-h1_0.conda'])('refuses %j', (text) =>
    expect(() => wantedFile(text)).toThrow(expect.objectContaining({ code: 'E_SPEC' })),
  );
});
