import { describe, expect, it } from 'vitest';
import stars from '../../../fixtures/version-specs.json' with { type: 'json' };
import fixture from '../../../fixtures/versions.json' with { type: 'json' };
import { parseVersionSpec, versionMatches, versionSpecText } from '../../../../src/conda/spec/version-spec.js';

/** Constraints that conda 4.3 reads in its own way; the others agree with us about them. */
const OWN_WAY_OF_CONDA43 = [
  '1.9', // compares the text: 1.9.0 is another version
  '!=1.9.*', // "not the version called 1.9.*"
  '!=8.3.*',
  '~=1.4.2', // no such operator yet
  '~=1.4',
  '(1.1|1.9),!=1.9.3', // no parentheses yet
];

/** Refused here, while a program takes them for something nobody can have meant; py-rattler takes `~=1` for `>=1`. */
const REFUSED = [
  '>=',
  '<>1',
  '=>1',
  '1.9,',
  '|1.9',
  '(1.9',
  '1.9)',
  '>1.9|',
  '<=!1.2',
  '~=1',
  '!1.9',
  '===1',
  '>=a!1',
  '',
];

function accepted(constraint: string): boolean {
  try {
    parseVersionSpec(constraint);
    return true;
  } catch {
    return false;
  }
}

/** One digit a version, 1 where it is taken; null where the constraint is refused. */
function digits(constraint: string, versions: readonly string[]): string | null {
  return accepted(constraint) ? versions.map((each) => (versionMatches(constraint, each) ? '1' : '0')).join('') : null;
}

describe('versionMatches', () => {
  it.each(['conda43', 'py-rattler'] as const)('agrees with %s on every constraint and version', (oracle) => {
    const own = oracle === 'conda43' ? OWN_WAY_OF_CONDA43 : ['1.*.*'];
    const wrong: string[] = [];
    let asked = 0;
    fixture.constraints.forEach((constraint, i) => {
      if (!accepted(constraint) || own.includes(constraint)) return;
      fixture.versions.forEach((version, j) => {
        const expected = fixture.match[oracle][i]![j];
        if (expected === '?') return;
        asked++;
        if (versionMatches(constraint, version) !== (expected === 'y'))
          wrong.push(`${version} in ${constraint}: ${oracle} says ${expected}`);
      });
    });
    expect(wrong).toEqual([]);
    expect(asked).toBeGreaterThan(8_000);
  });

  it('refuses malformed constraints and no others', () => {
    expect(fixture.constraints.filter((constraint) => !accepted(constraint)).sort()).toEqual([...REFUSED].sort());
  });

  it.each([
    ['1.9', '1.9.0', true],
    ['1.9', '1.9.1', false],
    ['=1.9', '1.9.1', true],
    ['=1.9', '1.10', false],
    ['!=1.9.*', '1.9.3', false],
    ['!=1.9.*', '1.10', true],
    ['~=1.4.2', '1.4.10', true],
    ['~=1.4.2', '1.5', false],
    ['~=1.4.2', '1.4.1', false],
    ['(1.1|1.9),!=1.9.3', '1.9', true],
    ['(1.1.*|1.9.*),!=1.9.3', '1.9.3', false],
    ['((1.*|2.*),>=1.5)|0.5', '0.5', true],
    ['((1.*|2.*),>=1.5)|0.5', '1.4', false],
    ['>=9b,<10a', '9d', true],
    ['*', 'no version at all', true],
    ['>=0', 'no version at all', false],
    ['1.*.3', '1.22.3', true],
    ['1.*.3', '1.22.4', false],
  ])('%s takes %s: %s', (constraint, version, expected) => {
    expect(versionMatches(constraint, version)).toBe(expected);
  });

  it('C1 takes the versions that conda 26.7.1 takes, wherever a star stands', () => {
    const constraints: Record<string, string | null> = stars.constraints;
    const wrong = Object.entries(constraints).filter(
      ([constraint, conda]) => digits(constraint, stars.versions) !== conda,
    );
    expect(wrong).toEqual([]);
    expect(Object.keys(constraints).length).toBeGreaterThan(590);
  });

  it('means by the canonical text what was written, wherever a star stands', () => {
    const read = Object.keys(stars.constraints).filter(accepted);
    const wrong = read.filter(
      (each) => digits(versionSpecText(parseVersionSpec(each)), stars.versions) !== digits(each, stars.versions),
    );
    expect(wrong).toEqual([]);
    expect(read.length).toBeGreaterThan(450);
  });

  // What conda 26.7.1 answers, and py-rattler 0.28 but for the three marked.
  it.each([
    ['1.0.*', '1', true],
    ['=1.2.3', '1.2', false],
    ['=1.2', '1.2+l', true],
    ['=1.2+local', '1.3+local', false],
    ['=1.2+local', '1.2+local.1', true],
    ['=1.2+local', '1.2+localx', true], // rattler: no
    ['=1.2+local', '1.2', false],
    ['=1.2+3.1', '1.2+3', false],
    ['=1.0rc', '1.0rc1', true],
    ['=1.0rc', '1.0rca', true], // rattler: no
    ['=1.0rc', '1.0brc', false],
    ['=1.0rc', '1.0.1', false],
    ['=1.0rc', '1.0', false],
    ['=1.2dev', '1.2dev3', true],
    ['=1.2dev', '1.2rc1', false],
    ['=1.2.post', '1.2.post1', true],
    ['=1.0a1', '1.0a', false],
    ['=1.0a1', '1.0a1.2', true],
    ['=1.0a1', '1.0b1', false],
    ['=1.0.1_', '1.0.1_', true],
    ['=1.0.1_', '1.0.1', false],
    ['=1.0.1', '1.0.1_', true],
    ['=1.0.1a', '1.0.1ab', true], // rattler: no
  ])('the beginning %s of a version takes %s: %s', (constraint, version, expected) => {
    expect(versionMatches(constraint, version)).toBe(expected);
  });

  it.each([
    ['^1.9', 'regular expressions are not supported'],
    ['1.9$', 'regular expressions are not supported'],
    ['1^9', '"1^9" is not a version'],
    ['1$9', '"1$9" is not a version'],
    ['1)(2', '")" is not expected there'],
    ['1(2', '"(" is not expected there'],
    ['()', 'a version is missing before ")"'],
    [',1', 'a version is missing before ","'],
    ['1||2', 'a version is missing before "|"'],
    ['1,', 'a version is missing at its end'],
    ['', 'a version is missing at its end'],
    ['(1', 'a ")" is missing'],
    ['(1,(2|3)', 'a ")" is missing'],
    ['~=1.2.*', '"~=" takes no star'],
    ['~=1', '"~=" needs a version with at least two segments'],
    ['~=.1', 'is not a version'],
    ['1.*.@', '"1.*.@" is not a version'],
    ['@1.*.2', '"@1.*.2" is not a version'],
    ['>=1*..2', '">=1*..2" is not a version'],
    ['=*!1', 'is not a version'],
    ['1..2', '"1..2" is not a version'],
    [`${'('.repeat(21)}1${')'.repeat(21)}`, 'it has more than 20 nested parentheses'],
    [Array(513).fill('1').join('|'), 'it has more than 512 clauses'],
    [Array(513).fill('1').join(','), 'it has more than 512 clauses'],
    [Array(7).fill('(1|2)').join(','), 'it has more than 512 clauses'],
    [`(${Array(30).fill('1').join('|')}),(${Array(30).fill('1').join('|')})`, 'it has more than 512 clauses'],
  ])('refuses %j and says that %s', (constraint, problem) => {
    expect(() => parseVersionSpec(constraint)).toThrow(
      expect.objectContaining({ code: 'E_SPEC', what: expect.stringContaining(problem) }),
    );
  });

  it.each([
    `${'('.repeat(20)}1${')'.repeat(20)}`,
    Array(512).fill('1').join('|'),
    Array(512).fill('1').join(','),
    Array(6).fill('(1|2)').join(','),
    `(${Array(16).fill('1').join('|')}),(${Array(16).fill('1').join('|')})`,
  ])('takes %s, which is as much as it may be', (constraint) => {
    expect(versionMatches(constraint, '1')).toBe(true);
    expect(versionMatches(constraint, '3')).toBe(false);
  });

  it.each([
    ['*', '1', true],
    ['>=*', '1', true],
    ['1.*.3*', '1.2.34', true],
    ['*.3', '1.3', true],
    ['1*.3', '12.3', true],
    ['1!*.3', '1!2.3', true],
    ['1.*RC1', '1.2RC1', true],
    ['1.*RC1', '1.2rc1', false],
  ])('a star: %s takes %s: %s', (constraint, version, expected) => {
    expect(versionMatches(constraint, version)).toBe(expected);
  });

  it.each([
    '^1.9$',
    '1.9$',
    '('.repeat(30) + '1' + ')'.repeat(30),
    `${'(1|2),'.repeat(20)}3`,
    Array(600).fill('1').join('|'),
    '1)(2',
    '()',
  ])('refuses %j without harm', (constraint) => {
    expect(() => versionMatches(constraint, '1')).toThrow(expect.objectContaining({ code: 'E_SPEC' }));
  });
});

