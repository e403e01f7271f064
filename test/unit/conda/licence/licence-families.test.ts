import { describe, expect, it } from 'vitest';
import {
  LICENCE_FAMILIES,
  licenceEntryFamilies,
  licenceFamilies,
} from '../../../../src/conda/licence/licence-families.js';

const families = (license: string | undefined, family?: unknown): string =>
  licenceFamilies({ ...(license === undefined ? {} : { license }), license_family: family }).join(' ');

describe('families of a record', () => {
  it.each([
    ['GPL3', 'GPL3'],
    ['APACHE', 'APACHE'],
    ['Apache', 'APACHE'],
    ['Other', 'OTHER'],
    ['OTHER', 'OTHER'],
    ['Public-Domain', 'PUBLIC-DOMAIN'],
    ['PUBLIC_DOMAIN', 'PUBLIC-DOMAIN'],
    ['public domain', 'PUBLIC-DOMAIN'],
    ['Proprietary', 'PROPRIETARY'],
    ['none', 'NONE'],
    ['GPL-3', 'GPL3'],
    ['Apache 2.0', 'APACHE'],
  ])('license_family %s, whatever the licence says', (family, expected) => {
    expect(families('MIT', family)).toBe(expected);
  });

  it.each([null, undefined, '', 7])('license_family %s counts as absent', (family) => {
    expect(families('MIT', family)).toBe('MIT');
  });

  it('a record without both is NONE', () => {
    expect(families(undefined)).toBe('NONE');
    expect(licenceFamilies({ license: null as unknown as string })).toEqual(['NONE']);
  });

  it.each([
    // As R packages state them.
    ['GPL (>= 2)', 'GPL3 GPL2'],
    ['GPL (>= 2) | file LICENSE', 'GPL3 GPL2'],
    ['GPL (>= 3)', 'GPL3'],
    ['GPL (>= 3) | file LICENCE', 'GPL3'],
    ['GPL-2', 'GPL2'],
    ['GPL-2 | GPL-3', 'GPL3 GPL2'],
    ['GPL-2 | GPL-3 | file LICENSE', 'GPL3 GPL2'],
    ['GPL-3 | file LICENSE', 'GPL3'],
    ['GPL', 'GPL'],
    ['MIT + file LICENSE', 'MIT'],
    ['MIT + file LICENSE | Unlimited', 'MIT OTHER'],
    ['BSD_3_clause + file LICENSE', 'BSD'],
    ['BSD_2_clause + file LICENSE', 'BSD'],
    ['LGPL (>= 2)', 'LGPL'],
    ['LGPL-2', 'LGPL'],
    ['AGPL-3', 'AGPL'],
    ['AGPL-3 | file LICENSE', 'AGPL'],
    ['Apache License (== 2.0)', 'APACHE'],
    ['file LICENSE', 'OTHER'],
    ['file LICENSE (FOSS)', 'OTHER'],
    ['Unlimited', 'OTHER'],
    ['CC0', 'CC'],
    ['BSL-1.0', 'OTHER'],
    ['MPL-2.0 | file LICENSE', 'MOZILLA'],
    ['None', 'NONE'],
    // SPDX.
    ['GPL-2.0-only', 'GPL2'],
    ['GPL-2.0-or-later', 'GPL3 GPL2'],
    ['GPL-2.0+', 'GPL3 GPL2'],
    ['GPL-3.0-or-later', 'GPL3'],
    ['GPL-3.0-or-later WITH GCC-exception-3.1', 'GPL3'],
    ['GPL-2.0-only WITH Classpath-exception-2.0', 'GPL2'],
    ['LGPL-2.1-or-later', 'LGPL'],
    ['AGPL-3.0-only', 'AGPL'],
    ['MIT OR Apache-2.0', 'MIT APACHE'],
    ['MIT/Apache-2.0', 'MIT APACHE'],
    ['BSD-3-Clause AND (MIT OR GPL-2.0-only)', 'GPL2 BSD MIT'],
    ['CC-BY-4.0', 'CC'],
    ['MPL-2.0', 'MOZILLA'],
    ['PSF-2.0', 'PSF'],
    ['Python-2.0', 'PSF'],
    ['LicenseRef-Proprietary', 'PROPRIETARY'],
    // Free text.
    ['GNU General Public License v2 or later (GPLv2+)', 'GPL3 GPL2'],
    ['GNU General Public License v3 (GPLv3)', 'GPL3'],
    ['GNU GPL', 'GPL'],
    ['GNU Lesser General Public License (LGPL)', 'LGPL'],
    ['GNU Affero General Public License', 'AGPL'],
    ['Affero GPL', 'AGPL'],
    ['Python Software Foundation License', 'PSF'],
    ['Public Domain', 'PUBLIC-DOMAIN'],
    ['Creative Commons Attribution', 'CC'],
    ['Mozilla Public License', 'MOZILLA'],
    ['IJG, modified 3-clause BSD and zlib', 'BSD OTHER'],
    ['Lucent Public License', 'OTHER'],
    ['LIMITED PERMIT', 'OTHER'],
  ])('%s', (license, expected) => {
    expect(families(license)).toBe(expected);
  });
});

describe('entries of license_blacklist', () => {
  it.each(LICENCE_FAMILIES)('%s in any case', (family) => {
    const stands = licenceEntryFamilies(family);
    expect(stands).toContain(family);
    expect(licenceEntryFamilies(family.toLowerCase())).toEqual(stands);
    expect(licenceEntryFamilies(` ${family.replace('-', '_')} `)).toEqual(stands);
  });

  it('GPL stands for GPL, GPL2 and GPL3, but not for LGPL and AGPL', () => {
    expect(licenceEntryFamilies('gpl')).toEqual(['GPL', 'GPL2', 'GPL3']);
  });

  it('knows no others', () => {
    expect([licenceEntryFamilies('GPLv3'), licenceEntryFamilies('')]).toEqual([undefined, undefined]);
  });
});
