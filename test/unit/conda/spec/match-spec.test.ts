import { describe, expect, it } from 'vitest';
import type { Channel } from '../../../../src/conda/channel/channel.js';
import { isRepackError } from '../../../../src/base/errors.js';
import {
  channelsOfSpec,
  isPlainSpec,
  parseMatchSpec,
  specChannelAllowed,
  specMatches,
  specsFor,
} from '../../../../src/conda/spec/match-spec.js';

function refusal(text: string): { code: string; what: string; all: string } {
  try {
    parseMatchSpec(text);
  } catch (error) {
    if (!isRepackError(error)) throw error;
    return { code: error.code, what: error.what, all: `${error.what}\n${error.where}\n${error.hint}` };
  }
  throw new Error(`${text} was not refused`);
}

describe('parseMatchSpec', () => {
  it.each([
    ['ratingpro', { name: 'ratingpro', text: 'ratingpro' }],
    ['numpy>=1.26,<2', { name: 'numpy', version: '>=1.26,<2', text: 'numpy>=1.26,<2' }],
    ['numpy >= 1.26 , < 2', { name: 'numpy', version: '>=1.26,<2', text: 'numpy>=1.26,<2' }],
    ['pytho=1.9', { name: 'pytho', version: '1.9.*', text: 'pytho=1.9' }],
    ['pytho 1.9.*', { name: 'pytho', version: '1.9.*', text: 'pytho=1.9' }],
    ['pytho==1.9', { name: 'pytho', version: '==1.9', text: 'pytho==1.9' }],
    ['pytho 1.9', { name: 'pytho', version: '==1.9', text: 'pytho==1.9' }],
    [
      'python=3.11.*=*_cpython',
      { name: 'python', version: '3.11.*', build: '*_cpython', text: 'python=3.11.*=*_cpython' },
    ],
    [
      'python 3.11.* *_cpython',
      { name: 'python', version: '3.11.*', build: '*_cpython', text: 'python=3.11.*=*_cpython' },
    ],
    ['pytho=1.9=py39_0', { name: 'pytho', version: '==1.9', build: 'py39_0', text: 'pytho=1.9=py39_0' }],
    ['pytho 1.9 py39_0', { name: 'pytho', version: '==1.9', build: 'py39_0', text: 'pytho=1.9=py39_0' }],
    ['pytho==1.9=py39_0', { name: 'pytho', version: '==1.9', build: 'py39_0', text: 'pytho=1.9=py39_0' }],
    ['blas * *mkl', { name: 'blas', build: '*mkl', text: 'blas=*=*mkl' }],
    ['blas * *', { name: 'blas', text: 'blas' }],
    [
      'numpy>=1=py39_0',
      { name: 'numpy', version: '>=1', build: 'py39_0', text: "numpy[version='>=1',build='py39_0']" },
    ],
    [
      "numpy[version='>=1', build=x]",
      { name: 'numpy', version: '>=1', build: 'x', text: "numpy[version='>=1',build='x']" },
    ],
    ['numpy[version="=1.9"]', { name: 'numpy', version: '1.9.*', text: 'numpy=1.9' }],
    ['numpy[build_number=3]', { name: 'numpy', buildNumber: '3', text: "numpy[build_number='3']" }],
    ['numpy[subdir=linux-64]', { name: 'numpy', subdir: 'linux-64', text: "numpy[subdir='linux-64']" }],
    ['sympy!=1.1', { name: 'sympy', version: '!=1.1', text: 'sympy!=1.1' }],
    ['numpy 1!2.0', { name: 'numpy', version: '==1!2.0', text: 'numpy==1!2.0' }],
    ['numpy=1!2.0', { name: 'numpy', version: '1!2.0.*', text: 'numpy=1!2.0' }],
    ['RatingPro', { name: 'ratingpro', text: 'ratingpro' }],
    ['a~=1.4.2', { name: 'a', version: '>=1.4.2,1.4.*', text: 'a>=1.4.2,1.4.*' }],
    ['a 1.9.*,!=1.9.3', { name: 'a', version: '!=1.9.3,1.9.*', text: 'a!=1.9.3,1.9.*' }],
    ['a=1.8.*|1.9.*', { name: 'a', version: '1.8.*|1.9.*', text: 'a=1.8.*|1.9.*' }],
    ['_libgcc_mutex', { name: '_libgcc_mutex', text: '_libgcc_mutex' }],
    [' numpy ', { name: 'numpy', text: 'numpy' }],
    [`a${' '.repeat(1022)}1`, { name: 'a', version: '==1', text: 'a==1' }],
    // Names as CEP 26 allows them, though they look like files.
    ['my.json', { name: 'my.json', text: 'my.json' }],
    ['x.condax', { name: 'x.condax', text: 'x.condax' }],
    ['x.tar.bz2x', { name: 'x.tar.bz2x', text: 'x.tar.bz2x' }],
    ['environment', { name: 'environment', text: 'environment' }],
    ['manifest.jsonx', { name: 'manifest.jsonx', text: 'manifest.jsonx' }],
    ['xmanifest.json', { name: 'xmanifest.json', text: 'xmanifest.json' }],
    ['txt', { name: 'txt', text: 'txt' }],
    ['a.lockx', { name: 'a.lockx', text: 'a.lockx' }],
    ['a==*', { name: 'a', text: 'a' }],
    ['a>=*', { name: 'a', text: 'a' }],
    ['a>=1.9.*', { name: 'a', version: '>=1.9', text: 'a>=1.9' }],
    ['a!=1.9.*', { name: 'a', version: '!=1.9.*', text: 'a!=1.9.*' }],
    ['a=1.9*', { name: 'a', version: '1.9.*', text: 'a=1.9' }],
    ['a =1.9.* x', { name: 'a', version: '1.9.*', build: 'x', text: 'a=1.9.*=x' }],
    ['a ==1.9 x', { name: 'a', version: '==1.9', build: 'x', text: 'a=1.9=x' }],
    ['a 1.8.*|1.9.* x', { name: 'a', version: '1.8.*|1.9.*', build: 'x', text: 'a=1.8.*|1.9.*=x' }],
    ['a 1.9.*|>=2 x', { name: 'a', version: '>=2|1.9.*', build: 'x', text: "a[version='>=2|1.9.*',build='x']" }],
    ['a !=1.9 x', { name: 'a', version: '!=1.9', build: 'x', text: "a[version='!=1.9',build='x']" }],
    ['a==1|==2', { name: 'a', version: '==1|==2', text: 'a==1|==2' }],
    ['a==1|==2=x', { name: 'a', version: '==1|==2', build: 'x', text: "a[version='==1|==2',build='x']" }],
    ['a[build_number=*]', { name: 'a', text: 'a' }],
    ['a[build_number=007]', { name: 'a', buildNumber: '7', text: "a[build_number='7']" }],
    [
      'a[build_number=1, subdir=noarch, build=x, version=1]',
      {
        name: 'a',
        version: '==1',
        build: 'x',
        buildNumber: '1',
        subdir: 'noarch',
        text: "a[version='==1',build='x',build_number='1',subdir='noarch']",
      },
    ],
    [`a=1=${'x'.repeat(64)}`, { name: 'a', version: '==1', build: 'x'.repeat(64), text: `a=1=${'x'.repeat(64)}` }],
    ['a=1=x.y+z*', { name: 'a', version: '==1', build: 'x.y+z*', text: 'a=1=x.y+z*' }],
  ])('A12 reads %s', (text, spec) => {
    expect(parseMatchSpec(text)).toEqual(spec);
    expect(parseMatchSpec(spec.text)).toEqual(spec);
  });

  it.each([
    ['conda-forge::numpy', 'conda-forge', undefined, 'conda-forge::numpy'],
    ['prometeia/label/halkbank::numpy=1', 'prometeia/label/halkbank', undefined, 'prometeia/label/halkbank::numpy=1'],
    ['conda-forge/linux-64::numpy', 'conda-forge', 'linux-64', "conda-forge::numpy[subdir='linux-64']"],
    ['numpy[channel=conda-forge]', 'conda-forge', undefined, 'conda-forge::numpy'],
    [
      'https://example.org/a/noarch::numpy',
      'https://example.org/a',
      'noarch',
      "https://example.org/a::numpy[subdir='noarch']",
    ],
    ['file:///srv/channel/::numpy', 'file:///srv/channel', undefined, 'file:///srv/channel::numpy'],
    ['http://example.org:8080/a::numpy', 'http://example.org:8080/a', undefined, 'http://example.org:8080/a::numpy'],
    ['a.b-c/d_e::numpy', 'a.b-c/d_e', undefined, 'a.b-c/d_e::numpy'],
    ['a/noarch::numpy[subdir=noarch]', 'a', 'noarch', "a::numpy[subdir='noarch']"],
    ['numpy[channel=a, subdir=noarch]', 'a', 'noarch', "a::numpy[subdir='noarch']"],
  ])('A10 reads the channel of %s', (text, channel, subdir, canonical) => {
    expect(parseMatchSpec(text)).toEqual({
      name: 'numpy',
      channel,
      text: canonical,
      ...(subdir && { subdir }),
      ...(text.includes('=1') && { version: '1.*' }),
    });
    expect(parseMatchSpec(canonical).text).toBe(canonical);
  });

  it.each([
    ['A9', '-c evil', 'begins with "-"'],
    ['A9', '--file=x', 'begins with "-"'],
    ['A9', '--prefix=..', 'begins with "-"'],
    ['A10', 'https://example.org/numpy', 'URL'],
    ['A10', 'https://example.org/linux-64/numpy-1.0-0.conda', 'package file'],
    ['A10', './numpy-1.0-0.tar.bz2', 'package file'],
    ['A10', 'numpy-1.0-0.conda', 'package file'],
    ['A10', './numpy', 'path'],
    ['A10', '/srv/numpy', 'path'],
    ['A10', 'C:\\numpy', 'path'],
    ['A10', '~/numpy', 'path'],
    ['A10', 'file:numpy', 'path'],
    ['A10', '../x::numpy', 'path'],
    ['A10', 'numpy.CONDA', 'package file'],
    ['A10', 'numpy-1-0.tar.bz2#md5', 'package file'],
    ['A10', 'HTTPS://example.org/numpy', 'it is a URL'],
    ['A10', 'git+ssh://example.org/numpy', 'it is a URL'],
    ['A10', 'https://example.org/::numpy/x', 'it is a URL'],
    ['A10', '.\\numpy', 'it is a path'],
    ['A10', '..\\numpy', 'it is a path'],
    ['A10', '\\\\srv\\numpy', 'it is a path'],
    ['A10', 'c:/numpy', 'it is a path'],
    ['A10', '~', 'it is a path'],
    ['A10', '~numpy', 'it is a path'],
    ['A10', 'FILE:numpy', 'it is a path'],
    ['A10', 'environment.yml', 'it is a file'],
    ['A10', 'specs.TXT', 'it is a file'],
    ['A10', 'conda.lock', 'it is a file'],
    ['A10', 'Environment.yaml', 'it is a file'],
    ['A10', 'conda-lock.yaml', 'it is a file'],
    ['A10', 'requirements.json', 'it is a file'],
    ['A10', 'manifest.json', 'it is a file'],
    ['A9', 'numpy,scipy', 'several names'],
    ['A9', 'numpy , SciPy,_x', 'several names'],
    ['A10', 'ftp://example.org/a::numpy', 'not the name or URL of a channel'],
    ['A10', 'a/../b::numpy', 'not the name or URL of a channel'],
    ['A10', 'a//b::numpy', 'not the name or URL of a channel'],
    ['A10', '-a::numpy', 'begins with "-"'],
    ['A10', 'https://example.org/a?b::numpy', 'not the name or URL of a channel'],
    ['A10', 'a b::numpy', 'not the name or URL of a channel'],
    ['A10', '::numpy', 'not the name or URL of a channel'],
    ['A10', 'conda-forge:ns:numpy', 'not a package name'],
    ['A11', 'numpy>', 'is not a version'],
    ['A11', 'numpy>=', 'is not a version'],
    ['A11', '=1.2', 'no package name'],
    ['A11', '>=1.2', 'no package name'],
    ['A11', '"numpy', 'quoting'],
    ['A11', 'numpy^', 'not a package name'],
    ['A11', 'numpy;x', 'quoting'],
    ['A11', 'numpy&', 'quoting'],
    ['A11', '$PKG', 'quoting'],
    ['A11', 'numpy#x', 'quoting'],
    ['A11', 'numpy`x`', 'quoting'],
    ['A11', 'numpy[build=x];y', 'quoting'],
    ['A12', 'sympy!1.1', 'is not a version'],
    ['A13', '', 'empty'],
    ['A13', '   ', 'empty'],
    ['A13', `numpy>=1${',>=1'.repeat(400)}`, '1024'],
    ['A13', `a${' '.repeat(1023)}1`, '1025 characters, the limit is 1024'],
    ['D11', 'numpy\n', 'control character'],
    ['D11', 'numpy\t1', 'control character'],
    ['D11', 'numpy\u007f', 'control character'],
    ['D11', 'numpy\n-c evil', 'control character'],
    ['D11', 'nu\0mpy', 'control character'],
    ['D11', 'nümpy', 'not a package name'],
    ['D11', 'n--p', 'not a package name'],
    ['D11', 'a'.repeat(65), 'not a package name'],
    ['D11', 'num*', 'wildcard'],
    ['D11', '*', 'wildcard'],
    ['D11', '__glibc>=2.17', '--virtual-package'],
    ['D11', 'numpy@', 'feature'],
    ['D11', '@EXPLICIT', 'feature'],
    ['D11', 'numpy[features=mkl]', 'features'],
    ['D11', 'numpy[track_features=mkl]', 'features'],
    ['D11', 'numpy[url=https://example.org]', "can't be asked for (known"],
    ['D11', 'numpy[md5=0]', "can't be asked for (known"],
    ['D11', 'numpy>=1[version=2]', 'twice'],
    ['D11', 'numpy[build=a,build=b]', 'twice'],
    ['D11', 'a::numpy[channel=b]', 'twice'],
    ['D11', 'a/linux-64::numpy[subdir=win-64]', 'twice'],
    ['D11', 'numpy[subdir=../x]', 'not a subdir'],
    ['D11', 'numpy[build_number=>=1]', 'not a build number'],
    ['D11', "numpy[build_number='>=1']", 'not a build number'],
    ['D11', 'numpy[version=1', 'not a list of key=value'],
    ['D11', 'numpy[version=1]x', 'not a list of key=value'],
    ['D11', 'numpy[', '"]" is missing'],
    ['D11', 'numpy 1.0 py_0 more', 'more than a name'],
    ['D11', 'numpy 1.0 py-0', 'not a build string'],
    ['D11', 'numpy=1.0=py/0', 'not a build string'],
    ['D11', 'numpy =1.9 py_0', 'exact'],
    ['D11', 'numpy= 1.9 py_0', 'exact'],
    ['D11', 'numpy=1.9 py_0', 'exact'],
    ['D11', 'numpy =1.9=py_0', 'exact'],
    ['D11', 'numpy =1!1.9_RC+1 py_0', 'exact'],
    ['D11', 'numpy=1.0=py_0[build=x]', 'its build is given twice'],
    ['D11', 'numpy=1.0[version=1.0]', 'its version is given twice'],
    ['D11', 'numpy[build_number=1234567890]', 'not a build number'],
    ['D11', `numpy=1=${'x'.repeat(65)}`, 'not a build string'],
    ['D11', "numpy[build='^py$']", 'not a build string'],
    ['D11', 'numpy>=1.9*', 'differently'],
    ['D11', 'numpy!=1.9*', 'differently'],
    ['D11', 'numpy<2.*', 'differently'],
    ['D11', 'numpy>=1,<2.*', 'differently'],
    ['D11', 'numpy>=1.*,==1.9.*', 'differently'],
    ['D11', 'numpy=1.*.3', 'only at the end of a version'],
    ['D11', 'numpy 1.*.3', 'only at the end'],
    ['D11', 'numpy>1.9.*', 'differently'],
    ['D11', 'numpy==1.9.*', 'differently'],
    ['D11', 'numpy<=1.9*', 'differently'],
    ['D11', 'numpy=1.9*,!=1.9.3', '"=1.9*" differently'],
    ['D11', 'numpy>=1,==*', '"==*" differently'],
    ['D11', 'numpy 1.9**', 'differently'],
    ['D11', 'numpy!=*', 'differently'],
    ['D11', 'numpy<*', 'differently'],
    ['D11', 'numpy~=1.9*', 'differently'],
    ['D11', 'numpy!=1.*.3', 'differently'],
    ['D11', 'numpy[version="^1.*$"]', 'regular expressions'],
  ])('%s refuses %j', (_row, text, shows) => {
    const { code, what } = refusal(text);
    expect(code).toBe('E_SPEC');
    expect(what).toContain(shows);
  });

  it.each([
    'https://user:sesame@example.org/a::numpy',
    'https://example.org/t/sesame/a::numpy',
    'https://example.org/t/sesame/a',
    'https://user:sesame@example.org/a/numpy-1.0-0.conda',
    'numpy[channel=https://example.org/t/sesame/a]',
  ])('J6 does not repeat the secret in %s', (text) => {
    const { code, all } = refusal(text);
    expect(code).toBe('E_SPEC');
    expect(all).not.toContain('sesame');
  });
});

