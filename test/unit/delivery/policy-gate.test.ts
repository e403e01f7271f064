import { describe, expect, it } from 'vitest';
import { passVerdict, policyFindings } from '../../../src/delivery/policy-gate.js';
import type { PolicyVerdict } from '../../../src/conda/policy/verdict.js';
import { testRuntime } from '../../helpers/runtime.js';

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

  it('says of each what it is about, and warns of an exception that ended alone', () => {
    const verdict = {
      ...NOTHING,
      policies: ['house', 'site'],
      denied: [{ ...denied, way: null }],
      excepted: [excepted],
    };
    const more = { ended: [{ ...ended, packages: ['app 1.0', 'b'] }], undated: [app.path] };
    expect(policyFindings({ ...verdict, ...more }).map(({ code, subject, warn }) => [code, subject, warn])).toEqual([
      ['policy-denied', 'linux-64/app-1.0-0.conda', undefined],
      ['policy-excepted', 'linux-64/app-1.0-0.conda deny licenses: GPL3', undefined],
      ['policy-exception-ended', 'app 1.0, b until 2026-10-31', true],
      ['policy-undated', 'house and site', undefined],
    ]);
  });

  it('nothing where all is allowed', () => {
    expect(policyFindings(NOTHING)).toEqual([]);
  });
});

describe('the gate', () => {
  const where = '/srv/repos/acme';
  const gate = (verdict: Partial<PolicyVerdict>, how: Partial<Parameters<typeof passVerdict>[2]> = {}) => {
    const rt = testRuntime();
    passVerdict(rt, { ...NOTHING, ...verdict }, { where, ...how });
    return rt.collected.flatMap((event) => (event.type === 'finding' ? [event.finding.code] : []));
  };
  const refused = (details: unknown, what = ''): unknown =>
    expect.objectContaining({ code: 'E_POLICY', where, details, what: expect.stringContaining(what) as string });
  const line = 'linux-64/app-1.0-0.conda: deny licenses: GPL3 (its license is "GPL-3.0-only")';
  const many = Array.from({ length: 61 }, (_, at) => ({ ...denied, name: `a${at}`, way: null }));

  it.each<[string, Partial<PolicyVerdict>, string[], string]>([
    ['a denied package', { denied: [{ ...denied, way: null }] }, [line], 'house does not allow app 1.0;'],
    ['and what pulls it in', { denied: [{ ...denied, way: 'asked for: app' }] }, [line, '  asked for: app'], 'house'],
    ['a missing signature', { unsigned: true }, ['require signature: the manifest would not be signed'], 'a signature'],
    [
      'an exception of it that ended, and no other',
      {
        denied: [{ ...denied, way: null }],
        ended: [
          { ...ended, packages: ['b', 'app 1.0'] },
          { ...ended, packages: ['b'] },
          { ...ended, packages: ['apple', 'ap'] },
          { ...ended, packages: ['acme::app'] },
        ],
      },
      [
        line,
        'the exception for b, app 1.0 ended on 2026-10-31 and counts no more',
        'the exception for acme::app ended on 2026-10-31 and counts no more',
      ],
      'app',
    ],
  ])('refuses %s', (_name, verdict, details, what) => {
    expect(() => gate(verdict)).toThrow(refused(details, what) as Error);
    expect(() => gate(verdict, { told: false })).toThrow(refused(details, what) as Error);
  });

  it('tells of an exception that ended for one of several denied', () => {
    const others = ['a', 'b'].map((name) => Object.assign({}, denied, { name, way: null }));
    const told = (packages: string[]): unknown =>
      expect.arrayContaining([`the exception for ${packages.join(', ')} ended on 2026-10-31 and counts no more`]);
    for (const packages of [['a'], ['b >=2'], ['c', 'b']])
      expect(() => gate({ denied: others, ended: [{ ...ended, packages }] })).toThrow(refused(told(packages)) as Error);
    expect(() => gate({ denied: others, ended: [{ ...ended, packages: ['c', 'd'] }] })).toThrow(
      refused([line, line]) as Error,
    );
  });

  it.each<[Partial<PolicyVerdict>, string, string]>([
    [{ unsigned: true }, 'asks for a signature', '--sign-key'],
    [{ denied: [{ ...denied, way: null }] }, 'does not allow app 1.0', 'an exception written into the policy'],
    [{ unsigned: true, denied: [{ ...denied, way: null }] }, 'does not allow app 1.0', 'an exception'],
  ])('says of %j what to do', (verdict, what, hint) => {
    expect(() => gate(verdict)).toThrow(
      expect.objectContaining({
        what: expect.stringContaining(what) as string,
        hint: expect.stringContaining(hint) as string,
      }) as Error,
    );
  });

  it('names what would be let through, each package once, and no more than can be read', () => {
    const allowed = new Map([[app.path, 'allowed: 0.9']]);
    const one = { ...denied, way: null };
    expect(() => gate({ denied: [one] }, { allowed })).toThrow(refused([line, '  allowed: 0.9']) as Error);
    expect(() => gate({ denied: [one, one] })).toThrow(refused([line, line], 'does not allow app 1.0;') as Error);
    expect(() => gate({ denied: many.slice(0, 8) })).toThrow(refused(expect.anything(), 'a6 1.0, a7 1.0;') as Error);
    expect(() => gate({ denied: many.slice(0, 60) })).toThrow(
      refused(expect.objectContaining({ length: 60 }), 'a7 1.0 and 52 more;') as Error,
    );
    expect(() => gate({ denied: many })).toThrow(
      refused([...Array.from({ length: 60 }, () => line), '… and 1 line more']) as Error,
    );
  });

  it('lets through what is allowed, and what is only told, with its findings', () => {
    expect(gate({})).toEqual([]);
    expect(gate({ excepted: [excepted] })).toEqual(['policy-excepted']);
    expect(gate({ denied: [{ ...denied, way: null }] }, { told: true })).toEqual(['policy-denied']);
  });
});
