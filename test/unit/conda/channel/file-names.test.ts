import { describe, expect, it } from 'vitest';
import {
  controlsShown,
  formatOf,
  nameInFilename,
  pathOf,
  pypiName,
  shown,
  splitPath,
} from '../../../../src/conda/channel/names.js';

describe('names of files', () => {
  it.each([
    ['linux-64/numpy-1.0-0.conda', ['linux-64', 'numpy-1.0-0.conda']],
    ['noarch/a/b', ['noarch', 'a/b']],
    ['manifest.json', ['', 'manifest.json']],
    ['', ['', '']],
  ])('%j lies in a folder, or at the root', (path, parts) => {
    expect(splitPath(path)).toEqual(parts);
  });

  it('an artifact lies in the folder of its subdir', () => {
    expect(pathOf({ subdir: 'linux-64', fn: 'numpy-1.0-0.conda' })).toBe('linux-64/numpy-1.0-0.conda');
  });

  it.each([
    ['a-1-0.conda', 'conda'],
    ['a-1-0.tar.bz2', 'tar.bz2'],
    ['a-1-0.conda.partial', undefined],
    ['a-1-0.bz2', undefined],
    ['repodata.json', undefined],
  ])('%s is an artifact of the format %s', (fn, format) => {
    expect(formatOf(fn)).toBe(format);
  });

  // Version and build have no dash (CEP 26), the name may.
  it.each([
    ['numpy-1.26.4-py39_0.conda', 'numpy'],
    ['r-a-b-1.0-0.tar.bz2', 'r-a-b'],
    ['x-1-0', 'x'],
    ['a-1.conda', undefined],
    ['-1-0.conda', undefined],
    ['1-', undefined],
    ['--0.conda', undefined],
    ['numpy.conda', undefined],
    ['', undefined],
  ])('the package of %j is %s', (fn, name) => {
    expect(nameInFilename(fn)).toBe(name);
  });

  // PEP 503: re.sub(r"[-_.]+", "-", name).lower()
  it.each([
    ['Zope.Interface', 'zope-interface'],
    ['a-_.b__c', 'a-b-c'],
    ['six', 'six'],
  ])('PyPI takes %s for %s', (name, normal) => {
    expect(pypiName(name)).toBe(normal);
  });
});

describe('names in messages', () => {
  it('cuts what is longer than 60 characters', () => {
    expect(shown('x'.repeat(60))).toBe(`"${'x'.repeat(60)}"`);
    expect(shown('x'.repeat(61))).toBe(`"${'x'.repeat(57)}..."`);
  });

  it('leaves line feeds and tabs, and shows other control characters by number', () => {
    expect(controlsShown('a\tb\nc')).toBe('a\tb\nc');
    expect(controlsShown('\u0000\u001b\u009b\u202e\ufeff')).toBe('\\u0000\\u001b\\u009b\\u202e\\ufeff');
  });
});
