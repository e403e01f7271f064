import { describe, expect, it } from 'vitest';
import { licenses, licensesCsv } from '../../../src/answers/licenses.js';
import { sampleAsked } from '../../helpers/asked.js';

const ASKED = sampleAsked({
  specs: ['a'],
  packages: [
    { name: 'c', license: 'GNU General Public License v3' },
    { name: 'a', license: ' MIT ', subdir: 'noarch' },
    { name: 'b', license: 'MIT OR GPL-2.0-only' },
    { name: 'd' },
    { name: 'e', license: '=HYPERLINK("x"),1', license_family: 'MIT' },
    { name: 'f', license: 'GPL-3.0-only', license_family: 'MIT' },
  ],
});

describe('licenses', () => {
  it('says of each package what is stated, if it is SPDX, and of which families it is', () => {
    const { packages, totals } = licenses(ASKED, []);
    expect(packages.map(({ name, license, spdx, families }) => [name, license, spdx, families.join(' ')])).toEqual([
      ['a', 'MIT', true, 'MIT'],
      ['b', 'MIT OR GPL-2.0-only', true, 'GPL2 MIT'],
      ['c', 'GNU General Public License v3', false, 'GPL3'],
      ['d', null, false, 'NONE'],
      ['e', '=HYPERLINK("x"),1', false, 'MIT OTHER'],
      ['f', 'GPL-3.0-only', true, 'GPL3 MIT'],
    ]);
    expect(packages.filter(({ disagrees }) => disagrees).map(({ name }) => name)).toEqual(['f']);
    expect(totals.families).toEqual({ GPL3: 2, GPL2: 1, MIT: 4, OTHER: 1, NONE: 1 });
    expect(totals.licenses.every(({ packages: count }) => count === 1)).toBe(true);
  });

  it('keeps to the folders asked for', () => {
    expect(licenses(ASKED, ['noarch']).packages.map(({ name }) => name)).toEqual(['a']);
  });

  it('gives a table in which no cell is a formula', () => {
    const lines = licensesCsv(licenses(ASKED, []).packages).split('\n');
    expect(lines).toHaveLength(8);
    expect(lines[0]).toBe('subdir,name,version,build,license,spdx,families,sha256,url,license_files');
    expect(lines[1]).toMatch(
      /^noarch,a,1\.0,0,MIT,yes,MIT,a-1\.0-00+,https:\/\/c\.example\/main\/noarch\/a-1\.0-0\.conda,$/,
    );
    expect(lines[5]).toContain(`,"'=HYPERLINK(""x""),1",no,MIT OTHER,`);
  });
});
