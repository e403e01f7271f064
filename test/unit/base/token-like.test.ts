import { expect, it } from 'vitest';
import { TOKEN_LIKE } from '../../../src/base/token-like.js';

const hex = (length: number): string => '0a1b2c3d4e5f6789'.repeat(9).slice(0, length);

// As the servers make them: anaconda.org (two letters and a UUID, its dashes or not), digests and UUIDs as tokens, JWT (RFC 7519), GitHub, GitLab,
// Artifactory.
it.each([
  'xx-01234567-89ab-cdef-0123-456789abcdef',
  'XX-01234567-89AB-CDEF-0123-456789ABCDEF',
  '01234567-89ab-cdef-0123-456789abcdef',
  '0123456789ab-cdef-0123-456789abcdef',
  '01234567-89abcdef-0123-456789abcdef',
  'xx-01234567-89abcdef-0123-456789abcdef',
  'xx-0123456789abcdef-x',
  'xx-01234567-89ab',
  'xx-0123456789ab',
  hex(32),
  hex(64).toUpperCase(),
  hex(128),
  `${'a'.repeat(31)}1`,
  `eyJ${'aB3_-'.repeat(4)}`,
  'ghp_01234567',
  'gho_abcdefgh',
  'ghu_abcdefgh',
  'ghs_abcdefgh',
  'ghr_abcdefgh',
  'glpat-abcdefgh',
  'AKCp8abcdefg',
])('%s looks like a token', (text) => {
  expect(TOKEN_LIKE.test(text)).toBe(true);
});

it.each([
  'numpy',
  'linux-64',
  'prometeia',
  'my-01234567',
  'my-01234567-8',
  'my-01234567-89a',
  'run-01234567-89ab-cdef-0123-456789abcdef',
  'xxx-01234567-89ab',
  'x-01234567-89ab-cdef',
  '01234567-89ab',
  'xx-0123456g-89ab-cdef-x',
  '01234567-89ab-cdeg-x',
  '01234567-89ab-cdef',
  hex(31),
  hex(129),
  `${hex(31)}g`,
  `g${hex(31)}`,
  `x ${hex(32)}`,
  'abcdef'.repeat(6),
  `eyJ${'a'.repeat(19)}`,
  `xeyJ${'a'.repeat(30)}`,
  'ghx_01234567',
  'ghp_0123456',
  'xghp_01234567',
  'glpat-0123456',
  'AKC8abcdefgh',
  'AKCp0123456',
  '',
])('%s does not', (text) => {
  expect(TOKEN_LIKE.test(text)).toBe(false);
});
