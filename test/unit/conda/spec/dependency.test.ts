import { describe, expect, it } from 'vitest';
import { dependencyName, parseDependency } from '../../../../src/conda/spec/dependency.js';
import { realChannelTexts } from '../../../../scripts/lib/conda-oracle.js';

describe('parseDependency', () => {
  it.each([
    ['readline', 'readline', undefined, undefined],
    ['python >=3.9,<3.10.0a0', 'python', '>=3.9,<3.10.0a0', undefined],
    ['foo 1.* *_cpython', 'foo', '1.*', '*_cpython'],
    ['blas * mkl', 'blas', undefined, 'mkl'],
    ['__glibc >=2.17', '__glibc', '>=2.17', undefined],
    ['name 1.2.3 py39_0', 'name', '==1.2.3', 'py39_0'],
    ['numpy 1.11*', 'numpy', '1.11.*', undefined],
    ['jpeg 8*|9*', 'jpeg', '8.*|9.*', undefined],
    ['a >= 1.0 , < 2.0 py34_0', 'a', '>=1.0,<2.0', 'py34_0'],
    ['a >=1.0,<2.0 =py_0', 'a', '>=1.0,<2.0', 'py_0'],
    ['a =1.9', 'a', '1.9.*', undefined],
    ['a=1.9', 'a', '1.9.*', undefined],
    ['a==1.9', 'a', '==1.9', undefined],
    ['a ==1.9.*', 'a', '1.9.*', undefined],
    ['a 1.*.3', 'a', '1.*.3', undefined],
    ['Jinja2', 'jinja2', undefined, undefined],
    ['__cuda', '__cuda', undefined, undefined],
    ['a[version="1.2.*",build=x]', 'a', '1.2.*', 'x'],
    ['conda-forge::a 1.0', 'a', '==1.0', undefined],
  ])('reads %s', (text, name, version, build) => {
    const { spec } = parseDependency(text);
    expect(spec).toMatchObject({ name });
    expect(spec?.version).toBe(version);
    expect(spec?.build).toBe(build);
    expect(dependencyName(text)).toBe(name);
  });

  it('reads conditions and build numbers of repodata v3', () => {
    expect(parseDependency('a[version="2",build_number=">=1",when="__unix",extras=[x,y]]')).toMatchObject({
      spec: { name: 'a', version: '==2', buildNumber: '>=1' },
      condition: '__unix',
    });
    expect(parseDependency('a >=1; if __win')).toMatchObject({
      spec: { name: 'a', version: '>=1' },
      condition: '__win',
    });
  });

  it.each([
    '',
    ' ',
    '>=1.0',
    'a ^1.*$',
    'a 1.0 2.0 x',
    'a >=',
    'a [',
    '../x',
    'a b/c d',
    'a[build_number=x]',
    'a\u0000b',
    '_ _',
  ])('B8 gives back %j with its problem instead of a crash', (text) => {
    const dependency = parseDependency(text);
    expect(dependency.spec).toBeUndefined();
    expect(dependency).toMatchObject({ text, problem: expect.stringMatching(/./) });
  });

  const real = realChannelTexts();
  it.skipIf(real === undefined)('reads every dependency of the real channel indexes', () => {
    expect(real!.dependencies.filter((text) => parseDependency(text).problem !== undefined)).toEqual([]);
    expect(real!.dependencies.filter((text) => parseDependency(text).spec?.name !== dependencyName(text))).toEqual([]);
    expect(real!.dependencies.length).toBeGreaterThan(1000);
  });
});

it('a dependency of 150,000 characters is a problem with its length, not minutes of work', () => {
  for (const text of [`n${'a'.repeat(150_000)}`, `a ${'1'.repeat(150_000)}=`, `a${' '.repeat(150_000)}b`])
    expect(parseDependency(text).problem).toMatch(/^it has 15000\d characters, the limit is/);
});
