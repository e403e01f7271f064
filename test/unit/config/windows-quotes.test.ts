import { describe, expect, it } from 'vitest';
import { refuseQuotesInPaths } from '../../../src/config/windows-quotes.js';

describe('H5 a quotation mark in a path', () => {
  it.each([
    ['E:"', '"E:\\\\"'],
    ['C:\\my repos" ratingpro --engine embedded', '"C:\\my repos\\\\"'],
    ['--to=E:\\media" --zstd', '"E:\\media\\\\"'],
    ['\\\\server\\share"', '"\\\\server\\share\\\\"'],
    ['..\\repos"', '"..\\repos\\\\"'],
    ['C:\\cache" halkbank xx-a-token C:\\repos', '"C:\\cache\\\\"'],
  ])('%s: refused on Windows, with what to write', (arg, written) => {
    // Nothing of what follows the path, which may be the token.
    const where = arg.slice(arg.startsWith('--to=') ? 5 : 0, arg.indexOf('"') + 1);
    expect(() => refuseQuotesInPaths(['export', arg], 'win32')).toThrow(
      expect.objectContaining({ code: 'E_USAGE', where, hint: expect.stringContaining(`${written}.`) }),
    );
    expect(() => refuseQuotesInPaths(['export', arg], 'linux')).not.toThrow();
  });

  it.each(['numpy[version=">=1.26"]', 'python=3.11', 'C:\\repos\\', 'file:///C:/up', '--channel=https://h/c'])(
    '%s: nothing to refuse',
    (arg) => expect(() => refuseQuotesInPaths([arg], 'win32')).not.toThrow(),
  );
});
