import { expect, it } from 'vitest';
import { recordOfCache } from '../../../../src/conda/record/cache-record.js';
import type { PackageRecord } from '../../../../src/conda/record/records.js';

// As conda 4.4 and 26 write it beside an extracted package (test recordings), `pip` and a token included.
const cached = {
  arch: 'x86_64',
  platform: 'linux',
  package_type: 'noarch_python',
  channel: 'http://channels.example/prometeia/linux-64',
  fn: 'python-3.9.18-0.conda',
  url: 'http://channels.example/t/xx-0123456789/prometeia/linux-64/python-3.9.18-0.conda',
  name: 'python',
  version: '3.9.18',
  build: '0',
  build_number: 0,
  depends: ['openssl', 'pip'],
  md5: 'aa',
  subdir: 'linux-64',
} as unknown as PackageRecord;

it('D4 J8 takes out of a cache’s record what conda put in: place, token, pip', () => {
  expect(recordOfCache(cached, ['openssl'])).toEqual({
    name: 'python',
    version: '3.9.18',
    build: '0',
    build_number: 0,
    depends: ['openssl'],
    md5: 'aa',
    subdir: 'linux-64',
  });
});

it.each<[string, Partial<PackageRecord>, unknown, string[]]>([
  ['the artifact says nothing', {}, undefined, ['openssl']],
  ['the artifact’s own depends can’t be read', {}, 'pip', ['openssl']],
  ['the artifact has pip', {}, ['openssl', 'pip'], ['openssl', 'pip']],
  ['the artifact has pip with a version', {}, [7, 'pip >=21'], ['openssl', 'pip']],
  ['a version is asked for: conda adds none', { depends: ['pip >=21', 'pip'] }, [], ['pip >=21']],
  ['conda adds none to python 4', { version: '4.0' }, [], ['openssl', 'pip']],
  ['conda adds none to python 4, whatever follows', { version: '4.2.0' }, [], ['openssl', 'pip']],
  ['another package needs it', { name: 'tox' }, [], ['openssl', 'pip']],
])('pip: %s', (_title, more, own, depends) => {
  expect(recordOfCache({ ...cached, ...more }, own).depends).toEqual(depends);
});
