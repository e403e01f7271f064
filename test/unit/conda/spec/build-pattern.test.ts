import { expect, it } from 'vitest';
import stars from '../../../fixtures/version-specs.json' with { type: 'json' };
import { buildMatches, isBuildPattern } from '../../../../src/conda/spec/build-pattern.js';

// CEP 29: a build string, with `*` for any run of characters, or a regular expression from `^` to `$`.
it.each([
  ['py39_0', 'py39_0', true],
  ['py39_0', 'py39_01', false],
  ['py39_0', 'xpy39_0', false],
  ['py39*', 'py39_0', true],
  ['PY39*', 'py39_0', false],
  ['*_0', 'py39_0', true],
  ['*', '', true],
  ['^py39_0$', 'py39_0', true],
  ['^py39_0$', 'PY39_0', false],
  ['^py3.*$', 'py310_1', true],
  ['^py3.*$', 'xpy310_1', false],
  ['^py3[0-9]_0$', 'py39_0', true],
  ['^py3[0-9]_0$', 'py310_0', false],
  ['^(py39|py310)_0$', 'py310_0', true],
  ['^(?:py39|py310)_0$', 'py311_0', false],
  ['^py39_\\d+$', 'py39_12', true],
  ['^py39_\\d+$', 'py39_x', false],
  ['^a\\.b$', 'a.b', true],
  ['^a\\.b$', 'axb', false],
  ['^a\\+b?$', 'a+', true],
])('%s takes the build %s: %s', (pattern, build, expected) => {
  expect(isBuildPattern(pattern)).toBe(true);
  expect(buildMatches(pattern, build)).toBe(expected);
});

it.each(Object.entries(stars.patterns))('C1 takes by %s the builds that conda 26.7.1 takes', (pattern, conda) => {
  expect(stars.builds.map((build) => (buildMatches(pattern, build) ? '1' : '0')).join('')).toBe(conda);
  expect(isBuildPattern(pattern)).toBe(true);
});

it.each([
  'a'.repeat(201),
  `^${'a'.repeat(199)}$`,
  '',
  'a b',
  'a$',
  'a^',
  'a\\b',
  '(a)',
  'a|b',
  '[a]',
  'a\t',
  '^a',
  '^',
  '^(a+)+$',
  '^(a+)+^b$',
  '^(a|b)*$',
  '^(a){2}$',
  '^(a)?$',
  '^((a))$',
  '^[^a]$',
  '^a\\1$',
  '^a\\sb$',
  '^(?=a)b$',
  '^a$b$',
  '^a{2}$',
  '^[a$',
  '^é$',
])('%j stands for no builds', (pattern) => {
  expect(isBuildPattern(pattern)).toBe(false);
  if (pattern.startsWith('^')) expect(buildMatches(pattern, 'a')).toBe(false);
});

it.each(['a'.repeat(200), `^${'a'.repeat(198)}$`])('%j does', (pattern) => {
  expect(isBuildPattern(pattern)).toBe(true);
});
