import { describe, expect, it } from 'vitest';
import { parseSpecPattern, patternFits } from '../../../../src/conda/spec/spec-entry.js';

const record = { name: 'NumPy-base', version: '1.26.4', build: 'py39_0', build_number: 3, depends: [] };

describe('an entry of a list of packages', () => {
  // A MatchSpec as `specMatches` takes it, whose name may hold `*` (CEP 29, "String matching"); repackenv help mirror.
  it.each([
    ['numpy-base', true],
    ['NUMPY-Base', true],
    ['numpy', false],
    ['numpy*', true],
    ['NUM*', true],
    ['*', true],
    ['*-base', true],
    ['*-tests', false],
    ['n*y*se', true],
    ['num**', true],
    ['xnumpy*', false],
    ['numpy*>=1.26,<2', true],
    ['numpy* >=2', false],
    ['numpy*=1.26', true],
    ['numpy*!=1.26.4', false],
    ['numpy*~=1.26.0', true],
    ['numpy*<2', true],
    ['numpy-base=1.25', false],
    ['numpy*=1.26.4=py39*', true],
    ['numpy*=1.26.4=py310*', false],
    ['numpy-base[build_number=3]', true],
    ['numpy*[build_number=3]', true],
    ['numpy*[build_number=2]', false],
    ['numpy*[subdir=linux-64]', true],
    ['numpy*[subdir=win-64]', false],
    ['conda-forge::numpy*', true],
    ['conda-forge::numpy-base>=1', true],
    ['x*::numpy-base', undefined],
  ])('%s takes numpy-base 1.26.4 py39_0: %s', (text, expected) => {
    if (expected === undefined)
      expect(() => parseSpecPattern(text)).toThrow(expect.objectContaining({ code: 'E_SPEC' }));
    else expect(patternFits(parseSpecPattern(text), record, 'linux-64')).toBe(expected);
  });

  it('takes a name for what it is, however many x it has', () => {
    expect(patternFits(parseSpecPattern('xxhash'), { ...record, name: 'xxhash' }, 'linux-64')).toBe(true);
    expect(patternFits(parseSpecPattern('xxhash'), { ...record, name: 'xhash' }, 'linux-64')).toBe(false);
    expect(patternFits(parseSpecPattern('xx*'), { ...record, name: 'xhash' }, 'linux-64')).toBe(false);
  });

  it('goes by the folder that the record lies in, whatever it says itself', () => {
    const stated = { ...record, subdir: 'win-64' };
    expect(patternFits(parseSpecPattern('numpy*[subdir=linux-64]'), stated, 'linux-64')).toBe(true);
    expect(patternFits(parseSpecPattern('numpy-base[subdir=win-64]'), stated, 'linux-64')).toBe(false);
  });

  it.each([
    ['Num*>=1', 'num*', '>=1', undefined],
    ['*', '*', undefined, undefined],
    ['conda-forge::Num*=1', 'num*', '1.*', 'conda-forge'],
    ['conda-forge::Numpy=1', 'numpy', '1.*', 'conda-forge'],
    ['Numpy', 'numpy', undefined, undefined],
  ])('of %s keeps the text, the name %s, the rest', (text, pattern, version, channel) => {
    const entry = parseSpecPattern(text);
    expect([entry.text, entry.pattern, entry.spec.version, entry.spec.channel]).toEqual([
      text,
      pattern,
      version,
      channel,
    ]);
  });

  it.each(['num*>', '', '*x y z w', 'num*[md5=0]', '__*', 'nu/m*', 'a\nb*'])('refuses %j', (text) => {
    expect(() => parseSpecPattern(text)).toThrow(expect.objectContaining({ code: 'E_SPEC' }));
  });

  it('says in a refusal what was written', () => {
    expect(() => parseSpecPattern('NumPy>')).toThrow('"NumPy>"');
  });
});