describe('versionSpecText', () => {
  it.each([
    ['1.9', '==1.9'],
    ['=1.9', '1.9.*'],
    ['1.9*', '1.9.*'],
    ['>=1.9.*', '>=1.9'],
    ['~=1.4.2', '>=1.4.2,1.4.*'],
    ['>= 1.0 , < 2', '>=1.0,<2'],
    ['1.9.*,!=1.9.3', '!=1.9.3,1.9.*'],
    ['1.8.*|>=2', '>=2|1.8.*'],
    ['(1.*|2.*),!=2.1', '!=2.1,1.*|!=2.1,2.*'],
    ['1.0RC1', '==1.0rc1'],
    ['=*', '<0,>0'],
    ['<*', '<0,>0'],
    ['>=*', '*'],
    ['!=*', '*'],
    ['==1.2*', '<0,>0'],
    ['!=1.2*', '*'],
    ['>1.2*', '>=1.2|1.2.*'],
    ['>=1.*.3', '>=1.0|1.0.*'],
    ['<=1.2*', '<1.2,!=1.2.*'],
    ['~=1.2*', '>=1.2,1.*|1.2.*,1.*'],
    ['1.*RC1', '1.*RC1'],
    ['1.*.3', '1.*.3'],
    ['!=1.9.*', '!=1.9.*'],
    ['1.9,1.8.*,<2', '==1.9,<2,1.8.*'],
    ['~=1.4', '>=1.4,1.*'],
  ])('%s becomes %s, which means the same', (constraint, text) => {
    expect(versionSpecText(parseVersionSpec(constraint))).toBe(text);
    for (const version of fixture.versions)
      expect(versionMatches(text, version)).toBe(versionMatches(constraint, version));
    expect(versionSpecText(parseVersionSpec(text))).toBe(text);
  });
});
