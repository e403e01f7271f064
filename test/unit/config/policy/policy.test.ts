import { describe, expect, it } from 'vitest';
import { RepackError } from '../../../../src/base/errors.js';
import { readConfigText } from '../../../../src/config/config-file.js';
import { policyNamesOf } from '../../../../src/config/labels/resolve-label.js';
import { readPolicyText } from '../../../../src/config/policy/policy-file.js';

function failure(read: () => unknown): RepackError {
  try {
    read();
  } catch (error) {
    if (error instanceof RepackError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

const WHOLE = `
deny:
  licenses: [GPL3, "AGPL-3.0-only OR SSPL-1.0"]
  packages: "openssl <3.0.15"
  channels: [bioconda]
allow: {channels: [defaults, conda-forge]}
newest: 2w
undated: deny
advisories: [osv]
require: [license, sha256, signature, attestations]
except:
  - packages: ["openssl 3.0.14", "r-*"]
    only: [newest, CVE-2026-1]
    reason: "ticket 4711"
    until: 2027-01-31
`;

describe('a policy as it is written', () => {
  it('is read', () => {
    const { deny, newest, require, except, from } = readPolicyText(Buffer.from(WHOLE), 'p.yml');
    expect(deny?.licenses?.map(({ text }) => text)).toEqual(['GPL3', 'AGPL-3.0-only OR SSPL-1.0']);
    expect(deny?.packages?.map(({ spec }) => spec.text)).toEqual(['openssl<3.0.15']);
    expect(newest).toEqual({ text: '2w', ms: 14 * 86_400_000 });
    expect(require).toHaveLength(4);
    expect(except).toMatchObject([{ until: '2027-01-31', untilMs: Date.parse('2027-02-01') - 1 }]);
    expect(from).toEqual([]);
  });

  it.each([
    ['', 'line 1', 'The policy file is empty', 'Write at least one rule'],
    ['denny: {}', 'line 1, column 1', 'Unknown key "denny"', 'Did you mean "deny"?'],
    ['deny: {licences: [MIT]}', 'line 1, column 8', 'Unknown key "licences" below "deny"', 'Did you mean "licenses"?'],
    [
      'deny: {licenses: [GLP3]}',
      'line 1, column 19',
      'neither a family of licences nor an SPDX expression',
      'Did you mean GPL3?',
    ],
    ['deny: {packages: "openssl <<3"}', 'line 1, column 18', "which can't be read", 'Write a MatchSpec'],
    ['deny:', 'line 1, column 1', '"deny" has no value', 'take the line out'],
    ['newest: 7', 'line 1, column 9', '"newest" has a wrong value', 'A policy is like'],
    ['newest: a week', 'line 1, column 9', 'must be an age, not "a week"', 'newest: 7d'],
    ['undated: maybe', 'line 1, column 10', '"undated" has a wrong value', 'A policy is like'],
    ['require: [licence]', 'line 1, column 11', '"require" has a wrong value', 'A policy is like'],
    [
      'except: [{packages: x, reason: y, until: 2027-02-30}]',
      'line 1, column 42',
      'must be a day, not "2027-02-30"',
      'until: 2027-01-31',
    ],
    [
      'except: [{packages: x, until: 2027-01-01}]',
      'line 1, column 10',
      '"except: reason" is missing',
      'A policy is like',
    ],
    ['except: [{packages: x, reason: y}]', 'line 1, column 10', '"except: until" is missing', 'A policy is like'],
    [
      'except: [{packages: x, only: newst, reason: y, until: 2027-01-01}]',
      'line 1, column 30',
      'neither a rule nor an advisory',
      'Did you mean newest?',
    ],
    ['from: [other]', 'line 1, column 1', 'Unknown key "from"', 'Known here'],
  ])('refuses %j', (text, where, what, hint) => {
    const error = failure(() => readPolicyText(Buffer.from(text), 'p.yml'));
    expect(error).toMatchObject({ code: 'E_CONFIG', where: `p.yml, ${where}` });
    expect(error.what).toContain(what);
    expect(error.hint).toContain(hint);
  });

  it.each([
    [
      'policies:\n  house: {newst: 7d}',
      'line 2, column 11',
      'Unknown key "newst" of policy house',
      'Did you mean "newest"?',
    ],
    [
      'policies:\n  house: {newest: soon}',
      'line 2, column 19',
      '"newest" of policy house must be an age',
      'newest: 7d',
    ],
    [
      'policies:\n  a: {from: b}\n  b: {from: [a]}',
      'line 2, column 13',
      'goes in a circle: a -> b -> a',
      'never from itself',
    ],
    [
      'policies:\n  a: {from: hause}\n  house:',
      'line 2, column 13',
      'names "hause", which is no policy',
      'Did you mean house?',
    ],
    [
      'policies:\n  house:\nlabels:\n  bank: {policy: hause}',
      'line 4, column 18',
      'names "hause", which is no policy',
      'Did you mean house? Policies: house.',
    ],
    ['labels:\n  bank: {policy: house}', 'line 2, column 18', 'names "house", which is no policy', 'There are none.'],
    ['policies: 7', 'line 1, column 11', '"policies" has a wrong value', 'Expected'],
    ['policy: house', 'line 1, column 1', 'Unknown key "policy"', 'It is a label’s'],
  ])('refuses in a configuration file %j', (text, where, what, hint) => {
    const error = failure(() => readConfigText(Buffer.from(text), 'c.yml'));
    expect(error).toMatchObject({ code: 'E_CONFIG', where: `c.yml, ${where}` });
    expect(error.what).toContain(what);
    expect(error.hint).toContain(hint);
  });

  it('refuses policies in a file that is not that of ROOT', () => {
    const error = failure(() => readConfigText(Buffer.from('policies: {house: {newest: 7d}}'), 'c.yml', 'Elsewhere.'));
    expect(error).toMatchObject({ code: 'E_CONFIG', what: '"policies" can’t stand in this file', hint: 'Elsewhere.' });
  });

  it('is the label’s own, else that of its defaults, else that of all', () => {
    const text = `
policies: {house: {newest: 7d}, bank: {from: house}, none:}
defaults: {all: {policy: house}, banks: {policy: [bank, house]}}
labels: {a: {policy: none}, b: {from: banks}, c: {}, d: {policy: []}}
`;
    const { declared } = readConfigText(Buffer.from(text), 'c.yml');
    const names = (label: string, undeclared = false) => policyNamesOf(declared!, label, { undeclared });
    expect(['a', 'b', 'c', 'd'].map((label) => names(label))).toEqual([['none'], ['bank', 'house'], ['house'], []]);
    expect(names('x')).toEqual([]);
    expect(names('x', true)).toEqual(['house']);
  });
});