it.each([
  ['numpy =1.9 py_0', 'Write numpy=1.9=py_0 (exact) or numpy=1.9.*=py_0 (fuzzy).'],
  ['NumPy= 1.9 py_0', 'Write numpy=1.9=py_0 (exact) or numpy=1.9.*=py_0 (fuzzy).'],
])('offers both spellings for %s', (text, hint) => {
  expect(refusal(text).all).toContain(hint);
});

it.each([
  [undefined, true],
  ['noarch', true],
  ['linux-64', true],
  ['win-64', false],
])('a spec of the subdir %s is asked for on linux-64: %s', (subdir, asked) => {
  const spec = { name: 'a', text: 'a', subdir };
  expect(specsFor([spec], 'linux-64')).toEqual(asked ? [spec] : []);
});

describe('isPlainSpec', () => {
  it.each([
    ['numpy', true],
    ['numpy>=1,<2', true],
    ['python=3.11.*=*_cpython', true],
    ['numpy>=1=x', false],
    ['conda-forge::numpy', false],
    ['numpy[build_number=1]', false],
    ['numpy!=1.9.*', false],
    ['numpy!=1.9,1.*', true],
    ['numpy>=1|!=1.9.*', false],
    ['numpy!=1.9|1.*', true],
  ])('%s: conda 4.3 can read it: %s', (text, plain) => {
    expect(isPlainSpec(parseMatchSpec(text))).toBe(plain);
  });
});

