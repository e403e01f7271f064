import { describe, expect, it } from 'vitest';
import {
  LICENCE_FAMILIES,
  licenceEntryFamilies,
  licenceFamilies,
  licenceOf,
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
    // The first line of the licence's own text.
    ['GNU GENERAL PUBLIC LICENSE Version 3, 29 June 2007', 'GPL3'],
    ['GNU GENERAL PUBLIC LICENSE Version 2, June 1991', 'GPL2'],
    ['GNU LESSER GENERAL PUBLIC LICENSE Version 2.1, February 1999', 'LGPL'],
    ['Apache License Version 2.0, January 2004', 'APACHE'],
    ['GPL-2 (Mar 2001)', 'GPL2'],
    ['MARCH license 2000', 'OTHER'],
    // The version first.
    ['Version 2 of the GPL', 'GPL2'],
    ['v3 of the GNU General Public License', 'GPL3'],
    ['version 2.1 of the GNU Lesser General Public License', 'LGPL'],
    // Several versions, however they are joined; another licence's clauses are none.
    ['GPL (v2 or v3)', 'GPL3 GPL2'],
    ['GPL (2, 3)', 'GPL3 GPL2'],
    ['GPL 2 3', 'GPL3 GPL2'],
    ['GPL-2-or-3', 'GPL3 GPL2'],
    ['GPL version 2, or (at your option) version 3', 'GPL3 GPL2'],
    ['GPL version 3 (or, at your option, any later version)', 'GPL3'],
    ['GPL-2, 3-clause BSD', 'GPL2 BSD'],
    ['GPL (> 1, <= 2)', 'GPL2'],
    ['GPL \u2265 2', 'GPL3 GPL2'],
    ['GPL \u2264 2', 'GPL2 GPL'],
    ['ALv2', 'APACHE'],
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

describe('words of licences as people write them', () => {
  it.each([
    ['GNU General Public License, version 3', 'GPL3'],
    ['GPL, version 3', 'GPL3'],
    ['GPLv2 or v3', 'GPL3 GPL2'],
    ['GPL 2 or 3', 'GPL3 GPL2'],
    ['GPL2/3', 'GPL3 GPL2'],
    ['GNU Public License v3', 'GPL3'],
    ['Apache License, Version 2.0', 'APACHE'],
    ['MPL, 2.0', 'MOZILLA'],
    ['LGPL, version 2.1', 'LGPL'],
    ['BSD, 3-clause', 'BSD'],
    ['MIT/X11', 'MIT'],
    ['GPL2 w/ FOSS exception', 'GPL2'],
    ['GPL (>= 2, < 3)', 'GPL2'],
    ['GPL (< 3)', 'GPL2 GPL'],
    ['Unlicense', 'PUBLIC-DOMAIN'],
    ['PUBLICDOMAIN', 'PUBLIC-DOMAIN'],
    ['The Unlicense', 'PUBLIC-DOMAIN'],
    ['GPL v3 or later', 'GPL3'],
    ['GPL version 2 or (at your option) any later version', 'GPL3 GPL2'],
    ['GPLv2+ with exceptions', 'GPL3 GPL2'],
    ['GPL-2.0-or-later AND LGPL-2.1-only', 'LGPL GPL3 GPL2'],
    ['LGPLv2.1+', 'LGPL'],
    ['LGPL (>= 2.1, < 3)', 'LGPL'],
    ['GPL (>= 2) | BSD_3_clause + file LICENSE', 'GPL3 GPL2 BSD'],
    ['GNU GPLv3', 'GPL3'],
    ['GNU GPL v. 3', 'GPL3'],
    ['GNU Lesser General Public License v3.0', 'LGPL'],
    ['GNU Library General Public License', 'LGPL'],
    ['Mozilla Public License 2.0', 'MOZILLA'],
    ['MPL-1.1 or GPL-2 or LGPL-2.1', 'LGPL GPL2 MOZILLA'],
    ['Eclipse Public License 1.0', 'OTHER'],
    ['IBM Public License', 'OTHER'],
    ['GNU General Public Licence, Version 2 or later', 'GPL3 GPL2'],
    ['General Public License', 'GPL'],
    ['GPL (== 2)', 'GPL2'],
    ['GPL (<= 2)', 'GPL2 GPL'],
    ['GPL (> 2)', 'GPL3'],
    ['GPL (>2)', 'GPL3'],
    ['GPL>=3', 'GPL3'],
    ['GPL-3+', 'GPL3'],
    ['GPL3+', 'GPL3'],
    ['GPLv3 or LGPLv3', 'LGPL GPL3'],
    ['GPL v2/v3', 'GPL3 GPL2'],
    ['GPL-2, GPL-3', 'GPL3 GPL2'],
    ['GPL2 and GPL3', 'GPL3 GPL2'],
    ['dual licensed under MIT and GPL 2', 'GPL2 MIT'],
    ['BSD-like', 'BSD'],
    ['BSD 2-Clause "Simplified" License', 'BSD'],
    ['3-Clause BSD, MIT', 'BSD MIT'],
    ['Apache-2.0, MIT', 'MIT APACHE'],
    ['Apache Software License 2.0', 'APACHE'],
    ['Apache 2', 'APACHE'],
    ['ASL 2.0', 'APACHE'],
    ['Python Software Foundation License version 2', 'PSF'],
    ['PSF', 'PSF'],
    ['CC BY 4.0', 'CC'],
    ['CC-BY-NC-SA-4.0', 'CC'],
    ['CC0-1.0', 'CC'],
    ['CC0 1.0 Universal', 'CC'],
    ['Public domain', 'PUBLIC-DOMAIN'],
    ['In the public domain', 'PUBLIC-DOMAIN'],
    ['proprietary - Intel', 'PROPRIETARY'],
    ['Proprietary License', 'PROPRIETARY'],
    ['LicenseRef-Proprietary-Foo', 'PROPRIETARY'],
    ['LicenseRef-GPL-3-with-font', 'GPL3'],
    ['GPL-3.0-only WITH Autoconf-exception-3.0 OR MIT', 'GPL3 MIT'],
    ['GPL-2.0 WITH Linux-syscall-note', 'GPL2'],
    ['MIT AND (BSD-2-Clause OR Apache-2.0 WITH LLVM-exception)', 'BSD MIT APACHE'],
    ['mit', 'MIT'],
    ['apache-2.0', 'APACHE'],
    ['gpl-3.0', 'GPL3'],
    ['AGPLv3+', 'AGPL'],
    ['GNU AGPL v3', 'AGPL'],
    ['Artistic-1.0-Perl OR GPL-1.0-or-later', 'GPL3 GPL2 GPL OTHER'],
    ['GPL-1.0-or-later', 'GPL3 GPL2 GPL'],
    ['GPL_2', 'GPL2'],
    ['GPL (>= 2) + file LICENCE', 'GPL3 GPL2'],
    ['GPL-3 or any later version', 'GPL3'],
    ['ISC', 'OTHER'],
    ['Zlib', 'OTHER'],
    ['HPND', 'OTHER'],
    ['WTFPL', 'OTHER'],
    ['X11', 'MIT'],
    ['Expat', 'MIT'],
    ['MIT (Expat)', 'MIT'],
    ['MIT License (MIT)', 'MIT'],
    ['BSD License (3-clause)', 'BSD'],
    ['GPLv2 with Classpath exception', 'GPL2'],
    ['GPL-2 with the classpath exception | MIT', 'GPL2 MIT'],
    ['GPL, LGPL, MPL', 'LGPL GPL MOZILLA'],
    ['CeCILL-2.1', 'OTHER'],
    ['CC BY-SA 4.0 or GPL-3', 'GPL3 CC'],
    ['EUPL (>= 1.1)', 'OTHER'],
    ['Commercial or AGPLv3', 'AGPL OTHER'],
    ['NONE', 'NONE'],
  ])('%s', (license, expected) => {
    expect(families(license)).toBe(expected);
  });

  it.each([
    // declared and stated, what a forbidding list sees, whether the two disagree
    ['GPL-3.0', 'MIT', 'GPL3 MIT', true],
    ['GPL', 'MIT', 'GPL MIT', true],
    ['LGPL (>= 2)', 'GPL3', 'LGPL GPL3', true],
    ['GPL-2', 'GPL3', 'GPL3 GPL2', true],
    ['CC0', 'Other', 'CC OTHER', true],
    ['GPL (>= 2)', 'GPL3', 'GPL3 GPL2', false],
    ['GPL-3', 'GPL', 'GPL3 GPL', false],
    ['MIT + file LICENSE', 'MIT', 'MIT', false],
    ['Lucent Public License', 'MIT', 'MIT OTHER', false],
    [undefined, 'MIT', 'MIT', false],
    ['MIT', 'of my own', 'MIT OTHER', false],
    [undefined, undefined, 'NONE', false],
  ])('license %s, license_family %s: %s', (license, family, expected, disagree) => {
    const licence = licenceOf({ ...(license === undefined ? {} : { license }), license_family: family });
    expect(licence.families.join(' ')).toBe(expected);
    expect(licence.disagree).toBe(disagree);
  });

  it('takes no longer for a hostile text', () => {
    for (const unit of ['GPL', '(', 'WITH ', ', 2', 'OR ANY ', '>= ', 'MIT/', 'GPL 2 or '])
      expect(licenceOf({ license: unit.repeat(100_000 / unit.length) }).families.length).toBeGreaterThan(0);
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
