import { z } from 'zod';
import { nearest } from '../base/nearest.js';
import type { Runtime } from '../runtime/runtime.js';
import { SETTINGS, SETTING_NAMES } from './settings.js';
import type { SettingName } from './settings.js';
import { checked } from './yaml/check.js';
import type { Complaint } from './yaml/check.js';
import { readYaml } from './yaml/read-yaml.js';
import { readFormFile } from './yaml/text-file.js';
import type { FileForm, Parts } from './yaml/text-file.js';

/** The settings that can stand in a file, by their key there. */
const BY_KEY = new Map<string, SettingName>(
  SETTING_NAMES.flatMap((name) => {
    const { key } = SETTINGS[name];
    return key === undefined ? [] : [[key, name] as const];
  }),
);

const FORM: FileForm = {
  code: 'E_CONFIG',
  name: 'configuration file',
  mostBytes: 1024 * 1024,
  option: '--config',
  keys: [...BY_KEY.keys()],
  example: 'owner: your-account\n  channels: [conda-forge]',
};

/** A `repackenv.yml`. */
export const CONFIG_SCHEMA = z.strictObject(
  Object.fromEntries(
    [...BY_KEY].map(([key, name]) => {
      const { given, schema, help: description } = SETTINGS[name];
      return [key, given.optional().meta({ description, default: schema.safeParse(undefined).data })];
    }),
  ),
);

/**
 * What a `repackenv.yml` sets. Every complaint names file, line, column and key.
 * @throws RepackError E_CONFIG for a file that can't be read, is too big, not UTF-8, not YAML, or has a duplicate, unknown or wrong key.
 */
export async function readConfigFile(rt: Pick<Runtime, 'fs'>, file: string): Promise<Map<SettingName, unknown>> {
  return readConfigText(await readFormFile(rt, file, FORM), file);
}

export function readConfigText(bytes: Uint8Array, file: string): Map<SettingName, unknown> {
  const values = checked(readYaml(bytes, file, FORM), CONFIG_SCHEMA, words);
  return new Map(Object.entries(values).map(([key, value]) => [BY_KEY.get(key)!, value]));
}

function words({ path: [first, item], message, value, knownKeys }: Complaint): Parts {
  const key = String(first);
  if (knownKeys !== undefined) {
    const near = nearest(key, knownKeys);
    return {
      what: `Unknown key "${key}"`,
      hint: `${near === undefined ? '' : `Did you mean "${near}"? `}Known keys: ${knownKeys.toSorted().join(', ')}.`,
    };
  }
  const expected = SETTINGS[BY_KEY.get(key)!].value ?? 'true or false';
  if (value === null && item === undefined)
    return { what: `"${key}" has no value`, hint: `Write one (${expected}), or take the line out.` };
  return {
    what: `"${key}"${typeof item === 'number' ? `, item ${item + 1},` : ''} has a wrong value: ${message}`,
    hint:
      typeof value === 'number' && message.includes('expected string')
        ? 'Put versions and other number-like texts in quotes: YAML reads 3.10 as 3.1.'
        : `Expected: ${expected}.`,
  };
}
