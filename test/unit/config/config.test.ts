import { describe, expect, it } from 'vitest';
import { readConfigText } from '../../../src/config/config-file.js';
import { SETTING_NAMES } from '../../../src/config/settings.js';
import { renderConfig } from '../../../src/config/show-config.js';
import { resolveSettings } from '../../../src/config/resolve-settings.js';
import { RepackError } from '../../../src/base/errors.js';
import { mkdtemp, mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { testRuntime } from '../../helpers/runtime.js';

const bytes = (text: string) => Buffer.from(text, 'utf8');

function failure(run: () => unknown): RepackError {
  try {
    run();
  } catch (error) {
    if (error instanceof RepackError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('A18 the configuration file', () => {
  it('reads every kind of value', () => {
    const { values } = readConfigText(
      bytes('owner: acme\nchannels: [conda-forge, "https://h/x"]\nclient: "conda 4.4"\nwait_lock: 30\nindex: [bz2]\n'),
      'c.yml',
    );
    expect(Object.fromEntries(values)).toEqual({
      owner: 'acme',
      channels: ['conda-forge', 'https://h/x'],
      client: 'conda 4.4',
      waitLock: 30,
      index: ['bz2'],
    });
  });

  it.each([
    ['a byte order mark', Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), bytes('owner: acme\n')])],
    ['CRLF', bytes('# c\r\nowner: acme\r\n')],
    ['one value where a list is meant', bytes('owner: acme\nchannels: conda-forge\n')],
  ])('accepts %s', (_name, content) => {
    expect(readConfigText(content, 'c.yml').values.get('owner')).toBe('acme');
  });

  it.each([
    ['an unknown key', 'owner: acme\nchanels: [x]\n', /Unknown key "chanels"/, /line 2, column 1/],
    ['a key spelled as the option is', 'base-url: https://x\n', /Unknown key "base-url"/, /line 1/],
    ['a wrong type', 'owner: acme\nchannels: {a: b}\n', /"channels".*wrong value/, /line 2, column 11/],
    ['a wrong word', 'engine: pixi\n', /"engine"/, /line 1, column 9/],
    ['a version that YAML took for a number', 'owner: acme\nclient: 4.10\n', /"client"/, /line 2/],
    ['a duplicate key', 'owner: a\nowner: b\n', /twice/, /line 2/],
    ['no mapping', '- a\n- b\n', /key: value/, /line 1/],
    ['broken YAML', 'owner: [a\n', /not valid YAML/, /c\.yml, line/],
    ['a key without a value', 'owner: acme\nclient:\n', /"client" has no value/, /line 2/],
    ['an alias', 'owner: &a acme\nclient: *a\n', /alias/, /line 2/],
  ])('refuses %s with line and key', (_name, text, what, where) => {
    const error = failure(() => readConfigText(bytes(text), 'c.yml'));
    expect(error.code).toBe('E_CONFIG');
    expect(error.what).toMatch(what);
    expect(error.where).toMatch(where);
    expect(error.hint).toBeTruthy();
  });

  it.each([
    ['UTF-16', Buffer.from('﻿owner: a\n', 'utf16le'), /UTF-16/],
    ['bytes that are no UTF-8', Buffer.from([0x6f, 0x3a, 0x20, 0xff, 0xfe, 0x0a]), /UTF-8/],
    ['2 MB', Buffer.alloc(2_000_000, 0x20), /too big/],
  ])('refuses %s', (_name, content, what) => {
    expect(failure(() => readConfigText(content, 'c.yml')).what).toMatch(what);
  });

  it('tells about quotes for a number-like value and offers the near key', () => {
    expect(failure(() => readConfigText(bytes('client: 4.10\n'), 'c')).hint).toMatch(/quotes.*3\.10/);
    for (const key of ['channel', 'chanels', 'Channels'])
      expect(failure(() => readConfigText(bytes(`${key}: x\n`), 'c')).hint).toMatch(/Did you mean "channels"/);
    expect(failure(() => readConfigText(bytes('base-url: x\n'), 'c')).hint).toMatch(/Did you mean "base_url"/);
  });
});

describe('a wrong value is told in the words of people', () => {
  it.each([
    ['channels: [[x]]', '"channels", item 1, has a wrong value: a list stands there', 'NAME|URL; several as a list'],
    ['channel_logins: {h: env:A}', 'a wrong value: keys with values of their own stand there', 'HOST=env:NAME'],
    ['channels: a,b', 'item 1, has a wrong value: several in one: each stands for itself', 'several as a list'],
    ['engine: pixi', '"engine" has a wrong value: "pixi"', 'auto|conda|mamba'],
    ['papers: [sbom, pdf]', '"papers", item 2, has a wrong value: "pdf"', 'changes|licenses'],
    ['client: 4.10', '"client" has a wrong value: 4.1 stands there', 'in quotes'],
    ['keep: many', '"keep" has a wrong value: must be a whole number of generations', 'Expected: N.'],
    ['recheck: perhaps', '"recheck" has a wrong value: "perhaps" stands there', 'true or false'],
    ['netrc: [x]', '"netrc" has a wrong value: a list stands there', 'Expected: FILE.'],
    ['labels: [a]', '"labels" has a wrong value: a list stands there', '    packages: [numpy]'],
  ])('%s', (line, what, hint) => {
    const said = failure(() => readConfigText(bytes(`${line}\n`), 'c'));
    expect(said.what).toContain(what);
    expect(said.what).not.toMatch(/Invalid|expected/);
    expect(said.hint).toContain(hint);
  });
});

describe('D13 option over environment over file over default', () => {
  it('takes each from its place and says where', async () => {
    const root = await mkdtemp(path.join(tmpdir(), 'cfg-'));
    await writeFile(path.join(root, 'repackenv.yml'), 'owner: from-file\nengine: conda\nclient: "conda 4.4"\n');
    const rt = testRuntime({
      env: { REPACKENV_OWNER: 'from-env', REPACKENV_ENGINE: 'embedded', REPACKENV_SUBDIR: 'win-64 linux-64' },
    });
    const { values, origins, configFile } = await resolveSettings(
      rt,
      { owner: 'from-option' },
      { config: undefined, root },
    );
    expect(values).toMatchObject({
      owner: 'from-option',
      engine: 'embedded',
      client: 'conda 4.4',
      subdirs: ['win-64', 'linux-64'],
      baseUrl: 'https://conda.anaconda.org',
    });
    expect(origins).toMatchObject({
      owner: 'command line',
      engine: 'REPACKENV_ENGINE',
      client: configFile,
      baseUrl: 'default',
    });
  });

  it('takes --config before REPACKENV_CONFIG before ROOT before the user’s folder', async () => {
    const home = await mkdtemp(path.join(tmpdir(), 'cfg-'));
    const file = async (name: string, owner: string) => {
      const full = path.join(home, name);
      await mkdir(path.dirname(full), { recursive: true });
      await writeFile(full, `owner: ${owner}\n`);
      return full;
    };
    const option = await file('a.yml', 'option');
    const variable = await file('b.yml', 'variable');
    await file('root/repackenv.yml', 'root');
    await file('xdg/repackenv/repackenv.yml', 'user');
    const root = path.join(home, 'root');
    const owner = async (env: Record<string, string>, config: string | undefined, at: string | undefined) =>
      (
        await resolveSettings(
          testRuntime({ env: { XDG_CONFIG_HOME: path.join(home, 'xdg'), ...env } }),
          {},
          { config, root: at },
        )
      ).values.owner;
    expect(await owner({ REPACKENV_CONFIG: variable }, option, root)).toBe('option');
    expect(await owner({ REPACKENV_CONFIG: variable }, undefined, root)).toBe('variable');
    expect(await owner({}, undefined, root)).toBe('root');
    expect(await owner({}, undefined, path.join(home, 'nowhere'))).toBe('user');
  });

  it.each([
    [{ env: { REPACKENV_WAIT_LOCK: 'soon' } }, /REPACKENV_WAIT_LOCK/],
    [{ env: { REPACKENV_ADOPT: 'perhaps' } }, /REPACKENV_ADOPT/],
  ])('refuses a wrong variable, naming it: %j', async ({ env }, where) => {
    await expect(
      resolveSettings(testRuntime({ env }), {}, { config: undefined, root: undefined }),
    ).rejects.toMatchObject({
      code: 'E_USAGE',
      where: expect.stringMatching(where),
    });
  });

  it('names a --config that is not there', async () => {
    await expect(
      resolveSettings(testRuntime(), {}, { config: '/nowhere/c.yml', root: undefined }),
    ).rejects.toMatchObject({ code: 'E_CONFIG', where: '/nowhere/c.yml' });
  });

  it('takes the proxy of the environment, with the scheme added where it lacks one', async () => {
    const rt = testRuntime({ env: { HTTPS_PROXY: 'proxy:3128', no_proxy: 'a.example, b.example' } });
    const { values } = await resolveSettings(rt, {}, { config: undefined, root: undefined });
    expect(values).toMatchObject({ proxy: 'http://proxy:3128', noProxy: ['a.example', 'b.example'] });
  });

  it('counts a path in the file from the file’s folder, any other from the working directory', async () => {
    const root = await mkdtemp(path.join(tmpdir(), 'cfg-'));
    const text =
      'packages_file: lists/halkbank.txt\nca_files: [ca.pem, /etc/ca.pem]\nlog_dir: ~/logs\nprove: install=bin/conda\n';
    await writeFile(path.join(root, 'repackenv.yml'), text);
    const rt = testRuntime({ env: { REPACKENV_SIGN_KEY: 'keys/release' } });
    const { values } = await resolveSettings(rt, { cacheDir: 'cache' }, { config: undefined, root });
    const { cwd, homedir } = rt.machine;
    expect(values).toMatchObject({
      packagesFile: path.join(root, 'lists/halkbank.txt'),
      caFiles: [path.join(root, 'ca.pem'), '/etc/ca.pem'],
      logDir: path.join(homedir, 'logs'),
      prove: `install=${path.join(root, 'bin/conda')}`,
      signKey: path.join(cwd, 'keys/release'),
      cacheDir: path.join(cwd, 'cache'),
      enginePath: undefined,
    });
  });
});

describe('--show-config', () => {
  it('can be used as a configuration file: it says the same', async () => {
    const root = await mkdtemp(path.join(tmpdir(), 'cfg-'));
    const rt = testRuntime();
    const given = { owner: 'acme', cacheDir: 'cache', dryRun: true, replace: ['all'], caFiles: ['ca.pem'] };
    const asked = await resolveSettings(rt, given, { config: undefined, root });
    const text = renderConfig(asked, SETTING_NAMES);
    expect(text).toMatch(/^# --dry-run: +true +# command line$/m);
    expect(text).toMatch(/^# not set: .*client.*proxy/m);
    await writeFile(path.join(root, 'repackenv.yml'), text);
    const again = await resolveSettings(rt, {}, { config: undefined, root });
    expect(again.values).toEqual({ ...asked.values, dryRun: false, replace: [] });
  });
});
