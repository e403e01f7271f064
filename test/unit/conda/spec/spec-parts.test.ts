import { expect, it } from 'vitest';
import { channelPlace, condaVersion, hasStrayBlank } from '../../../../src/conda/spec/spec-parts.js';

// What conda 26.7.1 makes of them (`_sanitize_version_str`): without a build behind it, with one.
it.each([
  ['1.2', '1.2', '1.2'],
  ['=1.2', '1.2*', '1.2'],
  ['==1.2', '1.2', '1.2'],
  ['=1.2.*', '1.2.*', '1.2.*'],
  ['==1.2.*', '1.2.*', '1.2.*'],
  ['= 1.2', '1.2*', '1.2'],
  ['===1.2', '1.2', '1.2'],
  ['=1.2|1.3', '=1.2|1.3', '=1.2|1.3'],
  ['=1.2|=1.3', '=1.2|=1.3', '=1.2|=1.3'],
  ['==1.2|==1.3', '1.2|==1.3', '==1.2|==1.3'],
  ['==1.2,!=1.2.3', '1.2,!=1.2.3', '==1.2,!=1.2.3'],
  ['=1.2,1.3', '=1.2,1.3', '=1.2,1.3'],
  ['!=1.2', '!=1.2', '!=1.2'],
  ['>=1.2', '>=1.2', '>=1.2'],
  ['=', '=', '='],
  ['==', '==', '=='],
])('the constraint %s is to conda %s, before a build %s', (version, alone, beforeBuild) => {
  expect(condaVersion(version, false)).toBe(alone);
  expect(condaVersion(version, true)).toBe(beforeBuild);
});

// As conda 26.7.1 cuts the channel of `CHANNEL::n`.
it.each([
  ['c', 'c', undefined],
  ['c/linux-64', 'c', 'linux-64'],
  ['c/linux-64/', 'c', 'linux-64'],
  ['c//noarch//', 'c', 'noarch'],
  ['c//', 'c', undefined],
  ['c/osx-arm64', 'c', 'osx-arm64'],
  ['c/emscripten-wasm32', 'c', 'emscripten-wasm32'],
  ['c/linux', 'c/linux', undefined],
  ['c/noarch/x', 'c/noarch/x', undefined],
  ['c/xnoarch', 'c/xnoarch', undefined],
  ['noarch', 'noarch', undefined],
  ['https://example.org/a/label/b/win-64', 'https://example.org/a/label/b', 'win-64'],
  [undefined, undefined, undefined],
])('the channel %s is %s with the subdir %s', (written, channel, subdir) => {
  expect(channelPlace(written)).toEqual({ channel, subdir });
});

it.each([
  ['1.9', false],
  ['1.9 2.0', true],
  ['>= 1.9 , < 2', false],
  ['1.8 | 1.9', false],
  ['( 1.8 | 1.9 )', false],
  ['>=1.9,<2 x', true],
  ['1.9  py', true],
  ['!= 1.9', false],
  ['~= 1.9', false],
  ['(1.8|1.9) x', true],
])('in %s blanks separate more than an operator: %s', (constraint, expected) => {
  expect(hasStrayBlank(constraint)).toBe(expected);
});
