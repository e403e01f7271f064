import { describe, expect, it } from 'vitest';
import type { Manifest } from '../../../src/channel/manifest/manifest.js';
import { rememberedProfiles, rememberedSpecs } from '../../../src/cli/remembered.js';
import { parseClient, parseVirtualPackage } from '../../../src/conda/plan/target.js';
import { parseMatchSpec } from '../../../src/conda/spec/match-spec.js';

const glibc = (version: string) => ({ name: '__glibc', version, build: '0' });
const last = {
  specs: ['numpy>=1.26', 'pytho'],
  profiles: [
    { subdir: 'linux-64', virtual_packages: [glibc('2.28')], client: 'conda 4.12' },
    { subdir: 'win-64', virtual_packages: [], client: 'conda 4.12' },
  ],
} as unknown as Manifest;

const specsOf = (packages: string[], add: string[], remove: string[], before: Manifest | null = last): string[] =>
  rememberedSpecs({ packages: packages.map(parseMatchSpec), add, remove }, before ?? undefined).map(({ text }) => text);

describe('D16 the packages', () => {
  it.each<[string, string[], string[], string[], string[]]>([
    ['left open: as last published', [], [], [], ['numpy>=1.26', 'pytho']],
    ['given: the whole list', ['six'], [], [], ['six']],
    ['one more', [], ['six'], [], ['numpy>=1.26', 'pytho', 'six']],
    ['one more that is there already: in its new form', [], ['numpy>=2'], [], ['pytho', 'numpy>=2']],
    ['one less', [], [], ['pytho'], ['numpy>=1.26']],
    ['one for another', [], ['six'], ['pytho'], ['numpy>=1.26', 'six']],
  ])('%s', (_, packages, add, remove, expected) => {
    expect(specsOf(packages, add, remove)).toEqual(expected);
  });

  it.each<[string, string[], string[], string[], Manifest | null, RegExp]>([
    ['a list and --add', ['six'], ['numpy'], [], last, /gives the whole list/],
    ['a list and --remove', ['six'], [], ['numpy'], last, /gives the whole list/],
    ['--add to nothing', [], ['six'], [], null, /Nothing was published yet/],
    ['--remove of what is not asked for', [], [], ['nunpy'], last, /"nunpy" was not asked for/],
    ['--add of no MatchSpec', [], ['a b c d'], [], last, /a b c d/],
  ])('%s: refused', (_, packages, add, remove, before, what) => {
    expect(() => specsOf(packages, add, remove, before)).toThrow(what);
  });

  it.each<[string, string[], string[], RegExp]>([
    ['--add', ['numpy'], [], /add numpy\./],
    ['--remove', [], ['six'], /take out six\./],
  ])('%s where the list is declared in a file: says where to change it', (_, add, remove, hint) => {
    const wanted = { packages: [parseMatchSpec('six')], origin: 'repackenv.yml, line 7', add, remove };
    expect(() => rememberedSpecs(wanted, last)).toThrow(
      expect.objectContaining({ code: 'E_USAGE', where: 'repackenv.yml, line 7', hint: expect.stringMatching(hint) }),
    );
  });

  it('of a new label: none', () => {
    expect(specsOf([], [], [], null)).toEqual([]);
  });
});

describe('D16 the machines', () => {
  const open = {
    subdirs: undefined,
    addSubdirs: [],
    client: undefined,
    virtualPackages: undefined,
    origin: 'command line',
    otherwise: ['osx-arm64'],
  };
  const short = (wanted: Partial<Parameters<typeof rememberedProfiles>[0]>, before: Manifest | null = last): string[] =>
    rememberedProfiles({ ...open, ...wanted }, before ?? undefined).map(({ subdir, virtualPackages, client }) => {
      const found = virtualPackages.find(({ name }) => name === '__glibc')?.version;
      return [subdir, found, client && `${client.name} ${client.version}`].filter(Boolean).join(', ');
    });

  it.each<[string, Parameters<typeof short>[0], string[]]>([
    ['left open: as last published', {}, ['linux-64, 2.28, conda 4.12', 'win-64, conda 4.12']],
    ['given: the whole list', { subdirs: ['linux-64'] }, ['linux-64, 2.28, conda 4.12']],
    [
      'one more, with the client of the others',
      { addSubdirs: ['linux-aarch64', 'win-64'] },
      ['linux-64, 2.28, conda 4.12', 'win-64, conda 4.12', 'linux-aarch64, 2.17, conda 4.12'],
    ],
    ['another client', { client: parseClient('conda 25.1') }, ['linux-64, 2.28, conda 25.1', 'win-64, conda 25.1']],
    ['no client any more', { client: 'none' }, ['linux-64, 2.28', 'win-64']],
    [
      'other machines',
      { virtualPackages: [parseVirtualPackage('__glibc=2.35')] },
      ['linux-64, 2.35, conda 4.12', 'win-64, conda 4.12'],
    ],
  ])('%s', (_, wanted, expected) => {
    expect(short(wanted)).toEqual(expected);
  });

  it('of a new label: what is given, else this machine', () => {
    expect(short({}, null)).toEqual(['osx-arm64']);
    expect(short({ subdirs: ['win-64', 'win-64'] }, null)).toEqual(['win-64']);
  });

  it('two ways to say the platforms, or noarch: refused', () => {
    expect(() => short({ subdirs: ['win-64'], addSubdirs: ['linux-64'] })).toThrow(/--subdir gives the whole list/);
    expect(() => short({ addSubdirs: ['noarch'] })).toThrow(/noarch is no platform/);
    const declared = { subdirs: ['win-64'], addSubdirs: ['linux-64'], origin: 'repackenv.yml, line 5' };
    expect(() => short(declared)).toThrow(
      expect.objectContaining({ where: 'repackenv.yml, line 5', hint: 'Change the list there: add linux-64.' }),
    );
  });
});
