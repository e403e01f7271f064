import { LineCounter, isAlias, isMap, isScalar, parseDocument } from 'yaml';
import type { Node, Pair, YAMLMap } from 'yaml';
import { RepackError } from '../base/errors.js';
import { nearest } from '../base/nearest.js';
import { SETTINGS, SETTING_NAMES } from './settings.js';
import type { SettingName } from './settings.js';

/** A configuration file is a page of text; more is a wrong file. */
const MAX_BYTES = 1024 * 1024;

const BY_KEY = new Map<string, SettingName>(
  SETTING_NAMES.flatMap((name) => {
    const key = SETTINGS[name].key;
    return key === undefined ? [] : [[key, name] as const];
  }),
);

/**
 * Reads the text of a `repackenv.yml`. Every complaint names file, line, column and key.
 * @throws RepackError E_CONFIG for a file that is too big, not UTF-8, not YAML, or has a duplicate, unknown or wrong key.
 */
export function readConfigText(bytes: Uint8Array, file: string): Map<SettingName, unknown> {
  const lines = new LineCounter();
  const document = parseDocument(decode(bytes, file), { lineCounter: lines, uniqueKeys: true, prettyErrors: false });
  const place = (node: { range?: readonly number[] | null } | undefined): string => {
    const offset = node?.range?.[0];
    if (offset === undefined) return file;
    const { line, col } = lines.linePos(offset);
    return `${file}, line ${line}, column ${col}`;
  };

  const broken = document.errors[0];
  if (broken !== undefined) {
    const { line, col } = lines.linePos(broken.pos[0]);
    throw new RepackError('E_CONFIG', {
      what: broken.code === 'DUPLICATE_KEY' ? 'A key is there twice' : `This is not valid YAML: ${broken.message}`,
      where: `${file}, line ${line}, column ${col}`,
      hint: broken.code === 'DUPLICATE_KEY' ? 'Keep one of the two lines.' : 'Correct this line and run again.',
    });
  }

  const root = document.contents;
  const values = new Map<SettingName, unknown>();
  if (root === null) return values;
  if (!isMap(root)) {
    throw new RepackError('E_CONFIG', {
      what: 'The configuration must be a list of `key: value` lines',
      where: place(root as Node),
      hint: 'Write for example:\n  owner: your-account\n  channels: [conda-forge]',
    });
  }
  for (const pair of (root as YAMLMap<unknown, unknown>).items) {
    const [name, value] = readPair(pair, place);
    values.set(name, value);
  }
  return values;
}

function readPair(pair: Pair<unknown, unknown>, place: (node: Node | undefined) => string): [SettingName, unknown] {
  const keyNode = pair.key as Node;
  const valueNode = (pair.value ?? undefined) as Node | undefined;
  const key = isScalar(keyNode) ? String(keyNode.value) : '';
  const name = BY_KEY.get(key);
  if (name === undefined) {
    throw new RepackError('E_CONFIG', {
      what: `Unknown key "${key}"`,
      where: place(keyNode),
      hint: `${suggestKey(key)}Known keys: ${[...BY_KEY.keys()].sort().join(', ')}.`,
    });
  }
  if (isAlias(valueNode)) {
    throw new RepackError('E_CONFIG', {
      what: `"${key}" uses a YAML alias`,
      where: place(valueNode),
      hint: 'Write the value out.',
    });
  }
  const value: unknown = valueNode === undefined ? null : valueNode.toJSON();
  if (value === null) {
    throw new RepackError('E_CONFIG', {
      what: `"${key}" has no value`,
      where: place(valueNode ?? keyNode),
      hint: `Write one (${SETTINGS[name].value ?? 'true or false'}), or take the line out.`,
    });
  }
  // One value stands for a list of one: `channels: conda-forge`.
  const given = SETTINGS[name].repeatable && typeof value === 'string' ? [value] : value;
  const checked = SETTINGS[name].schema.safeParse(given);
  if (!checked.success) {
    const issue = checked.error.issues[0];
    const item = issue?.path[0];
    throw new RepackError('E_CONFIG', {
      what: `"${key}"${typeof item === 'number' ? `, item ${item + 1},` : ''} has a wrong value: ${issue?.message ?? 'not understood'}`,
      where: place(valueNode ?? keyNode),
      hint: containsNumber(given)
        ? 'Put versions and other number-like texts in quotes: YAML reads 3.10 as 3.1.'
        : `Expected: ${SETTINGS[name].value ?? 'true or false'}.`,
    });
  }
  return [name, checked.data];
}

function containsNumber(value: unknown): boolean {
  return typeof value === 'number' || (Array.isArray(value) && value.some((item) => typeof item === 'number'));
}

function suggestKey(key: string): string {
  const near = nearest(key, BY_KEY.keys());
  return near === undefined ? '' : `Did you mean "${near}"? `;
}

function decode(bytes: Uint8Array, file: string): string {
  refuseBigConfig(bytes.byteLength, file);
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
    throw new RepackError('E_CONFIG', {
      what: 'The file is UTF-16',
      where: `${file}, line 1`,
      hint: 'Save it as UTF-8 (Notepad: "Save as", Encoding "UTF-8").',
    });
  }
  try {
    // A leading byte order mark is taken off by the decoder.
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new RepackError('E_CONFIG', {
      what: 'The file is not UTF-8 text',
      where: `${file}, line ${firstBadLine(bytes)}`,
      hint: 'Save it as UTF-8.',
      cause,
    });
  }
}

/** @throws RepackError E_CONFIG for a size in bytes that no configuration has. */
export function refuseBigConfig(size: number, file: string): void {
  if (size <= MAX_BYTES) return;
  throw new RepackError('E_CONFIG', {
    what: `The file is ${(size / 1e6).toFixed(1)} MB, too big for a configuration`,
    where: file,
    hint: 'Name the right file with --config.',
  });
}

function firstBadLine(bytes: Uint8Array): number {
  const lenient = new TextDecoder('utf-8').decode(bytes);
  return lenient.slice(0, Math.max(0, lenient.indexOf('�'))).split('\n').length;
}
