import { describe, expect, it } from 'vitest';
import { channelUrl, installLines } from '../../../../src/site/page/install-lines.js';

const wanted = (specs: string[]): string => installLines(specs, 'U')[0]!.lines[0]!.split(' -c U ')[1]!;

describe('installLines', () => {
  it.each<[string[], string]>([
    [[], 'PACKAGE'],
    [['ratingpro', 'pytho=1.9'], 'ratingpro pytho=1.9'],
    [['numpy >=1.26,<2'], '"numpy >=1.26,<2"'],
    [['numpy!=1.2'], '"numpy!=1.2"'],
    [['acme::a[version="1.*",build=\'py*\']'], "\"acme::a[version='1.*',build='py*']\""],
    // What a shell would do something with though it is quoted.
    [['a=1!2.0'], 'a'],
    [['a`id`'], 'a'],
    [['a $(id)'], 'a'],
    [['a\\'], 'a'],
    [['a%PATH%'], 'a'],
    [['a\nrm -rf x'], 'a'],
    [['--yes', '$(id)', '"; id; "', ''], 'PACKAGE'],
  ])('asks for %j as %s', (specs, text) => {
    expect(wanted(specs)).toBe(text);
  });

  it('gives each client its lines', () => {
    const lines = installLines(['a'], 'http://h/acme').flatMap((each) => each.lines);
    expect(lines).toEqual([
      'conda create -n my-env --override-channels -c http://h/acme a',
      'conda config --env --add channels http://h/acme',
      'conda install a',
      'mamba create -n my-env --override-channels -c http://h/acme a',
      'pixi init --channel http://h/acme my-project',
      'cd my-project',
      'pixi add a',
    ]);
  });
});

it.each([
  ['none', 'https://h:1/acme', 'https://h:1'],
  ['token', 'https://h:1/t/TOKEN/acme', 'https://h:1/t/TOKEN'],
  ['login', 'https://USER:PASSWORD@h:1/acme', 'https://USER:PASSWORD@h:1'],
] as const)('channelUrl with %s', (credentials, named, bare) => {
  expect(channelUrl('https://h:1', 'acme', credentials)).toBe(named);
  expect(channelUrl('https://h:1', '', credentials)).toBe(bare);
});
