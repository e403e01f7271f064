import { expect, it } from 'vitest';
import { isAllowed, type PolicyVerdict } from '../../../../src/conda/policy/verdict.js';

const NOTHING: PolicyVerdict = {
  policies: ['p'],
  at: '2026-11-29T12:00:00.000Z',
  packages: 1,
  denied: [],
  unsigned: false,
  excepted: [],
  undated: [],
  ended: [],
};
const DENIED = {
  path: 'noarch/a-1-0.conda',
  name: 'a',
  version: '1',
  policy: 'p',
  rule: 'deny',
  because: 'x',
  way: null,
};

it.each<[string, Partial<PolicyVerdict>, boolean]>([
  ['nothing is denied', {}, true],
  ['a package is denied', { denied: [DENIED] }, false],
  ['a signature is missing', { unsigned: true }, false],
  ['both', { denied: [DENIED], unsigned: true }, false],
  ['what is only told', { undated: ['noarch/a-1-0.conda'], excepted: [{ ...DENIED, reason: 'r', until: 'u' }] }, true],
])('design D19: %s', (_, verdict, allowed) => {
  expect(isAllowed({ ...NOTHING, ...verdict })).toBe(allowed);
});
