import { describe, expect, it } from 'vitest';
import { parseClient, parseVirtualPackage, targetProfile } from '../../../../src/conda/plan/target.js';

describe('parseClient', () => {
  it.each([
    // text, .conda, virtual packages, .bz2 index, pip injected
    ['conda 4.3', false, false, true, true],
    ['conda 4.3.16', false, false, true, true],
    ['conda 4.4', false, false, false, true],
    ['conda 4.6.14', false, false, false, true],
    ['conda 4.7', true, true, false, true],
    ['conda 4.10.3', true, true, false, true],
    ['conda 26.7.1', true, true, false, true],
    ['Conda=24.5', true, true, false, true],
    ['mamba 1.5.8', true, true, false, true],
    ['mamba 2.0.5', true, true, false, true],
    ['micromamba@2.1', true, true, false, true],
    ['micromamba 1.5', true, true, false, true],
    ['pixi 0.40', true, true, false, false],
    ['rattler 0.3', true, true, false, false],
  ])('%s', (text, readsCondaFormat, knowsVirtualPackages, needsBz2Index, injectsPip) => {
    expect(parseClient(text)).toMatchObject({ readsCondaFormat, knowsVirtualPackages, needsBz2Index, injectsPip });
  });

  it('keeps name and version apart', () => {
    expect(parseClient('conda 4.4')).toMatchObject({ name: 'conda', version: '4.4' });
  });

  it.each(['', 'conda', '4.4', 'anaconda 5', 'pip 24', 'conda four', 'conda 4.4 x', 'conda >=4.4'])(
    'refuses %j',
    (text) => {
      expect(() => parseClient(text)).toThrow(expect.objectContaining({ code: 'E_CLIENT' }));
    },
  );
});

describe('parseVirtualPackage', () => {
  it.each([
    ['__glibc=2.17', { name: '__glibc', version: '2.17', build: '0' }],
    ['__archspec=1=x86_64_v3', { name: '__archspec', version: '1', build: 'x86_64_v3' }],
    ['__unix', { name: '__unix', version: '0', build: '0' }],
    [' __cuda=12.4 ', { name: '__cuda', version: '12.4', build: '0' }],
  ])('reads %s', (text, expected) => {
    expect(parseVirtualPackage(text)).toEqual(expected);
  });

  it.each([
    'glibc=2.17',
    '_glibc=2.17',
    '__',
    '',
    '__glibc=',
    '__glibc==2.17',
    '__glibc=x y',
    '__glibc>=2.17',
    '__a=1=b=c',
    '__A=1',
    '__a=1=b/c',
  ])('refuses %j', (text) => {
    expect(() => parseVirtualPackage(text)).toThrow(expect.objectContaining({ code: 'E_PROFILE' }));
  });
});

describe('targetProfile', () => {
  const texts = (subdir: string, given: string[] = []): string[] =>
    targetProfile({ subdir, virtualPackages: given.map(parseVirtualPackage), client: undefined }).virtualPackages.map(
      ({ name, version, build }) => `${name}=${version}=${build}`,
    );

  it.each([
    ['linux-64', ['__archspec=1=x86_64', '__glibc=2.17=0', '__linux=4.18=0', '__unix=0=0']],
    ['linux-s390x', ['__glibc=2.17=0', '__linux=4.18=0', '__unix=0=0']],
    ['osx-arm64', ['__osx=11.0=0', '__unix=0=0']],
    ['win-64', ['__win=10=0']],
    ['zos-z', []],
  ])('D3 %s has its defaults and no __cuda', (subdir, expected) => {
    expect(texts(subdir)).toEqual(expected);
  });

  it('lays what is given over the defaults, each on the systems it is for', () => {
    const given = ['__glibc=2.28', '__cuda=12.4', '__win=11'];
    expect(texts('linux-64', given)).toEqual([
      '__archspec=1=x86_64',
      '__cuda=12.4=0',
      '__glibc=2.28=0',
      '__linux=4.18=0',
      '__unix=0=0',
    ]);
    expect(texts('win-64', given)).toEqual(['__cuda=12.4=0', '__win=11=0']);
  });

  it('refuses noarch as a platform', () => {
    expect(() => texts('noarch')).toThrow(expect.objectContaining({ code: 'E_PROFILE' }));
  });
});
