import { describe, expect, it } from 'vitest';
import { channelPlace, condaVersion, cutSpec, hasStrayBlank } from '../../../../src/conda/spec/spec-parts.js';

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

// CEP 29, "Syntax": `channel::name version build [key=value]`, with blanks or `=` between; blanks around any of them say nothing.
describe('cutSpec', () => {
  const NONE = { channel: undefined, version: undefined, build: undefined, keys: new Map(), ambiguous: false };

  it.each<[string, object]>([
    ['n', { name: 'n' }],
    [' n ', { name: 'n' }],
    ['c::n', { channel: 'c', name: 'n' }],
    ['c :: n 1', { channel: 'c', name: 'n', version: '1' }],
    ['a::b::n', { channel: 'a::b', name: 'n' }],
    ['n 1.2', { name: 'n', version: '1.2' }],
    ['n  1.2  x ', { name: 'n', version: '1.2', build: 'x' }],
    ['n 1.2 =x', { name: 'n', version: '1.2', build: 'x' }],
    ['n 1.2= x', { name: 'n', version: '1.2', build: 'x' }],
    ['n=1.2=x', { name: 'n', version: '=1.2', build: 'x' }],
    ['n=1.2= x', { name: 'n', version: '=1.2', build: 'x' }],
    ['n =1.2', { name: 'n', version: '=1.2' }],
    ['n= 1.2', { name: 'n', version: '= 1.2' }],
    ['n =1.2 x', { name: 'n', version: '=1.2', build: 'x', ambiguous: true }],
    ['n=1.2 x', { name: 'n', version: '=1.2', build: 'x', ambiguous: true }],
    ['n= 1.2=x', { name: 'n', version: '= 1.2', build: 'x', ambiguous: true }],
    ['n =1.2.* x', { name: 'n', version: '=1.2.*', build: 'x' }],
    ['n ==1.2 x', { name: 'n', version: '==1.2', build: 'x' }],
    ['n >=1.2 x', { name: 'n', version: '>=1.2', build: 'x' }],
    ['n 1.2 x', { name: 'n', version: '1.2', build: 'x' }],
    ['n >=1.2,<2=x', { name: 'n', version: '>=1.2,<2', build: 'x' }],
    ['n > =x', { name: 'n', version: '> =x' }],
    ['n >= 1', { name: 'n', version: '>= 1' }],
    // conda and rattler read this one differently: it stays whole, and is refused.
    ['n (1|2)x', { name: 'n', version: '(1|2)x' }],
    ['n (1|2) x', { name: 'n', version: '(1|2)', build: 'x' }],
    ['n 1|x', { name: 'n', version: '1|x' }],
    ['n=', { name: 'n', version: '=' }],
    ['>=1', { name: '', version: '>=1' }],
    ['[a=1]', { name: '', keys: new Map([['a', '1']]) }],
    [' n 1 [a=1] ', { name: 'n', version: '1', keys: new Map([['a', '1']]) }],
    ['n[]', { name: 'n' }],
    ['n[ ]', { name: 'n' }],
    ['n[  ]', { name: 'n' }],
    [
      'n[a=\'x ,y\', b="]",c=z]',
      {
        name: 'n',
        keys: new Map([
          ['a', 'x ,y'],
          ['b', ']'],
          ['c', 'z'],
        ]),
      },
    ],
    [
      'n[a=1 b=2]',
      {
        name: 'n',
        keys: new Map([
          ['a', '1'],
          ['b', '2'],
        ]),
      },
    ],
    ['n[a_b-c=[x, y]]', { name: 'n', keys: new Map([['a_b-c', '[x, y]']]) }],
    [
      "n[a='', b=>=1]",
      {
        name: 'n',
        keys: new Map([
          ['a', ''],
          ['b', '>=1'],
        ]),
      },
    ],
  ])('of %s', (text, parts) => {
    expect(cutSpec(text)).toEqual({ ...NONE, ...parts });
  });

  it.each([
    ['n[a=1,a=2]', 'twice'],
    ['n[a=1', 'not a list of key=value'],
    ['n[a=1,', '"]" is missing'],
    ['n[', '"]" is missing'],
    ['n[]x', 'not a list of key=value'],
    ['n[a=1][]', 'not a list of key=value'],
    ['n[a=1]x', 'not a list of key=value'],
    ['n[a="1"b=x]', 'not a list of key=value'],
    ['n[a]', 'not a list of key=value'],
    ['n[1a=x]', 'not a list of key=value'],
    ['n[a=]', 'not a list of key=value'],
    ["n[a='x]", 'not a list of key=value'],
    ['n[a=x y]', 'not a list of key=value'],
  ])('%s can not be cut', (text, problem) => {
    expect(cutSpec(text)).toEqual({ problem: expect.stringContaining(problem) });
  });
});
