import { describe, expect, it } from 'vitest';
import { policyFindings } from '../../../src/delivery/policy-gate.js';
import type { PolicyVerdict } from '../../../src/conda/policy/verdict.js';

/** What is told of a verdict though it is published: which of it makes the exit code 1, and what it says. */

const NOTHING: PolicyVerdict = {
  policies: ['house'],
  at: '2026-11-29T12:00:00.000Z',
  packages: 3,
  denied: [],
  unsigned: false,
  excepted: [],
  undated: [],
  ended: [],
};
const app = { path: 'linux-64/app-1.0-0.conda', name: 'app', version: '1.0', policy: 'house' };
const denied = { ...app, rule: 'deny licenses: GPL3', because: 'its license is "GPL-3.0-only"' };
const excepted = { ...denied, reason: 'ticket 4711', until: '2027-01-31' };
const ended = { packages: ['app 1.0'], reason: 'ticket 4711', until: '2026-10-31' };

describe('policyFindings', () => {
  it.each<[string, Partial<PolicyVerdict>, string, boolean, RegExp]>([
    [
      'what a rollback brings back',
      { denied: [{ ...denied, way: null }] },
      'policy-denied',
      true,
      /house does not allow .*app-1\.0.*GPL3/,
    ],
    ['an exception', { excepted: [excepted] }, 'policy-excepted', false, /let through until 2027-01-31.*ticket 4711/],
    ['an exception that ended', { ended: [ended] }, 'policy-exception-ended', false, /app 1\.0 .*ended on 2026-10-31/],
    ['no date to judge by', { undated: [app.path] }, 'policy-undated', false, /without a date.*app-1\.0/],
  ])('%s', (_name, verdict, code, exit, message) => {
    expect(policyFindings({ ...NOTHING, ...verdict })).toEqual([
      expect.objectContaining({ code, exit, message: expect.stringMatching(message) as string }),
    ]);
  });

  it('nothing where all is allowed', () => {
    expect(policyFindings(NOTHING)).toEqual([]);
  });
});
