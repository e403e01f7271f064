import { expect, it } from 'vitest';
import { askOracle, type OracleName, type OracleRecord } from '../../scripts/lib/conda-oracle.js';
import { isPlainSpec, parseMatchSpec, specMatches } from '../../src/conda/spec/match-spec.js';
import { describeWithLayers } from '../helpers/layers.js';

/** As people type them; what the engines are given is the canonical text. */
const SPECS = [
  'pytho',
  'PyTho',
  'pytho=1.9',
  'pytho 1.9.*',
  'pytho=1.9*',
  'pytho==1.9',
  'pytho 1.9',
  'pytho=1.9=py39_0',
  'pytho 1.9 py39_0',
  'pytho==1.9=py39_0',
  'pytho=1.9.*=py3*_0',
  'pytho * *_mkl',
  'pytho>=1.9,<2',
  'pytho >= 1.9 , < 2',
  'pytho>=1.9|1.2.*',
  'pytho 1.2.*|>=1.10',
  'pytho=1.2|1.9.3',
  'pytho 1.9.*,!=1.9.3',
  'pytho!=1.9',
  'pytho!=1.9.*',
  'pytho~=1.9.1',
  'pytho~=1.9',
  'pytho (1.2|1.9),!=1.9.0',
  'pytho (1.2.*|1.9.*),!=1.9.3',
  'pytho 1!0.4',
  'pytho=1!0.4',
  'pytho>=1!0',
  'pytho=1.9rc',
  'pytho==1.9rc1',
  'pytho>=1.9=py39_0',
  "pytho[version='>=1.9',build=py39_0]",
  'pytho[build_number=3]',
  'pytho[version=1.9.3,build_number=3]',
  'pytho=1.9+local',
];

const VERSIONS = [
  '1.2',
  '1.2.7',
  '1.9rc1',
  '1.9',
  '1.9.0',
  '1.9.3',
  '1.9+local',
  '1.10',
  '1.90',
  '2.0',
  '1!0.4',
  '1!0.4.2',
];
const RECORDS: readonly OracleRecord[] = ['pytho', 'other'].flatMap((name) =>
  VERSIONS.flatMap((version) =>
    [
      ['py39_0', 0],
      ['py310_0', 0],
      ['np_mkl', 3],
    ].map(([build, number]) => ({
      name,
      version,
      build: String(build),
      build_number: Number(number),
      subdir: 'linux-64',
    })),
  ),
);

describeWithLayers(['py-rattler'], 'py-rattler and our canonical MatchSpecs', () => {
  it('A12 gives every canonical text the meaning we give it', () => {
    expect(differences('py-rattler', SPECS)).toEqual([]);
  });
});

describeWithLayers(['conda43'], 'conda 4.3 and our canonical MatchSpecs', () => {
  it('A12 gives every plain text the meaning we give it', () => {
    const plain = SPECS.filter((text) => isPlainSpec(parseMatchSpec(text)));
    expect(plain.length).toBeGreaterThan(20);
    // With a build string it compares the version's text: 1.9.0 is not 1.9.
    const textual = differences('conda43', plain).filter(({ spec }) => spec === 'pytho=1.9=py39_0');
    expect(new Set(textual.map(({ record }) => record))).toEqual(new Set(['pytho 1.9.0 py39_0']));
    expect(differences('conda43', plain).filter(({ spec }) => spec !== 'pytho=1.9=py39_0')).toEqual([]);
  });

  it('refuses or misreads every text that is not plain', () => {
    const fancy = SPECS.map(parseMatchSpec).filter((spec) => !isPlainSpec(spec));
    const misread = new Set(differences('conda43', SPECS).map(({ spec }) => spec));
    expect(fancy.filter((spec) => !misread.has(spec.text))).toEqual([]);
    expect(fancy.length).toBeGreaterThan(4);
  });
});

/** Records on which a program and we differ about a spec; a refusal differs on all. */
function differences(oracle: OracleName, texts: readonly string[]): { spec: string; record: string }[] {
  const asked = texts.map(parseMatchSpec).flatMap((spec) => RECORDS.map((record) => ({ spec, record })));
  const answers = askOracle(oracle, { spec: asked.map(({ spec, record }) => [spec.text, record] as const) }).spec;
  return asked
    .filter(({ spec, record }, i) => answers[i] !== specMatches(spec, record))
    .map(({ spec, record }) => ({ spec: spec.text, record: `${record.name} ${record.version} ${record.build}` }));
}
