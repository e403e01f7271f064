import { expect, it } from 'vitest';
import { oldestConda } from '../../../src/channel/manifest/oldest-conda.js';

it.each([
  ['a .conda package', ['noarch/a-1-0.conda', 'noarch/repodata.json', 'noarch/repodata.json.bz2'], '4.7'],
  [
    'one .conda among .tar.bz2',
    ['noarch/a-1-0.tar.bz2', 'linux-64/b-1-0.conda', 'noarch/repodata.json.bz2', 'noarch/repodata.json'],
    '4.7',
  ],
  ['plain and zstd indexes', ['noarch/a-1-0.tar.bz2', 'noarch/repodata.json', 'noarch/repodata.json.zst'], '4.4'],
  [
    'a bzip2 index of one subdir only',
    ['noarch/repodata.json', 'noarch/repodata.json.bz2', 'linux-64/repodata.json', 'linux-64/a-1-0.tar.bz2'],
    '4.4',
  ],
  [
    'bzip2 indexes of all, zstd beside them',
    ['noarch/repodata.json', 'noarch/repodata.json.zst', 'noarch/repodata.json.bz2', 'noarch/a-1-0.tar.bz2'],
    '4.3',
  ],
  [
    'papers and installers have no index, and need none',
    ['noarch/repodata.json', 'noarch/repodata.json.bz2', 'papers/index.html', 'installers/a.sh'],
    '4.3',
  ],
  ['papers and installers are no packages', ['noarch/repodata.json', 'papers/index.html', 'installers/a.sh'], '4.4'],
])('%s', (_title, paths, oldest) => {
  expect(oldestConda(paths.map((path) => ({ path })))).toBe(oldest);
});
