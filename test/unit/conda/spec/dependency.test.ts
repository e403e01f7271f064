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

  // conda 26.7.1 reads each of these; of what it drops (extras, conditions, comments) and of what it has (channel, subdir, build) as here.
  it.each([
    ['ray[default,data] >=2.9', { name: 'ray', version: '>=2.9' }],
    ['ray[default]>=2.9', { name: 'ray', version: '>=2.9' }],
    ['a [ ] 1', { name: 'a', version: '==1' }],
    ['a if b', { name: 'a' }],
    ['a >=1 if __win and b', { name: 'a', version: '>=1' }],
    ['notif 1', { name: 'notif', version: '==1' }],
    ['aif 1', { name: 'aif', version: '==1' }],
    ['a 1 py39_0 ', { name: 'a', version: '==1', build: 'py39_0' }],
    ['a 1 # b # c', { name: 'a', version: '==1' }],
    ['a[version=1.2]#x', { name: 'a', version: '==1.2' }],
    ['conda-forge/linux-64::a', { name: 'a', channel: 'conda-forge', subdir: 'linux-64' }],
    ['a[channel=c/noarch]', { name: 'a', channel: 'c', subdir: 'noarch' }],
    ['a[channel="c/win-64", subdir=linux-64]', { name: 'a', channel: 'c', subdir: 'linux-64' }],
    ['c::ns:a', { name: 'a', channel: 'c' }],
    ['a [version="1.2" , build=x]', { name: 'a', version: '==1.2', build: 'x' }],
    ['a[version="1,2"]', { name: 'a', version: '==1,==2' }],
    ['a[build_number="!=1"]', { name: 'a', buildNumber: '!=1' }],
    ['a[build_number="<=123456789"]', { name: 'a', buildNumber: '<=123456789' }],
    ['a[build_number=*,build=*]', { name: 'a' }],
    ['a >= 1.2 , < 2 py_0', { name: 'a', version: '>=1.2,<2', build: 'py_0' }],
    ['a 1.2, 1.3', { name: 'a', version: '==1.2,==1.3' }],
    ['a 1.2 ,1.3 py', { name: 'a', version: '==1.2,==1.3', build: 'py' }],
    ['a>1 =x', { name: 'a', version: '>1', build: 'x' }],
    ['a ~= 1.2', { name: 'a', version: '>=1.2,1.*' }],
    ['a != 1.2 x', { name: 'a', version: '!=1.2', build: 'x' }],
    ['a <1.2,  !=1.1  py*', { name: 'a', version: '<1.2,!=1.1', build: 'py*' }],
    ['a =*=x', { name: 'a', build: 'x' }],
    ['a *=x', { name: 'a', build: 'x' }],
    ['a=*', { name: 'a' }],
    ['a==1.2 =x', { name: 'a', version: '==1.2', build: 'x' }],
  ])('reads %s as conda does', (text, expected) => {
    const { text: canonical, ...read } = parseDependency(text).spec!;
    expect(read).toEqual(expected);
    // And its canonical text says the same.
    expect(parseDependency(canonical).spec).toEqual({ ...read, text: canonical });
  });

  it.each([
    ['a >=1 if __win and b', '__win and b'],
    ['a >=1; if __win', '__win'],
    ['a;if __win', '__win'],
    ['a ;  if  __win # why', '__win'],
    ['a[when="__unix"]', '__unix'],
    ['aif 1', undefined],
    ['a 1', undefined],
  ])('of %s takes the condition %s', (text, condition) => {
    expect(parseDependency(text).problem).toBeUndefined();
    expect((parseDependency(text) as { condition?: string }).condition).toBe(condition);
  });

  it.each([
    [' a', 'begins with a blank'],
    ['>=1', 'no valid package name'],
    ['__', 'no valid package name'],
    ['a*', 'no valid package name'],
    ['a[md5=abc]', '"md5"'],
    ['a[version=1,license=MIT]', '"license"'],
    ['a[build_number="=>1"]', '"=>1" is not a build number'],
    ['a[build_number=1.0]', '"1.0" is not a build number'],
    ['a[build_number=1234567890]', '"1234567890" is not a build number'],
    ['a[build_number=x1]', '"x1" is not a build number'],
    ['a 1 (b)', 'more than a name, a version and a build'],
    ['a (>=1|2),3', 'parentheses'],
    ['a ((1))', 'parentheses'],
    ['a 1 2 x', 'more than a name, a version and a build'],
    ['a 1..2', 'is not a version'],
    ['a 1 b|c', 'more than a name, a version and a build'],
    ['a[build=b|c]', '"b|c" is not a build string'],
    ['a[version=1,version=2]', 'twice'],
    ['a[version=1', 'not a list of key=value'],
    ['a[version=1,', '"]" is missing'],
    ['a[version]=', 'is not a version'],
    ['a[version=1] x', 'not a list of key=value'],
  ])('says of %j: %s', (text, problem) => {
    expect(parseDependency(text)).toMatchObject({ text, problem: expect.stringContaining(problem) });
  });

  it.each([
    ['numpy>=1', 'numpy'],
    ['  NumPy', 'numpy'],
    ['conda:n 1', 'n'],
    ['c::n', 'n'],
    ['https://x/c::n=1', 'n'],
    ['a[channel=c::d]', 'a'],
    ['a=c:d', 'a'],
    ['_a.b-c 1', '_a.b-c'],
    ['>=1', ''],
    ['[x]', ''],
    ['', ''],
  ])('the name of %j is %j', (text, name) => {
    expect(dependencyName(text)).toBe(name);
  });

  const real = realChannelTexts();
  it.skipIf(real === undefined)('reads every dependency of the real channel indexes', () => {
    expect(real!.dependencies.filter((text) => parseDependency(text).problem !== undefined)).toEqual([]);
    expect(real!.dependencies.filter((text) => parseDependency(text).spec?.name !== dependencyName(text))).toEqual([]);
    expect(real!.dependencies.length).toBeGreaterThan(1000);
  });
});

it('reads one of 4,096 characters, and none that is longer', () => {
  expect(parseDependency(`a #${'x'.repeat(4093)}`).spec).toMatchObject({ name: 'a' });
  expect(parseDependency(`a #${'x'.repeat(4094)}`).problem).toBe('it has 4097 characters, the limit is 4096');
});

it('a dependency of 150,000 characters is a problem with its length, not minutes of work', () => {
  for (const text of [`n${'a'.repeat(150_000)}`, `a ${'1'.repeat(150_000)}=`, `a${' '.repeat(150_000)}b`])
    expect(parseDependency(text).problem).toMatch(/^it has 15000\d characters, the limit is/);
});
