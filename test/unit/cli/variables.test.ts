import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../../../src/cli/commands/index.js';
import { updateOfflineRepoCommand } from '../../../src/cli/commands/update.js';
import { parseArguments } from '../../../src/cli/program.js';
import { resolveSettings } from '../../../src/config/resolve-settings.js';
import { SETTINGS, SETTING_NAMES, type SettingName } from '../../../src/config/settings.js';
import { testRuntime } from '../../helpers/runtime.js';

interface Row {
  /** What the variable says, and what comes of it. */
  says: string;
  is: unknown;
  /** What the option says, over it. */
  typed: readonly string[];
  gives: unknown;
  /** Refused, with the variable's name; null: every text is one. */
  wrong: string | null;
}

const ON = { says: 'yes', is: true, typed: [''], gives: true, wrong: 'perhaps' };
const text = (says: string, typed: string): Row => ({ says, is: says, typed: [typed], gives: typed, wrong: null });
const word = (says: string, typed: string): Row => ({ ...text(says, typed), wrong: 'sideways' });
const number = (says: string, typed: string): Row => ({
  says,
  is: Number(says),
  typed: [typed],
  gives: Number(typed),
  wrong: 'many',
});
const at = (file: string): string => path.resolve(testRuntime().machine.cwd, file);
const file = (says: string, typed: string): Row => ({ ...text(says, typed), is: at(says), gives: at(typed) });
const list = (says: string, is: readonly string[], typed: readonly string[]): Row => ({
  says,
  is,
  typed,
  gives: typed,
  wrong: 'a,b',
});

const ROWS: Readonly<Record<SettingName, Row>> = {
  baseUrl: { ...text('https://a.example', 'https://b.example'), wrong: 'a.example' },
  owner: { ...text('acme', 'other'), wrong: 'acme/label' },
  labelPath: word('channel', 'label'),
  channels: list('conda-forge  https://a.example/main', ['conda-forge', 'https://a.example/main'], ['x', 'y']),
  channelPriority: word('strict', 'disabled'),
  subdirs: list('linux-64 win-64', ['linux-64', 'win-64'], ['osx-64', 'linux-64']),
  virtualPackages: list('__glibc=2.17\t__cuda=12.4', ['__glibc=2.17', '__cuda=12.4'], ['__glibc=2.28']),
  client: text('conda 4.4', 'conda 4.12'),
  packagesFile: file('lists/a.txt', 'b.txt'),
  allowPipSection: ON,
  lock: file('pixi.lock', 'conda.lock'),
  lockEnvironment: text('prod', 'test'),
  engine: word('embedded', 'conda'),
  enginePath: file('bin/conda', 'bin/mamba'),
  prove: word('install', 'solve'),
  index: { ...list('bz2 bz2', ['bz2', 'bz2'], ['bz2']), wrong: 'bz2,zst' },
  replace: list('numpy pandas', ['numpy', 'pandas'], ['all']),
  keep: number('5', '0'),
  signKey: file('keys/a', 'keys/b'),
  siteFiles: word('off', 'on'),
  papers: { ...list('sbom page', ['sbom', 'page'], ['none']), wrong: 'sbom,page' },
  attestations: ON,
  policyFile: file('a.yml', 'b.yml'),
  adopt: ON,
  dryRun: ON,
  recheck: ON,
  waitLock: number('30', '0'),
  takeOverLock: ON,
  jobs: number('4', '1'),
  notify: text('mail-me --to x', 'none'),
  channelLogins: list('a.example=env:A "b.example=env:B"', ['a.example=env:A', 'b.example=env:B'], ['c=env:C']),
  netrc: { ...file('netrc', 'other'), is: at('netrc') },
  allowHttp: list('a.example b.example', ['a.example', 'b.example'], ['c.example']),
  maxIndexMb: number('100', '1'),
  requestsPerSecond: number('7', '1'),
  proxy: { ...text('http://a.example:3128', 'http://b.example:3128'), wrong: 'a.example:3128' },
  noProxy: list('a.example b.example', ['a.example', 'b.example'], ['c.example']),
  caFiles: {
    ...file('', ''),
    says: 'ca.pem "own authorities/a, b.pem"',
    is: [at('ca.pem'), at('own authorities/a, b.pem')],
    typed: ['c.pem', 'd.pem'],
    gives: [at('c.pem'), at('d.pem')],
  },
  cacheDir: file('cache', 'other'),
  logDir: file('logs', 'other'),
  json: ON,
  quiet: ON,
  debug: ON,
};

const resolve = (env: Record<string, string>, given = {}) =>
  resolveSettings(testRuntime({ env }), given, { config: undefined, root: undefined });

const CALLS = [
  { definition: updateOfflineRepoCommand, program: 'update-offline-repo', first: [] },
  // That one is answered with a text, whatever it is told.
  ...COMMANDS.filter(({ name }) => name !== 'completion').map(
    (definition) => ({ definition, program: 'repackenv', first: [definition.name] }) as const,
  ),
] as const;