describe('specMatches', () => {
  const record = { name: 'numpy', version: '1.26.4', build: 'py39h1234_3', build_number: 3, subdir: 'linux-64' };
  it.each([
    ['numpy', true],
    ['NumPy', true],
    ['numpy-base', false],
    ['numpy=1.26', true],
    ['numpy==1.26', false],
    ['numpy=1.26.4=py39*', true],
    // As conda; to rattler upper and lower case are the same.
    ['numpy=1.26.4=PY39*_3', false],
    ['numpy=*=*mkl', false],
    ['numpy[build_number=3]', true],
    ['numpy[build_number=2]', false],
    ['numpy[subdir=linux-64]', true],
    ['numpy[subdir=win-64]', false],
  ])('%s: %s', (text, expected) => {
    expect(specMatches(parseMatchSpec(text), record)).toBe(expected);
  });

  // As conda 26.7.1 compares them; digits are of build numbers 2, 3 and 4.
  it.each([
    ['3', '010'],
    ['=3', '010'],
    ['==3', '010'],
    ['!=3', '101'],
    ['<3', '100'],
    ['<=3', '110'],
    ['>3', '001'],
    ['>=3', '011'],
    ['>=03', '011'],
  ])('takes by build_number %s: %s', (buildNumber, taken) => {
    const spec = { name: 'numpy', buildNumber, text: '' };
    const answers = [2, 3, 4].map((build_number) => (specMatches(spec, { ...record, build_number }) ? '1' : '0'));
    expect(answers.join('')).toBe(taken);
  });

  it('takes a record that says no subdir, and names in any case', () => {
    const spec = { name: 'numpy', subdir: 'win-64', text: '' };
    expect(specMatches(spec, { ...record, subdir: undefined })).toBe(true);
    expect(specMatches({ name: 'numpy', text: '' }, { ...record, name: 'NumPy' })).toBe(true);
  });

  it('is not slowed down by a hostile glob', () => {
    const spec = { name: 'numpy', build: `${'*a'.repeat(30)}*b`, text: '' };
    expect(specMatches(spec, { ...record, build: 'a'.repeat(64) })).toBe(false);
  });
});

