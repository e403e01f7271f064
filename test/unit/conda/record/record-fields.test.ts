import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { subdirFits, takeFields } from '../../../../src/conda/record/record-fields.js';

/** Field, value, and four letters: conda installs another package of that channel, and this one; the same for rattler. */
type Row = [field: string, value: unknown, answers: string];

/** What conda 26.7.1 and py-rattler 0.28.0 did; made by scripts/make-record-fields-fixture.py. */
const ROWS = JSON.parse(
  readFileSync(new URL('../../../fixtures/record-fields.json', import.meta.url), 'utf8'),
) as Row[];
const ABSENT = '<absent>';

/** Fields by which the two look for the package: with another value they look for another one. */
const IDENTITY = new Set(['name', 'version', 'build']);

function taken(field: string, value: unknown): { record: Record<string, unknown>; refused: boolean } {
  const record: Record<string, unknown> = {
    name: 'app',
    version: '1.0',
    build: '0',
    build_number: 0,
    depends: [],
    md5: '0'.repeat(32),
    sha256: '0'.repeat(64),
    size: 10,
    subdir: 'linux-64',
  };
  if (value === ABSENT) delete record[field];
  else record[field] = value;
  return { refused: takeFields(record) !== undefined, record };
}

const answered = new Map(ROWS.map(([field, value, answers]) => [`${field} ${JSON.stringify(value)}`, answers]));
/** Read by both, and then nothing in the channel has what it asks for. */
const UNSATISFIED = (field: string, value: unknown): boolean =>
  (field === 'depends' && Array.isArray(value) && typeof value[0] === 'string' && value[0] !== '') ||
  (field === 'features' && typeof value === 'string');
const plain = ROWS.filter(([field, value]) => !IDENTITY.has(field) && !UNSATISFIED(field, value));

describe('C7 each field of a record, with 21 values that it may hold', () => {
  it.each(plain.filter(([, , answers]) => answers === '++++'))(
    'delivers what both can install: %s %j',
    (field, value) => {
      expect(taken(field, value).refused).toBe(false);
    },
  );

  it.each(plain.filter(([, , answers]) => answers !== '++++'))(
    'changes or refuses what one can not read: %s %j',
    (field, value) => {
      const { refused, record } = taken(field, value);
      if (refused) return;
      const now = field in record ? record[field] : ABSENT;
      expect(now).not.toEqual(value);
      expect(answered.get(`${field} ${JSON.stringify(now)}`)).toBe('++++');
    },
  );

  it.each(plain.filter(([field, value]) => value === null && field !== 'build_number'))(
    'takes null as nothing: %s %j',
    (field, value) => {
      expect(taken(field, value).refused).toBe(false);
    },
  );
});

// One of the two stumbles over some forms of nothing, so each is left out; what says something is never lost.
describe.each(['track_features', 'features', 'extra_depends', 'flags'])('%s', (field) => {
  it.each([{ value: null }, { value: '' }, { value: [] }, { value: {} }])(
    'that says nothing refuses nothing: $value',
    ({ value }) => {
      expect(taken(field, value).refused).toBe(false);
    },
  );

  it.each([{ value: 7 }, { value: true }, { value: [7] }, { value: { a: 7 } }])(
    'that says something else is refused, not lost: $value',
    ({ value }) => {
      const { refused, record } = taken(field, value);
      expect([refused, record[field]]).toEqual([true, value]);
    },
  );
});

it('keeps package URLs (purl-spec: each begins with pkg: and a type), and leaves out what is none', () => {
  for (const purls of [[], ['pkg:pypi/numpy@1.26.4', 'pkg:generic/x']])
    expect(taken('purls', purls)).toMatchObject({ refused: false, record: { purls } });
  for (const purls of [['pypi/numpy'], [' pkg:pypi/numpy'], ['pkg:/numpy'], ['pkg:pypi/numpy', 'x'], [7]]) {
    const { refused, record } = taken('purls', purls);
    expect([refused, record['purls']]).toEqual([false, undefined]);
  }
});

it('leaves what both read as it was published', () => {
  const kept = plain.filter(([field, value, answers]) => {
    if (answers !== '++++' || value === ABSENT) return false;
    return field in taken(field, value).record;
  });
  const dropped = plain.filter(([field, value, answers]) => {
    if (answers !== '++++' || value === ABSENT) return false;
    return !(field in taken(field, value).record);
  });
  expect(kept.length).toBeGreaterThan(200);
  // Digests and sizes that are null or empty say nothing; the rest are forms that no indexer writes.
  expect(dropped.map(([field, value]) => `${field} ${JSON.stringify(value)}`)).toMatchInlineSnapshot(`
    [
      "md5 null",
      "sha256 null",
      "size null",
    ]
  `);
});

describe('what is refused is told by its key and what it should be', () => {
  const GOOD = { name: 'a', version: '1', build: '0', build_number: 0 };

  it.each([
    ['name', 'a text'],
    ['version', 'a text'],
    ['build', 'a text'],
    ['build_number', 'a whole number'],
    ['depends', 'a list of texts'],
    ['constrains', 'a list of texts'],
    ['subdir', 'a text'],
    ['noarch', '"generic", "python" or false'],
    ['md5', '32 hexadecimal digits'],
    ['sha256', '64 hexadecimal digits'],
    ['size', 'a whole number'],
    ['track_features', 'a text'],
    ['features', 'a text'],
    ['python_site_packages_path', 'a text'],
    ['extra_depends', 'lists of texts by name'],
    ['flags', 'a list of texts'],
  ])('%s: %s', (key, wanted) => {
    expect(takeFields({ ...GOOD, [key]: 7.5 })).toEqual({ key, wanted });
  });

  it.each(Object.keys(GOOD))('%s, where it is missing', (key) => {
    expect(takeFields({ ...GOOD, [key]: undefined })).toMatchObject({ key });
    expect(takeFields(Object.fromEntries(Object.entries(GOOD).filter(([each]) => each !== key)))).toMatchObject({
      key,
    });
  });

  it('nothing where what must be there is there', () => {
    expect(takeFields({ ...GOOD })).toBeUndefined();
  });
});

it.each([
  [undefined, 'linux-64', true],
  ['linux-64', 'linux-64', true],
  ['noarch', 'linux-64', true],
  ['noarch', 'noarch', true],
  ['linux-64', 'noarch', false],
  ['win-64', 'linux-64', false],
  ['../x', 'linux-64', false],
  ['', 'linux-64', true],
])('C4 a record of subdir %s that lies in %s: %s', (stated, found, fits) => {
  expect(subdirFits(stated, found)).toBe(fits);
});