describe('a variable of each setting', () => {
  it.each(SETTING_NAMES)(
    '%s: arrives as what it is, with its origin; empty is not given; a wrong one is named',
    async (name) => {
      const { variable, repeatable } = SETTINGS[name];
      const { says, is, wrong } = ROWS[name];
      const { values, origins } = await resolve({ [variable]: says });
      expect(values[name]).toEqual(is);
      expect(origins[name]).toBe(variable);
      if (repeatable) expect(values[name]).toHaveLength(2);
      const absent = await resolve({});
      for (const empty of ['', '  ', '\t']) {
        const { values: left, origins: from } = await resolve({ [variable]: empty });
        expect(left).toEqual(absent.values);
        expect(from[name]).toBe('default');
      }
      if (wrong === null) return;
      await expect(resolve({ [variable]: wrong })).rejects.toMatchObject({
        code: 'E_USAGE',
        what: expect.stringContaining(JSON.stringify(wrong)),
        where: `environment variable ${variable}`,
        hint: expect.stringMatching(/^Expected: ./),
      });
    },
  );

  it.each(CALLS.map((call) => [[call.program, ...call.first].join(' '), call] as const))(
    '%s: the help names it, and the option wins',
    async (_name, { definition, program, first }) => {
      const asked = parseArguments(program, [...first, '--help'], COMMANDS);
      const help = asked.kind === 'text' ? asked.text.replaceAll(/\s+/g, ' ') : '';
      const named = [...help.matchAll(/\bREPACKENV_[A-Z_]+(?=\) )/g)].map(([variable]) => variable);
      const visible = definition.settings.filter((each) => definition.silent?.includes(each) !== true);
      const own = new Set(['REPACKENV_ROOT', ...visible.map((each) => SETTINGS[each].variable)]);
      expect(named.filter((variable) => !own.has(variable))).toEqual([]);
      expect(visible.filter((each) => !named.includes(SETTINGS[each].variable))).toEqual([]);
      // Only what deletes takes ROOT from nobody but who types it; policy and push take theirs from where the folder lies.
      if (help.includes(' --root <DIR>') && definition.name !== 'clean')
        expect(definition.findsRoot === true || definition.folders !== undefined).toBe(true);
      const positionals =
        (/^Usage: [^\n]*/.exec(asked.kind === 'text' ? asked.text : '')?.[0] ?? '').match(/<[^>]+>/g) ?? [];
      for (const name of definition.settings) {
        const { flag, variable, value } = SETTINGS[name];
        const { says, typed, gives } = ROWS[name];
        const options = typed.map((each) => (value === undefined ? `--${flag}` : `--${flag}=${each}`));
        const parsed = parseArguments(program, [...first, ...positionals.map(() => 'x'), ...options], COMMANDS);
        if (parsed.kind !== 'run') throw new Error(`${name}: no run`);
        const denied = value === undefined ? 'false' : says;
        const { values, origins } = await resolve({ [variable]: denied }, parsed.invocation.given);
        expect(values[name], name).toEqual(gives);
        expect(origins[name], name).toBe('command line');
      }
    },
  );
});

describe('what a variable or an option may say', () => {
  it.each([
    ['siteFiles', 'REPACKENV_SITE_FILES', 'true'],
    ['keep', 'REPACKENV_KEEP', '1.5'],
    ['keep', 'REPACKENV_KEEP', '0x3'],
    ['keep', 'REPACKENV_KEEP', '-1'],
    ['waitLock', 'REPACKENV_WAIT_LOCK', '90000'],
  ] as const)('%s: %s=%s is refused', async (_name, variable, says) => {
    await expect(resolve({ [variable]: says })).rejects.toMatchObject({
      where: `environment variable ${variable}`,
      what: expect.not.stringMatching(/Invalid|NaN/),
    });
  });

  it.each([
    ['jobs', ''],
    ['keep', ''],
    ['keep', true],
    ['keep', null],
    ['keep', []],
    ['waitLock', ' '],
    ['maxIndexMb', ''],
  ] as const)('the option of %s with %j is refused: it is no number, not 0', async (name, value) => {
    await expect(resolve({}, { [name]: value })).rejects.toMatchObject({
      where: `option --${SETTINGS[name].flag}`,
      what: expect.stringContaining('must be a whole number of'),
    });
  });

  it.each([
    ['REPACKENV_NETRC', 'yes', { netrc: true }],
    ['REPACKENV_NETRC', '0', { netrc: false }],
    ['REPACKENV_NETRC', '"C D/netrc"', { netrc: at('C D/netrc') }],
    ['REPACKENV_CACHE_DIR', '"C D/cache"', { cacheDir: at('C D/cache') }],
    ['REPACKENV_QUIET', ' TRUE ', { quiet: true }],
    ['REPACKENV_QUIET', 'off', { quiet: false }],
    ['REPACKENV_KEEP', ' 3 ', { keep: 3 }],
    ['REPACKENV_CHANNEL', 'file:///srv/a,b', { channels: ['file:///srv/a,b'] }],
    ['REPACKENV_CHANNEL', '/srv/a,b', { channels: ['file:///srv/a,b'] }],
    ['REPACKENV_NOTIFY', '"/opt/a b" x', { notify: '"/opt/a b" x' }],
  ])('%s=%s', async (variable, says, is) => {
    expect((await resolve({ [variable]: says })).values).toMatchObject(is);
  });
});
