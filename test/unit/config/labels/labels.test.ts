import { mkdir, mkdtemp, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { RepackError } from '../../../../src/base/errors.js';
import { readConfigText } from '../../../../src/config/config-file.js';
import { jsonSchema } from '../../../../src/config/json-schema.js';
import { declaredLabel } from '../../../../src/config/labels/resolve-label.js';
import { findRoot } from '../../../../src/config/labels/find-root.js';
import type { GivenOptions } from '../../../../src/config/resolve-settings.js';
import { resolveSettings } from '../../../../src/config/resolve-settings.js';
import { testRuntime } from '../../../helpers/runtime.js';

const TOKEN = 'xx-0a1b2c3d-4e5f-6789-abcd-0123456789ab';

function failure(text: string): RepackError {
  try {
    readConfigText(Buffer.from(text), 'c.yml');
  } catch (error) {
    if (error instanceof RepackError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

const FILE = `
owner: acme
channels: [conda-forge]
client: "conda 4.12"
defaults:
  all: {packages: [base], token_env: ACME_TOKEN}
  linux: {subdirs: linux-64, client: "conda 23.1"}
  bank:
    from: linux
    sign_key: keys/release
    subdirs: [linux-64, win-64]
  lira: {token_file: lira.token, owner: lira}
labels:
  halkbank:
    from: [bank, lira]
    packages: [ratingpro, "numpy>=1.26"]
  ziraat:
  garanti:
    from: linux
    packages_file: lists/garanti.txt
`;

async function rootWith(text: string): Promise<string> {
  const root = await mkdtemp(path.join(tmpdir(), 'labels-'));
  await writeFile(path.join(root, 'repackenv.yml'), text);
  return root;
}

describe('declared labels', () => {
  const resolved = async (root: string, env = {}, given: GivenOptions = {}) => {
    const rt = testRuntime({ env });
    const settings = await resolveSettings(rt, given, { config: undefined, root });
    return (label: string) => declaredLabel(rt, settings, label);
  };

  it('takes the label’s own first, then its defaults in their order, then what all have, then the file', async () => {
    const root = await rootWith(FILE);
    const of = await resolved(root);
    const halkbank = of('halkbank');
    expect(halkbank.settings.values).toMatchObject({
      owner: 'lira',
      channels: ['conda-forge'],
      client: 'conda 23.1',
      subdirs: ['linux-64', 'win-64'],
      signKey: path.join(root, 'keys/release'),
    });
    expect(halkbank.settings.origins).toMatchObject({
      owner: 'defaults: lira, line 12',
      client: 'defaults: linux, line 7',
      subdirs: 'defaults: bank, line 8',
      channels: path.join(root, 'repackenv.yml'),
      engine: 'default',
    });
    expect(halkbank.packages!.specs.map(({ text }) => text)).toEqual(['ratingpro', 'numpy>=1.26']);
    expect(halkbank.packages!.specs[1]!.where).toBe(`${path.join(root, 'repackenv.yml')}, line 16, column 27`);
    expect(halkbank.token).toEqual({
      source: `file:${path.join(root, 'lira.token')}`,
      origin: 'defaults: lira, line 12',
    });

    expect(of('ziraat')).toMatchObject({
      token: { source: 'env:ACME_TOKEN' },
      packages: { origin: 'defaults: all, line 6' },
    });
    expect(of('ziraat').settings.values).toMatchObject({ owner: 'acme', client: 'conda 4.12' });
    expect(of('garanti').settings.values.packagesFile).toBe(path.join(root, 'lists/garanti.txt'));
  });

  it('puts the command line and the environment above them', async () => {
    const of = await resolved(await rootWith(FILE), { REPACKENV_OWNER: 'env' }, { client: 'conda 4.4' });
    expect(of('halkbank').settings.values).toMatchObject({ owner: 'env', client: 'conda 4.4' });
    expect(of('halkbank').settings.origins).toMatchObject({ owner: 'REPACKENV_OWNER', client: 'command line' });
  });

  it('names the nearest for a label that is not declared', async () => {
    const of = await resolved(await rootWith(FILE));
    expect(() => of('halkbnk')).toThrow(
      expect.objectContaining({ code: 'E_USAGE', hint: 'Did you mean halkbank? For a package say --label LABEL.' }),
    );
  });

  it.each([
    [
      'an unknown key',
      'labels:\n  a:\n    pakages: [x]\n',
      'Unknown key "pakages" of label a',
      'line 3, column 5',
      /^Did you mean "packages"/,
    ],
    [
      'a key that stands at the margin',
      'labels:\n  a:\n    chanels: [x]\n    channels: [y]\n',
      'Unknown key "chanels" of label a',
      'line 3, column 5',
      /^Did you mean "channels"/,
    ],
    ['a label’s key at the margin', 'packages: [x]\n', 'Unknown key "packages"', 'line 1, column 1', /below the label/],
    [
      'a consent',
      'labels:\n  a: {replace: all}\n',
      'Unknown key "replace" of label a',
      'line 2, column 7',
      /command line/,
    ],
    ['a tab', 'labels:\n\ta: {}\n', 'A tab stands where YAML wants blanks', 'line 2, column 1', /two blanks/],
    [
      'a label twice',
      'labels:\n  a: {}\n  b: {}\n  a: {}\n',
      'The key "a" is there twice, first on line 2',
      'line 4, column 3',
      /one of the two/,
    ],
    [
      'case twins',
      'labels:\n  Bank: {}\n  bank: {}\n',
      '"labels" has Bank and bank, which differ only by case',
      'line 3, column 3',
      /rename one/,
    ],
    [
      'a name that is no label',
      'labels:\n  ..: {}\n',
      '"labels": label ".." can\'t be used',
      'line 2, column 3',
      /one folder name/,
    ],
    [
      'a set that is not there',
      'defaults:\n  bank: {}\nlabels:\n  a: {from: [bank, bnk]}\n',
      '"from" of label a names "bnk", which is no set of `defaults:`',
      'line 4, column 20',
      /^Did you mean bank\? Sets: bank/,
    ],
    [
      'a circle',
      'defaults:\n  x: {}\n  a: {from: b}\n  b: {from: [x, c]}\n  c: {from: a}\n',
      '"from" of the defaults a goes in a circle: a -> b -> c -> a',
      'line 3, column 13',
      /take one/,
    ],
    [
      'a set made from itself',
      'defaults:\n  all: {from: all}\n',
      '"from" of the defaults all goes in a circle: all -> all',
      'line 2, column 15',
      /take one/,
    ],
    [
      'two sources of a token',
      'labels:\n  a: {token_env: A, token_file: b}\n',
      '"token_file" of label a stands beside token_env',
      'line 2, column 33',
      /Keep one/,
    ],
    [
      'a wrong value',
      'labels:\n  a: {engine: pixi}\n',
      /^"engine" of label a has a wrong value/,
      'line 2, column 15',
      /auto\|conda/,
    ],
    [
      'a wrong item',
      'labels:\n  a: {packages: [x, 3.10]}\n',
      /^"packages" of label a, item 2, has a wrong value/,
      'line 2, column 21',
      /quotes/,
    ],
    [
      'no value',
      'defaults:\n  a: {token_env: }\n',
      '"token_env" of the defaults a has no value',
      'line 2, column 7',
      /VARIABLE/,
    ],
    ['no pairs', 'labels: [a, b]\n', /^"labels" has a wrong value/, 'line 1, column 9', /below each its settings/],
    [
      'a list for a label',
      'labels:\n  a: [x]\n',
      /^"a" .*wrong value|^"labels" of label a has a wrong value/,
      'line 2, column 6',
      /below each its settings/,
    ],
    ['an alias', 'labels:\n  a: &a {}\n  b: *a\n', /aliases/, 'line 3, column 6', /Write the value out/],
  ])('refuses %s', (_name, text, what, where, hint) => {
    const error = failure(text);
    expect(error.code).toBe('E_CONFIG');
    if (typeof what === 'string') expect(error.what.startsWith(what), error.what).toBe(true);
    else expect(error.what).toMatch(what);
    expect(error.where).toBe(`c.yml, ${where}`);
    expect(error.hint).toMatch(hint);
  });

  it.each([
    `labels:\n  a: {token: ${TOKEN}}\n`,
    `labels:\n  a: {token_env: ${TOKEN}}\n`,
    `labels:\n  a: {token_file: ${TOKEN}}\n`,
    `defaults:\n  a: {owner: ${TOKEN}}\n`,
    `labels:\n  a: {packages: [x, ${TOKEN}]}\n`,
    `labels:\n  a: {channels: ["https://h/t/${TOKEN}/acme"]}\n`,
    `labels:\n  a: {${TOKEN}: x}\n`,
    `labels:\n  ${TOKEN}: {}\n`,
    `token: ${TOKEN}\n`,
    `labels:\n  a: {from: [${TOKEN}]}\n`,
  ])('refuses a token in the file and does not repeat it: %s', (text) => {
    const { code, what, where, hint, details } = failure(text);
    expect(code).toBe('E_CONFIG');
    expect(JSON.stringify([what, where, hint, details])).not.toContain('0a1b2c3d');
    expect(hint).toMatch(/token_env|Sets|There are none|VARIABLE|Known keys/);
  });

  it('lets a path pass that has a folder t', () => {
    expect(readConfigText(Buffer.from('labels:\n  a: {sign_key: /srv/t/key.pem}\n'), 'c').declared!.labels.size).toBe(
      1,
    );
  });

  it('has a JSON Schema that takes what the reader takes', () => {
    const accepts = (data: unknown) => z.fromJSONSchema(jsonSchema('config')).safeParse(data).success;
    expect(
      accepts({ defaults: { all: { token_env: 'T' } }, labels: { a: null, b: { from: 'all', packages: 'numpy' } } }),
    ).toBe(true);
    for (const wrong of [{ labels: { a: { pakages: [] } } }, { labels: [] }, { labels: { a: { token_env: 'a-b' } } }])
      expect(accepts(wrong), JSON.stringify(wrong)).toBe(false);
  });
});

describe('where labels may stand', () => {
  const LABELS = 'labels: {a: {}}\n';

  it('refuses them in the user’s file and in one that --config names, with the right place', async () => {
    const home = await mkdtemp(path.join(tmpdir(), 'labels-'));
    await mkdir(path.join(home, 'repackenv'));
    await writeFile(path.join(home, 'repackenv/repackenv.yml'), LABELS);
    const rt = testRuntime({ env: { XDG_CONFIG_HOME: home } });
    const users = resolveSettings(rt, {}, { config: undefined, root: path.join(home, 'root') });
    await expect(users).rejects.toMatchObject({
      code: 'E_CONFIG',
      what: '"labels" can’t stand in this file',
      where: expect.stringMatching(/repackenv\.yml, line 1, column 1$/),
      hint: expect.stringContaining(path.join(home, 'root', 'repackenv.yml')),
    });
    await writeFile(path.join(home, 'other.yml'), 'defaults: {a: {}}\n');
    const named = resolveSettings(testRuntime(), {}, { config: path.join(home, 'other.yml'), root: home });
    await expect(named).rejects.toMatchObject({ code: 'E_CONFIG', what: '"defaults" can’t stand in this file' });
  });

  it('takes ROOT’s file also where --config names it by another way, and its labels where --config names another', async () => {
    const root = await rootWith(LABELS);
    const link = `${root}-link`;
    await symlink(root, link);
    const place = { config: path.join(link, 'repackenv.yml'), root };
    expect((await resolveSettings(testRuntime(), {}, place)).declared!.labels.size).toBe(1);
    await writeFile(path.join(root, 'other.yml'), 'owner: other\n');
    const other = await resolveSettings(
      testRuntime(),
      {},
      { config: path.join(root, 'other.yml'), root, labels: true },
    );
    expect(other.declared!.labels.size).toBe(1);
    expect(other.values.owner).toBe('other');
  });

  it('finds ROOT by the option, the variable, or the nearest file with labels', async () => {
    const root = await rootWith(LABELS);
    const below = path.join(root, 'a/b');
    await mkdir(below, { recursive: true });
    await writeFile(path.join(root, 'a/repackenv.yml'), '# labels: {}\nowner: acme\n');
    const at = (cwd: string, env = {}) => {
      const rt = testRuntime({ env });
      return { ...rt, machine: { ...rt.machine, cwd } };
    };
    expect(await findRoot(at(below), 'typed')).toEqual({ root: 'typed', said: undefined });
    expect(await findRoot(at(below, { REPACKENV_ROOT: '../x' }), undefined)).toMatchObject({
      root: path.join(root, 'a/x'),
    });
    expect(await findRoot(at(below), undefined)).toMatchObject({ root });
    expect(await findRoot(at(root), undefined)).toMatchObject({ root });
    expect(await findRoot(at('/'), undefined)).toBeUndefined();
  });
});
