import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { isRepackError } from '../../../../src/base/errors.js';
import { parseDependency } from '../../../../src/conda/spec/dependency.js';
import { parseMatchSpec, specMatches, type MatchSpec } from '../../../../src/conda/spec/match-spec.js';

type Answer = string | null;

/** What conda 26.7.1 and py-rattler 0.28.0 said; made by scripts/make-match-specs-fixture.py. */
const { records, specs } = JSON.parse(
  readFileSync(new URL('../../../fixtures/match-specs.json', import.meta.url), 'utf8'),
) as {
  records: { name: string; version: string; build: string; build_number: number; subdir: string }[];
  specs: Record<string, [conda: Answer, rattler: Answer]>;
};

/** Entries of `depends` that we read otherwise than conda: nobody can install by them, or what we take both take. */
const OTHERWISE: Readonly<Record<string, RegExp>> = {
  'rattler refuses it': /^(n=?\s?\^1.*|n=|n ?\(? ?>=1\.2.*\)|\*.*|n\* 1\.2|n\[optional\]|)$/,
  'conda takes nothing': /^(n .*py39\*\|mkl|n\[build='?py39\*\|mkl'?\]|n 1\.2 py39_0 extra|n version=1\.2\])$/,
  'a key that is judged nowhere here': /^n\[(md5|sha256|fn|url|license|features|track_features)=.*\]$/,
  'the caller judges the channel': /^https:\/\/x\/c/,
  'extras and flags of repodata v3, which conda reads with its rattler solver only': /^n\[(extras|flags)=\[.*\]\]$/,
  'a key given twice': /^n\[version=1\.2,version=1\.3\]$/,
  'a condition of repodata v3': /^n 1\.2; if x$/,
};

/** One digit a record: does the spec take it? */
function digits(spec: MatchSpec): string {
  return records.map((record) => (specMatches(spec, record) ? '1' : '0')).join('');
}

function agree(a: Answer, b: Answer): boolean {
  if (a === null || b === null) return a === b;
  return [...a].every((each, at) => each === '-' || b[at] === '-' || each === b[at]);
}

function asDependency(text: string): Answer {
  const { spec } = parseDependency(text);
  return spec === undefined ? null : digits(spec);
}

function asTyped(text: string): Answer {
  try {
    return digits(parseMatchSpec(text));
  } catch (error) {
    if (isRepackError(error) && error.code === 'E_SPEC') return null;
    throw error;
  }
}

it('C1 reads every entry of depends as conda does', () => {
  const differs = Object.keys(specs).filter((text) => !agree(asDependency(text), specs[text]![0]));
  const unexplained = differs.filter((text) => !Object.values(OTHERWISE).some((pattern) => pattern.test(text)));
  expect(unexplained).toEqual([]);
  expect(Object.keys(specs).length).toBeGreaterThan(550);
});

it('takes by an entry nothing that conda would not take, unless conda reads no such entry', () => {
  const wider = Object.entries(specs).filter(([text, [conda]]) => {
    const ours = asDependency(text);
    return ours !== null && conda !== null && [...ours].some((each, at) => each === '1' && conda[at] === '0');
  });
  expect(wider.map(([text]) => text)).toEqual(['https://x/c::n', 'https://x/c/linux-64::n 1.2']);
});

it('A10 takes no spec from a person that conda and rattler read differently, but by its canonical text', () => {
  const wrong = Object.entries(specs).filter(([text, [conda, rattler]]) => {
    const ours = asTyped(text);
    return ours !== null && !agree(ours, conda) && !agree(ours, rattler);
  });
  expect(wrong.map(([text]) => text)).toEqual([]);
});

it.each([
  ['n ==1.2.*', '1.2.*', undefined],
  ['n==1.2.*', '1.2.*', undefined],
  ['n ==1.2.* py39*', '1.2.*', 'py39*'],
  ['n ==1.2.*,!=1.2.3', '!=1.2.3,1.2.*', undefined],
  ['n ==1.2.*|==1.3.*', '==1.3|1.2.*', undefined],
  ['n =1.2 py39_0', '==1.2', 'py39_0'],
  ['n=1.2=py39_0', '==1.2', 'py39_0'],
  ['n=1.2|1.3=py39_0', '1.2.*|==1.3', 'py39_0'],
  ['n >=1.2*', '>=1.2|1.2.*', undefined],
  ['n ==1.2*,!=1.2.3', '!=1.2.3,1.2.*', undefined],
  ['n !=1.2.3,==1.2*', '!=1.2.3,<0,>0', undefined],
  ['n !=1.2*', undefined, undefined],
  ['n 1.2 # why', '==1.2', undefined],
  ['conda:n 1.2', '==1.2', undefined],
  ['n[]', undefined, undefined],
  ['n * ^py3.*$', undefined, '^py3.*$'],
])('C1 makes of %s: %s %s', (text, version, build) => {
  const { spec } = parseDependency(text);
  expect(spec).toMatchObject({ name: 'n' });
  expect(spec?.version?.split('|').toSorted()).toEqual(version?.split('|').toSorted());
  expect(spec?.build).toBe(build);
});

it.each(['^(a+)+$', `^${'(a|b)*'.repeat(20)}$`, '^a', `^${'a'.repeat(300)}$`, '^(a*)*$', '^a\\1$'])(
  'refuses %s as a build: it could take for ever, or is none',
  (pattern) => {
    expect(parseDependency(`n * ${pattern}`).problem).toMatch(/build|version/);
  },
);
