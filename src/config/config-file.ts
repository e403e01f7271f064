import { z } from 'zod';
import { nearest } from '../base/nearest.js';
import { TOKEN_LIKE } from '../base/token-like.js';
import type { Runtime } from '../runtime/runtime.js';
import { BY_KEY, fileSettings, settingsOf } from './file-keys.js';
import type { Declared, DeclaredBlock } from './labels/types.js';
import { BLOCKS, OWN_KEYS, checkBlocks } from './labels/schema.js';
import type { Blocks } from './labels/schema.js';
import { SETTINGS } from './settings.js';
import { policyWords } from './policy/words.js';
import type { SettingName } from './settings.js';
import { checked, said } from './yaml/check.js';
import type { Complaint } from './yaml/check.js';
import { readYaml } from './yaml/read-yaml.js';
import type { YamlFile } from './yaml/read-yaml.js';
import { fileError, readFormFile } from './yaml/text-file.js';
import type { FileForm, Parts } from './yaml/text-file.js';

const BLOCK_KEYS = Object.keys(BLOCKS) as (keyof typeof BLOCKS)[];

const FORM: FileForm = {
  code: 'E_CONFIG',
  name: 'configuration file',
  mostBytes: 1024 * 1024,
  option: '--config',
  keys: [...BY_KEY.keys(), ...BLOCK_KEYS],
  blocks: BLOCK_KEYS,
  example: 'owner: your-account\n  channels: [conda-forge]',
};

/** A `repackenv.yml`. */
export const CONFIG_SCHEMA = z.strictObject({ ...fileSettings({ of: 'file' }), ...BLOCKS }).superRefine(checkBlocks);

export interface ConfigFile {
  values: Map<SettingName, unknown>;
  /** Undefined where no label is declared, and no set for labels. */
  declared: Declared | undefined;
}

/**
 * What a `repackenv.yml` sets and declares. Every complaint names file, line, column and key. `elsewhere`: what to do with
 * labels where they may not stand in this file.
 * @throws RepackError E_CONFIG for a file that can't be read, is too big, not UTF-8, not YAML, or has a duplicate, unknown or wrong key.
 */
export async function readConfigFile(rt: Pick<Runtime, 'fs'>, file: string, elsewhere?: string): Promise<ConfigFile> {
  return readConfigText(await readFormFile(rt, file, FORM), file, elsewhere);
}

export function readConfigText(bytes: Uint8Array, file: string, elsewhere?: string): ConfigFile {
  const yaml = readYaml(bytes, file, FORM);
  const values = checked(yaml, CONFIG_SCHEMA, words);
  const block = BLOCK_KEYS.find((key) => values[key] !== undefined);
  if (block === undefined) return { values: settingsOf(values), declared: undefined };
  if (elsewhere !== undefined)
    throw fileError(FORM, yaml.keyAt([block]).where, { what: `"${block}" can’t stand in this file`, hint: elsewhere });
  return {
    values: settingsOf(values),
    declared: {
      file,
      labels: blocksOf(yaml, 'labels', values.labels ?? {}),
      defaults: blocksOf(yaml, 'defaults', values.defaults ?? {}),
      policies: new Map(Object.entries(values.policies ?? {})),
    },
  };
}

function blocksOf(yaml: YamlFile, at: string, blocks: Blocks): Map<string, DeclaredBlock> {
  return new Map(
    Object.entries(blocks).map(([name, block]) => {
      const { from = [], packages, policy, installers, token_env, token_file, ...rest } = block ?? {};
      const whereOf = (...path: PropertyKey[]): string => yaml.at([at, name, ...path]).where;
      const token =
        token_env === undefined ? (token_file === undefined ? undefined : { file: token_file }) : { env: token_env };
      const made: DeclaredBlock = {
        origin: `${at}: ${name}`,
        line: yaml.keyAt([at, name]).line,
        from,
        values: settingsOf(rest),
        packages: packages?.map((text, item) => ({ text, where: whereOf('packages', item) })),
        policy,
        installers,
        token,
        whereOf,
      };
      return [name, made];
    }),
  );
}

/** Keys that people look for in a file, and why they are in none. */
const NOT_IN_A_FILE: readonly (readonly [RegExp, string])[] = [
  [/^token$/, 'The token itself stands in no file of settings: write token_env: VARIABLE, or token_file: FILE.'],
  [
    /^(drop|replace|adopt|take_over_lock|all|allow_.*)$/,
    'What is let go is said on the command line, for one run: a line in a file would let it go for ever.',
  ],
];

function words(complaint: Complaint): Parts {
  const { path, message, value, knownKeys } = complaint;
  const [first, name] = path;
  if (first === 'policies' && name !== undefined)
    return policyWords({ ...complaint, path: path.slice(2) }, ` of policy ${String(name)}`);
  const isBlock = first === 'labels' || first === 'defaults';
  const inner = isBlock ? path.slice(2) : path;
  const of =
    !isBlock || name === undefined ? '' : ` of ${first === 'labels' ? 'label' : 'the defaults'} ${String(name)}`;
  const key = String(inner.at(0) ?? first);
  if (knownKeys !== undefined) return unknownKey(String(path.at(-1)), { of, knownKeys, isBlock });
  const [what = '', ...hint] = message.split('\n');
  if (hint.length > 0)
    return {
      what: `"${key}"${inner.length === 0 ? '' : of}${what.startsWith(':') ? '' : ' '}${what}`,
      hint: hint.join('\n'),
    };
  const item = inner.at(1);
  const expected = expectedOf(key, isBlock);
  if (value === null && item === undefined)
    return { what: `"${key}"${of} has no value`, hint: `Write one (${expected}), or take the line out.` };
  return {
    what: `"${key}"${of}${typeof item === 'number' ? `, item ${item + 1},` : ''} has a wrong value: ${said(message, value)}`,
    hint:
      typeof value === 'number' && message.includes('expected string')
        ? 'Put versions and other number-like texts in quotes: YAML reads 3.10 as 3.1.'
        : `Expected: ${expected}${expected.includes('\n') ? '' : '.'}`,
  };
}

const EXPECTED: Readonly<Record<string, string>> = {
  from: 'names of defaults',
  packages: 'a list of MatchSpecs',
  policy: 'names of policies',
  installers: 'a list of {url: …, sha256: …}',
  token_env: 'VARIABLE',
};

function expectedOf(key: string, isBlock: boolean): string {
  const name = BY_KEY.get(key);
  if (name !== undefined) {
    const { value = 'true or false', repeatable } = SETTINGS[name];
    return `${value}${repeatable ? '; several as a list, [… , …]' : ''}`;
  }
  if (isBlock && OWN_KEYS.includes(key)) return EXPECTED[key] ?? 'FILE';
  return 'names, and below each its settings, as in\n  halkbank:\n    packages: [numpy]';
}

function unknownKey(
  key: string,
  { of, knownKeys, isBlock }: { of: string; knownKeys: readonly string[]; isBlock: boolean },
): Parts {
  const what = TOKEN_LIKE.test(key) ? `A key${of} looks like a token` : `Unknown key "${key}"${of}`;
  const [, why] = NOT_IN_A_FILE.find(([each]) => each.test(key)) ?? [];
  if (why !== undefined) return { what, hint: why };
  if (!isBlock && OWN_KEYS.includes(key))
    return { what, hint: `It is a label’s: write it below the label, or below defaults: {all: {${key}: …}}.` };
  const near = nearest(key, knownKeys);
  const advice = near === undefined ? '' : `Did you mean "${near}"? `;
  return { what, hint: `${advice}Known keys: ${knownKeys.toSorted().join(', ')}.` };
}
