import { NOARCH } from '../channel/channel.js';

type Json = unknown;

interface Field {
  /** Read alike by conda and rattler: stays as published. */
  readonly right: (value: Json) => boolean;
  /** Says nothing: the key is left out, since one of the two could not read it. */
  readonly empty?: (value: Json) => boolean;
  /** What the value should be, where a wrong one is refused. Undefined: it decides nothing, and a wrong one is left out. */
  readonly wanted?: string;
}

const isText = (value: Json): value is string => typeof value === 'string';
const isNull = (value: Json): boolean => value === null;
const isObject = (value: Json): value is Record<string, Json> =>
  value !== null && typeof value === 'object' && !Array.isArray(value);
const isCount = (value: Json): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
const isList = (value: Json): value is Json[] => Array.isArray(value);
const isTexts = (value: Json): boolean => isList(value) && value.every(isText);
const isBlank = (value: Json): boolean =>
  value === null || value === '' || (isList(value) && value.length === 0) || (isObject(value) && noKey(value));
const isHex = (length: number) => (value: Json) =>
  isText(value) && value.length === length && /^[0-9a-f]+$/i.test(value);
const orNull = (right: (value: Json) => boolean) => (value: Json) => value === null || right(value);
const isSpecs = (value: Json): boolean => isList(value) && value.every((each) => isText(each) && each.trim() !== '');

function noKey(value: object): boolean {
  return Object.keys(value).length === 0;
}

const NAME: Field = { right: (value) => isText(value) && value !== '', wanted: 'a text' };
const NOTE: Field = { right: orNull(isText) };
const TIME: Field = { right: orNull(Number.isSafeInteger) };

/**
 * What each field of a record may hold: measured on conda 26.7.1 and py-rattler 0.28.0, 21 values a field (test/fixtures/record-fields.json).
 * Whatever is published, both can read; what both can install is delivered. Keys that are not here stay as they are.
 */
const FIELDS: Readonly<Record<string, Field>> = {
  name: NAME,
  version: NAME,
  build: NAME,
  build_number: { right: isCount, wanted: 'a whole number' },
  depends: { right: isSpecs, wanted: 'a list of texts' },
  constrains: { right: isSpecs, empty: isNull, wanted: 'a list of texts' },
  subdir: { right: isText, empty: isNull, wanted: 'a text' },
  noarch: {
    right: (value) =>
      value === null || typeof value === 'boolean' || ['', 'generic', 'python'].includes(value as string),
    wanted: '"generic", "python" or false',
  },
  md5: { right: isHex(32), empty: (value) => value === null || value === '', wanted: '32 hexadecimal digits' },
  sha256: { right: isHex(64), empty: (value) => value === null || value === '', wanted: '64 hexadecimal digits' },
  size: { right: isCount, empty: isNull, wanted: 'a whole number' },
  track_features: { right: (value) => isText(value) || isTexts(value), empty: isBlank, wanted: 'a text' },
  features: { right: isText, empty: isBlank, wanted: 'a text' },
  python_site_packages_path: { right: orNull(isText), wanted: 'a text' },
  extra_depends: {
    right: (value) => isObject(value) && Object.values(value).every(isSpecs),
    empty: isBlank,
    wanted: 'lists of texts by name',
  },
  flags: { right: isTexts, empty: isBlank, wanted: 'a list of texts' },
  timestamp: TIME,
  indexed_timestamp: TIME,
  license: NOTE,
  license_family: NOTE,
  arch: NOTE,
  platform: NOTE,
  date: { right: (value) => value === null || typeof value !== 'object' },
  preferred_env: { right: (value) => value === null || typeof value !== 'object' },
  package_type: { right: isNull },
  legacy_bz2_md5: { right: orNull(isHex(32)) },
  legacy_bz2_size: { right: orNull(isCount) },
  purls: {
    right: orNull((value) => isList(value) && value.every((each) => isText(each) && /^pkg:[a-z]+\//.test(each))),
  },
  run_exports: { right: (value) => value === null || (typeof value === 'object' && (isObject(value) || noKey(value))) },
};

const BY_NAME: ReadonlyMap<string, Field> = new Map(Object.entries(FIELDS));

/**
 * Makes of a parsed record what conda and rattler both read: `depends` that is missing or null is none, digests are in lower case, and keys that
 * say nothing in a form that one of them stumbles over are left out. Changes `record`. Gives the field that stands for something and can't
 * be carried.
 */
export function takeFields(record: Record<string, Json>): { key: string; wanted: string } | undefined {
  record['depends'] ??= [];
  const wrong = allRight(record) ? undefined : withoutWrong(record);
  if (wrong !== undefined) return wrong;
  for (const key of ['md5', 'sha256']) if (isText(record[key])) record[key] = record[key].toLowerCase();
  return undefined;
}

/** Nearly every record is: it has ten of the fields, and is not asked for the others. */
function allRight(record: Record<string, Json>): boolean {
  for (const key of REQUIRED) if (record[key] === undefined) return false;
  return Object.keys(record).every((key) => BY_NAME.get(key)?.right(record[key]) !== false);
}

/** Leaves out what may be missing and is wrong; the first that may not is told. */
function withoutWrong(record: Record<string, Json>): { key: string; wanted: string } | undefined {
  for (const [key, { right, empty, wanted }] of BY_NAME) {
    const value = record[key];
    if (value === undefined ? wanted === undefined || !REQUIRED.has(key) : right(value)) continue;
    if (value !== undefined && (wanted === undefined || empty?.(value) === true)) delete record[key];
    else return { key, wanted: wanted! };
  }
  return undefined;
}

const REQUIRED = new Set(['name', 'version', 'build', 'build_number']);

/** May a record that says it is of `stated` lie in `found`? Big channels keep noarch packages in a platform's folder; clients go by the folder. */
export function subdirFits(stated: string | undefined, found: string): boolean {
  return stated === undefined || stated === '' || stated === found || (stated === NOARCH && found !== NOARCH);
}
