import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  specForAnyShell,
  wordForAnyShell,
  wordForSh,
  wordForShellHere,
  wordForWindows,
} from '../../../src/base/shell-quote.js';

const SIGNS = [...'ab Z09_.-=:/\\\'"`$&|;<>()[]{}*?!#%^~+@,\t\n\u001B\u201C\u2019é'];
const texts = fc.string({ unit: fc.constantFrom(...SIGNS), minLength: 1, maxLength: 20 });

/** The words that a real sh makes of a line's rest. */
function wordsOfSh(line: string): string[] {
  const { stdout } = spawnSync('sh', ['-c', `show() { for each; do printf '%s\\1' "$each"; done; }; show ${line}`]);
  return stdout.toString('utf8').split('\u0001').slice(0, -1);
}

describe.runIf(process.platform !== 'win32')('in a real sh', () => {
  it('any text is one word, the same', () => {
    const many = fc.sample(texts, 2000);
    expect(wordsOfSh(many.map(wordForSh).join(' '))).toEqual(many);
  });

  it('what is offered for any shell is one word, the same', () => {
    const many = fc.sample(texts, 5000).filter((text) => wordForAnyShell(text) !== undefined);
    expect(many.length).toBeGreaterThan(100);
    expect(wordsOfSh(many.map((text) => wordForAnyShell(text)).join(' '))).toEqual(many);
  });
});

describe('for any shell', () => {
  it.each([
    ['numpy', 'numpy'],
    ['numpy=1.26', 'numpy=1.26'],
    ['numpy>=1.26,<2', '"numpy>=1.26,<2"'],
    ['sympy!=1.1', '"sympy!=1.1"'],
    ["a[version='>=1',build=x]", `"a[version='>=1',build=x]"`],
    ['file:///repos/with%20blank', 'file:///repos/with%20blank'],
    ['channel of the site', '"channel of the site"'],
  ])('%s', (text, word) => expect(wordForAnyShell(text)).toBe(word));

  it.each(['$(touch x)', '`touch x`', 'a"b', 'a\\b', '%PATH%', 'a!b', 'a\nb', 'a\u001B[2Jb', '\u201Ca', ''])(
    'nothing for %j',
    (text) => expect([undefined, '""']).toContain(wordForAnyShell(text)),
  );

  it.each([
    ['a==1!2.0', 'a'],
    ['a[version="==1"]', `"a[version='==1']"`],
    ['$(touch x)', undefined],
    ['-n', undefined],
  ])('of the spec %s: %s', (spec, word) => expect(specForAnyShell(spec)).toBe(word));

  it.each([
    ['D:\\repos\\acme', 'D:\\repos\\acme'],
    ['D:\\my repos\\a', '"D:\\my repos\\a"'],
    ['D:\\%PATH%', undefined],
  ])('on Windows %s', (path, word) => expect(wordForWindows(path)).toBe(word));

  it.each([
    ['/srv/my pkgs', "'/srv/my pkgs'"],
    ['/srv/a\\b', "'/srv/a\\b'"],
    ['C:\\my pkgs', '"C:\\my pkgs"'],
    ['C:\\pkgs', 'C:\\pkgs'],
    ['\\\\site\\repos', '\\\\site\\repos'],
  ])('%s on the machine where it lies', (path, word) => expect(wordForShellHere(path)).toBe(word));
});
