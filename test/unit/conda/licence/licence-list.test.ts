import { describe, expect, it } from 'vitest';
import { licenceEntry, licenceMet, licenceNotAllowed } from '../../../../src/conda/licence/licence-list.js';

const entries = (texts: string) => texts.split(';').map((text) => licenceEntry(text.trim())!);
/** `TEXT`, or `TEXT/FAMILY` where the record declares one too. */
const record = (text: string) => {
  const [license = '', family] = text.split(' // ');
  return { ...(license === '' ? {} : { license }), ...(family === undefined ? {} : { license_family: family }) };
};

describe('a list of licences', () => {
  it.each(['GPLv33', 'GNU', 'MIT OR', 'gpl-3.0-only', ''])('has no entry %j', (text) => {
    expect(licenceEntry(text)).toBeUndefined();
  });

  it.each([
    [
      'a family',
      'GPL3',
      ['GPL-3.0-only', 'GPL-2.0-or-later', 'GPL (>= 2)', 'MIT OR GPL-3.0-only', 'GNU GPL v3', 'MIT // GPL3'],
    ],
    ['all of GPL', 'GPL', ['GPL-2.0-only', 'GPL-3.0-only', 'GPL']],
    [
      'an expression',
      'GPL-3.0-only',
      ['GPL-3.0', 'GPL-3.0-or-later', 'GPL-2.0-or-later', 'GPL-3.0-only WITH GCC-exception-3.1'],
    ],
    [
      'an expression, of a text that is none',
      'GPL-3.0-only',
      ['GPLv3', 'GPL (>= 3)', 'GNU General Public License v3', ' // GPL3'],
    ],
    ['an expression, of a declared family that is another', 'GPL-3.0-only', ['MIT // GPL3']],
    ['a family that has no word', 'Zlib', ['Zlib', 'zlib', 'MIT AND Zlib']],
    ['a choice of two', 'MIT OR Apache-2.0', ['MIT', 'Apache-2.0', 'BSD-3-Clause OR MIT']],
    ['two together', 'MIT AND GPL-2.0-only', ['MIT AND GPL-2.0-only', 'GPL-2.0-only OR MIT']],
    ['an exception', 'GPL-2.0-only WITH Classpath-exception-2.0', ['GPL-2.0-only WITH Classpath-exception-2.0']],
    ['nothing', 'NONE', ['']],
  ])('forbids by %s (%s)', (_name, list, texts) => {
    for (const text of texts) expect(licenceMet(entries(list), record(text)), text).toBeDefined();
  });

  it.each([
    ['a family', 'GPL3', ['GPL-2.0-only', 'LGPL-3.0-only', 'AGPL-3.0-only', 'MIT', '', 'GPL-2.0-only // GPL2']],
    ['an expression', 'GPL-3.0-only', ['GPL-2.0-only', 'LGPL-3.0-or-later', 'AGPL-3.0-only', 'MIT']],
    ['or later', 'GPL-3.0-or-later', ['GPL-3.0-only', 'GPL-2.0-only']],
    ['a family that has no word', 'Zlib', ['a licence of our own', 'LicenseRef-ours']],
    ['two together', 'MIT AND GPL-2.0-only', ['MIT', 'GPL-2.0-only']],
    ['an exception', 'GPL-2.0-only WITH Classpath-exception-2.0', ['GPL-2.0-only']],
  ])('lets by %s (%s) others through', (_name, list, texts) => {
    for (const text of texts) expect(licenceMet(entries(list), record(text)), text).toBeUndefined();
  });

  it.each([
    [
      'MIT; BSD',
      ['MIT', 'BSD-3-Clause', 'MIT AND BSD-2-Clause', 'MIT OR GPL-3.0-only', 'BSD 3-Clause', 'MIT + file LICENSE'],
      ['GPL-3.0-only', 'MIT AND GPL-2.0-only', '', 'MIT // GPL3', 'a licence of our own'],
    ],
    ['GPL2', ['GPL-2.0-only', 'GPL-2.0-or-later', 'GPL-2'], ['GPL-3.0-only', 'GPL (>= 2)']],
    ['BSD-3-Clause', ['BSD-3-Clause', 'MIT OR BSD-3-Clause'], ['BSD-4-Clause', 'BSD 3-Clause', 'BSD']],
    [
      'GPL-2.0-only',
      ['GPL-2.0-only', 'GPL-2.0-or-later', 'GPL-2.0-only WITH Classpath-exception-2.0'],
      ['GPL-3.0-only'],
    ],
    ['NONE', [''], ['MIT']],
  ])('allows by %s', (list, allowed, not) => {
    for (const text of allowed) expect(licenceNotAllowed(entries(list), record(text)), text).toBeUndefined();
    for (const text of not) expect(licenceNotAllowed(entries(list), record(text)), text).toBeDefined();
  });

  it('says what of the record it is', () => {
    const because = (list: string, text: string) => licenceMet(entries(list), record(text))?.because;
    expect(because('GPL3', 'GPL-3.0-only')).toBe('its license is "GPL-3.0-only"');
    expect(because('GPL3', ' // GPL3')).toBe('its license_family is GPL3');
    expect(because('GPL3', 'MIT // GPL3')).toBe(
      'its license is "MIT" and its license_family is GPL3: the two do not agree',
    );
    expect(licenceNotAllowed(entries('BSD-3-Clause'), record('BSD 3-Clause'))).toBe(
      'its license is "BSD 3-Clause", which is no SPDX expression',
    );
  });
});
