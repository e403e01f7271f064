import { describe, expect, it } from 'vitest';
import { advisoriesIn, isAffected } from '../../../../src/conda/advisory/osv.js';

const RANGE = (...events: object[]): object => ({ ranges: [{ type: 'ECOSYSTEM', events }] });
const OF = { package: { ecosystem: 'PyPI', name: 'Jinja2' } };

function affected(entry: object, name: string, version: string, purls?: unknown): boolean {
  const [advisory] = advisoriesIn({ id: 'X-1', affected: [entry] })!;
  return isAffected(advisory!, { name, version, purls });
}

describe('an advisory in OSV form', () => {
  it.each([
    ['1.0', true],
    ['2.9rc1', true],
    ['2.9', false],
    ['3.0', true],
    ['3.1', true],
    ['3.1.post1', false],
    ['4.0a1', false],
    ['4.0', true],
    ['5!0.1', true],
  ])('in its ranges is %s: %s', (version, expected) => {
    const events = [
      { introduced: '4.0' },
      { last_affected: '3.1' },
      { introduced: '3.0' },
      { fixed: '2.9' },
      { introduced: '0' },
    ];
    expect(affected({ ...OF, ...RANGE(...events) }, 'jinja2', version)).toBe(expected);
  });

  it.each<[string, object, string, unknown, boolean]>([
    ['of PyPI by the same name', OF, 'jinja2', undefined, true],
    [
      'of PyPI by a name spelled otherwise',
      { package: { ecosystem: 'PyPI', name: 'ruamel.yaml' } },
      'ruamel_yaml',
      undefined,
      true,
    ],
    [
      'of PyPI by the purls of the record',
      { package: { ecosystem: 'PyPI', name: 'torch' } },
      'pytorch',
      ['pkg:pypi/torch@2'],
      true,
    ],
    ['of PyPI, and the record says that it is another there', OF, 'jinja2', ['pkg:pypi/other'], false],
    ['of conda', { package: { ecosystem: 'conda-forge', name: 'openssl' } }, 'openssl', undefined, true],
    [
      'of conda by purl',
      { package: { purl: 'pkg:conda/openssl?channel=main', ecosystem: 'x', name: 'y' } },
      'openssl',
      undefined,
      true,
    ],
    ['of another ecosystem', { package: { ecosystem: 'npm', name: 'jinja2' } }, 'jinja2', undefined, false],
    ['of no package', {}, 'jinja2', undefined, false],
  ])('%s', (_what, entry, name, purls, expected) => {
    expect(affected({ ...entry, ...RANGE({ introduced: '0' }) }, name, '1.0', purls)).toBe(expected);
  });

  it('by a list of versions; by none at all versions; by commits alone at none', () => {
    expect(affected({ ...OF, versions: ['1.0', '1.2'] }, 'jinja2', '1.0.0')).toBe(true);
    expect(affected({ ...OF, versions: ['1.0', '1.2'] }, 'jinja2', '1.1')).toBe(false);
    expect(affected(OF, 'jinja2', '9')).toBe(true);
    expect(affected({ ...OF, ranges: [{ type: 'GIT', events: [{ introduced: '0' }] }] }, 'jinja2', '9')).toBe(false);
  });

  it('is called by its CVE; lists and answers of osv.dev are read, withdrawn ones left out', () => {
    const one = { id: 'GHSA-1', aliases: ['PYSEC-1', 'CVE-2024-1'], summary: 's', affected: [OF] };
    const gone = { id: 'X', withdrawn: '2024-01-01T00:00:00Z', affected: [] };
    for (const value of [[one, gone], { vulns: [one, gone] }]) {
      const found = advisoriesIn(value)!;
      expect(found.map(({ id, aliases }) => `${id} ${aliases.join(' ')}`)).toEqual(['CVE-2024-1 GHSA-1 PYSEC-1']);
    }
  });

  it.each([[null], ['text'], [{}], [{ id: 1 }], [{ id: 'x', affected: {} }], [[{ id: 'x' }, 3]]])(
    '%j is none',
    (value) => expect(advisoriesIn(value)).toBeUndefined(),
  );

  it.each([
    [{ id: 'x', affected: [null, 3, { package: 'y' }, { package: { purl: 3 } }] }],
    [{ id: 'x', affected: [{ ...OF, ranges: [null, { events: [null, { introduced: 3 }] }], versions: [1] }] }],
  ])('odd parts of %j are passed over', (value) => {
    expect(isAffected(advisoriesIn(value)![0]!, { name: 'jinja2', version: '1' })).toBe(false);
  });
});
