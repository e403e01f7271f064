import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isRepackError } from '../../../../src/base/errors.js';
import { readConfigText } from '../../../../src/config/config-file.js';
import { parseMirrorText } from '../../../../src/config/mirror-file/read.js';
import { readPackagesText } from '../../../../src/config/packages-file.js';

const READERS: readonly [string, string, (bytes: Uint8Array, file: string) => unknown][] = [
  ['repackenv.yml', 'E_CONFIG', readConfigText],
  ['a mirror file', 'E_MIRROR_FILE', parseMirrorText],
  ['an environment.yml', 'E_SPEC_FILE', readPackagesText],
];

const KEY = { E_CONFIG: 'channels', E_MIRROR_FILE: 'channels', E_SPEC_FILE: 'dependencies' } as Record<string, string>;

const FAULTS: readonly [string, (key: string) => Uint8Array, RegExp, RegExp][] = [
  ['UTF-16', (key) => Buffer.from(`\ufeff${key}: [a]\n`, 'utf16le'), /^The file is UTF-16$/, /line 1, column 1$/],
  ['Latin-1', (key) => Buffer.from(`${key}: [a]\n# caf\u00e9\n`, 'latin1'), /not UTF-8 text/, /line 2, column 6$/],
  ['5 MB', () => Buffer.alloc(5_000_000, 0x20), /^The file is 5\.0 MB, too big for a/, /^f\.yml$/],
  ['a control character', (key) => Buffer.from(`${key}: [a\u0007]\n`), /control character/, /column \d+$/],
  ['old Mac line ends', (key) => Buffer.from(`${key}: [a]\rx: y\r`), /lone carriage return/, /line 1$/],
  ['a web page', () => Buffer.from('<!DOCTYPE html>\ndependencies:\n'), /^This is a web page and no /, /line 1$/],
  ['a tab', (key) => Buffer.from(`${key}:\n\t- a\n`), /^A tab stands where/, /line 2, column 1$/],
  ['a key twice', (key) => Buffer.from(`${key}: [a]\n${key}: [b]\n`), /twice, first on line 1$/, /line 2, column 1$/],
  ['an alias', (key) => Buffer.from(`x: &a b\n${key}:\n- *a\n`), /aliases/, /line 3, column 3$/],
  ['a colon without a blank', (key) => Buffer.from(`${key}:[a]\n`), /^A blank is missing after/, /line 1, column \d+$/],
  ['no key: value', () => Buffer.from('- a\n'), /is made of `key: value` lines$/, /line 1, column 1$/],
];

describe('one reader of files that users write', () => {
  describe.each(READERS)('%s', (_of, code, read) => {
    it.each(FAULTS)('is refused with %s, naming the place', (_fault, bytes, what, where) => {
      expect(() => read(bytes(KEY[code]!), 'f.yml')).toThrow(
        expect.objectContaining({
          code,
          what: expect.stringMatching(what),
          where: expect.stringMatching(where),
          hint: expect.stringMatching(/\S/),
        }),
      );
    });
  });

  it.each(READERS)(
    '%s: is read, or refused with its code and a line that exists, whatever it holds',
    (_of, code, read) => {
      const words = `${KEY[code]!}:|owner:|dependencies:|latest:|installers:|url:|-|?|:|[|]|{|}|"|'|#|&a|*a|<<:|!x|3.10|~|true|x`;
      const piece = fc.constantFrom(
        '\n',
        '  ',
        '---\n',
        '|\n',
        ...words.split('|').flatMap((word) => [word, `${word} `]),
      );
      fc.assert(
        fc.property(fc.array(piece, { maxLength: 25 }), (pieces) => {
          const text = pieces.join('');
          try {
            read(Buffer.from(text), 'f.yml');
          } catch (error) {
            if (!isRepackError(error)) throw error;
            expect(error.code).toBe(code);
            const line = Number(/line (\d+)/.exec(error.where ?? '')?.[1] ?? 1);
            expect(line).toBeLessThanOrEqual(text.split('\n').length);
          }
        }),
        { numRuns: 300 },
      );
    },
  );

  it.each(READERS)('%s: takes a byte order mark and Windows line ends', (_of, code, read) => {
    expect(read(Buffer.from(`\ufeff# x\r\n${KEY[code]}: [conda-forge]\r\n`), 'f.yml')).toBeTruthy();
  });
});
