import { describe, expect, it } from 'vitest';
import { globMatches } from '../../../../src/conda/spec/glob.js';

// CEP 29, "String matching": a text is the same, but for case, or has `*` for zero or more characters.
describe('globMatches', () => {
  it.each([
    ['', '', true],
    ['', 'a', false],
    ['*', '', true],
    ['*', 'anything', true],
    ['**', '', true],
    ['numpy', 'numpy', true],
    ['numpy', 'numpy-base', false],
    ['numpy', 'xnumpy', false],
    ['numpy', 'nump', false],
    ['numpy*', 'numpy', true],
    ['numpy*', 'numpy-base', true],
    ['*py', 'numpy', true],
    ['*py', 'pyx', false],
    ['a*b', 'ab', true],
    ['a*b', 'axxb', true],
    ['a*b', 'abc', false],
    ['a*b*', 'ab', true],
    ['a*ab', 'aab', true],
    ['a*ab', 'ab', false],
    ['*a*b', 'xaxaxb', true],
    ['*ab*ab', 'abxab', true],
    ['*ab*ab', 'abab', true],
    ['*ab*ab', 'xab', false],
    ['a.b', 'axb', false],
    ['a?', 'ab', false],
  ])('%j takes %j: %s', (pattern, text, expected) => {
    expect(globMatches(pattern, text)).toBe(expected);
    expect(globMatches(pattern.toUpperCase(), text)).toBe(expected);
    expect(globMatches(pattern, text.toUpperCase())).toBe(expected);
    expect(globMatches(pattern, text, { caseMatters: true })).toBe(expected);
  });

  it('tells upper from lower case where it matters', () => {
    expect(globMatches('PY39*', 'py39_0', { caseMatters: true })).toBe(false);
    expect(globMatches('py39*', 'PY39_0', { caseMatters: true })).toBe(false);
    expect(globMatches('PY39*', 'PY39_0', { caseMatters: true })).toBe(true);
  });
});