describe('specChannelAllowed', () => {
  const base = (url: string, name: string): Channel => ({ url, name, authenticated: false, role: 'base' });
  const channels = [
    base('https://conda.anaconda.org/prometeia', 'prometeia'),
    base('https://conda.anaconda.org/conda-forge', 'conda-forge'),
    base('https://repo.anaconda.com/pkgs/main', 'defaults/main'),
    base('https://repo.anaconda.com/pkgs/r', 'defaults/r'),
  ];
  it.each([
    ['numpy', 4],
    ['conda-forge::numpy', 1],
    ['https://conda.anaconda.org/conda-forge::numpy', 1],
    ['pkgs/main::numpy', 1],
    ['defaults::numpy', 2],
    ['evil::numpy', 0],
    ['forge::numpy', 0],
    ['conda::numpy', 0],
    ['https://evil.example/conda-forge::numpy', 0],
    ['prometeia/label/other::numpy', 0],
    ['https://repo.anaconda.com/pkgs/r::numpy', 1],
    ['defaults/r::numpy', 1],
    ['pkgs::numpy', 0],
    ['main::numpy', 0],
  ])('A10 %s may come from %i declared channels', (text, count) => {
    const spec = parseMatchSpec(text);
    expect(channelsOfSpec(spec, channels)).toHaveLength(count);
    expect(specChannelAllowed(spec, channels)).toBe(count > 0);
  });

  it('defaults is the channel that is called so, where there is one', () => {
    const own = base('https://example.org/defaults', 'defaults');
    expect(channelsOfSpec({ channel: 'defaults' }, [...channels, own])).toEqual([own]);
    expect(channelsOfSpec({ channel: 'conda-forge' }, [base('https://x/y', 'conda-forge/x')])).toEqual([]);
  });
});
