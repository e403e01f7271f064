import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../../../src/cli/commands/index.js';
import { readPackagesText } from '../../../src/config/packages-file.js';
import { parseArguments } from '../../../src/cli/program.js';
import { SETTINGS, SETTING_NAMES } from '../../../src/config/settings.js';
import { readToken } from '../../../src/cli/token.js';
import { declareChannels, parseChannelUrl } from '../../../src/conda/channel/declare-channels.js';
import { reveal } from '../../../src/base/secret.js';
import type { Terminal } from '../../../src/runtime/terminal.js';
import { testRuntime } from '../../helpers/runtime.js';

function run(program: 'update-offline-repo' | 'repackenv', ...args: string[]) {
  const parsed = parseArguments(program, args, COMMANDS);
  if (parsed.kind !== 'run') throw new Error('text');
  return parsed.invocation;
}

describe('the help', () => {
  it('says the default of a setting, a number too', () => {
    const parsed = parseArguments('repackenv', ['plan', '--help'], COMMANDS);
    const text = parsed.kind === 'text' ? parsed.text.replaceAll(/\s+/g, ' ') : '';
    expect(text).toContain('in MB (default 450; REPACKENV_MAX_INDEX_MB)');
    expect(text).toContain('(default https://conda.anaconda.org; REPACKENV_BASE_URL)');
  });

  it.each(COMMANDS.map(({ name }) => name))('of %s is no wider than 100 columns where it can break', (name) => {
    const parsed = parseArguments('repackenv', [name, '--help'], COMMANDS);
    const [help = ''] = parsed.kind === 'text' ? parsed.text.split(/\nExamples?:/) : [];
    expect(help).toContain('Usage:');
    const wide = help.split('\n').filter((line) => line.length > 100 && !/^(Usage:|  repackenv )/.test(line));
    expect(wide).toEqual([]);
  });

  const everyHelp = [
    ...COMMANDS.map(
      ({ name }) => [`repackenv ${name}`, parseArguments('repackenv', [name, '--help'], COMMANDS)] as const,
    ),
    ['update-offline-repo', parseArguments('update-offline-repo', ['--help'], COMMANDS)] as const,
  ];
  it.each(everyHelp)('of %s fills its lines, and has no example wider than 120 columns', (_name, parsed) => {
    const lines = (parsed.kind === 'text' ? parsed.text : '').split('\n');
    expect(lines.filter((line) => line.length > 120)).toEqual([]);
    const brokenEarly = lines.filter((line, at) => {
      const next = lines[at + 1] ?? '';
      if (!/^\S/.test(line) || !/^\S/.test(next) || line.endsWith(':')) return false;
      return line.length + 1 + next.split(' ')[0]!.length <= 100;
    });
    expect(brokenEarly).toEqual([]);
  });
});

describe('M9 a command of another tool', () => {
  it.each([
    ['cas-sync', 'repackenv mirror --cas'],
    ['cas-sync -f mirror.yml', 'repackenv mirror -f FILE'],
    ['cas-sync-api-v5', 'repackenv mirror --cas'],
    ['cas-mirror', 'repackenv mirror --cas'],
    ['cas-merge /delta /mirror', 'repackenv merge DELTA CHANNEL'],
    ['cas-server --port 80', 'repackenv serve DIR'],
    ['anaconda-mirror -f m.yml sync', 'repackenv mirror -f FILE'],
    ['anaconda-mirror -v clean', 'repackenv clean -f FILE'],
    ['anaconda-server-sync-conda --mirror-config x', 'repackenv mirror -f FILE'],
    ['conda-mirror --upstream-channel conda-forge', 'repackenv mirror -f FILE'],
    ['--verbose anaconda-mirror sync', 'repackenv mirror -f FILE'],
    ['sync', 'repackenv mirror -f FILE'],
    ['conda-index /srv/channel', 'repackenv doctor DIR --repair'],
    ['conda-pack -n x', 'repackenv capture'],
    ['mirror --config-file m.yml', 'Type -f FILE.'],
    ['clean --config-file=m.yml', 'Type -f FILE.'],
    ['--config-file m.yml mirror', 'Type -f FILE.'],
    ['mirror -f m.yml --target-directory /srv/m', 'mirror_dir: DIR'],
    ['update --label a -c conda-forge', '--channel NAME'],
    ['update --all --override-channels', 'no channel counts that is not declared'],
    ['capture -n prod', '--prefix ENV'],
    ['mirror -f m.yml --platform linux-64', '--subdir for update'],
    ['update --all --no-proxy x', '--proxy-bypass HOST'],
  ])('M9: %s: says what to type instead', (line, says) => {
    expect(() => parseArguments('repackenv', line.split(' '), COMMANDS)).toThrow(
      expect.objectContaining({ code: 'E_USAGE', hint: expect.stringContaining(says) as string }),
    );
  });

  it('M9: a misspelt command of ours stays one', () => {
    expect(() => parseArguments('repackenv', ['mirorr'], COMMANDS)).toThrow(
      expect.objectContaining({ what: expect.stringContaining('mirror') as string }),
    );
  });
});

describe('the command line', () => {
  it.each(['export', 'delta'])('of %s asks for --to only after --show-config', (name) => {
    const typed = run('repackenv', name, '/srv/x', '--show-config');
    expect(() => typed.command.check?.(typed)).toThrow(expect.objectContaining({ what: '--to is missing' }));
  });

  it('is the seed’s, exactly', () => {
    const typed = run('update-offline-repo', 'halkbank', 'xx-1', 'c:\\tmp\\megarpo', 'ratingpro', 'pytho');
    expect(typed.args).toEqual(['halkbank', 'xx-1', 'c:\\tmp\\megarpo', 'ratingpro', 'pytho']);
    expect(typed.token).toBe('xx-1');
    expect(typed.command.root?.(typed)).toBe('c:\\tmp\\megarpo');
    expect(typed.command.log?.(typed)).toBe('halkbank');
  });

  it('takes options before, between and behind, and repeats', () => {
    const { given, args } = run(
      'update-offline-repo',
      '--subdir',
      'linux-64',
      'l',
      '-',
      'r',
      '--channel',
      'a',
      'p>=1',
      '--channel',
      'b',
      '--subdir',
      'win-64',
      '--adopt',
    );
    expect(given).toEqual({ subdirs: ['linux-64', 'win-64'], channels: ['a', 'b'], adopt: true });
    expect(args).toEqual(['l', '-', 'r', 'p>=1']);
  });

  it('has every setting on both programs', () => {
    const help = [
      parseArguments('update-offline-repo', ['--help'], COMMANDS),
      parseArguments('repackenv', ['update', '--help'], COMMANDS),
    ];
    for (const page of help) {
      const text = page.kind === 'text' ? page.text : '';
      for (const name of SETTING_NAMES) expect(text).toContain(`--${SETTINGS[name].flag}`);
    }
  });

  it.each([
    [['l', 't', 'r', '--file=x']],
    [['l', 't', 'r', '-c', 'evil']],
    [['l', 't', 'r', '--prefix=..']],
    [['-x', 't', 'r', 'p']],
    [['l', 't', 'r', 'p', '--engine']],
  ])('A9 refuses %j with exit code 2', (args) => {
    expect(() => parseArguments('update-offline-repo', args, COMMANDS)).toThrow(
      expect.objectContaining({ code: 'E_USAGE', exitCode: 2 }),
    );
  });

  it('A17 does not repeat a value that was given to an unknown option', () => {
    try {
      parseArguments('update-offline-repo', ['l', '--token=xx-secret', 'r', 'p'], COMMANDS);
      throw new Error('accepted');
    } catch (error) {
      expect(JSON.stringify(error) + String(error)).not.toContain('xx-secret');
    }
  });

  it('takes a token of repackenv by name only', () => {
    expect(run('repackenv', 'update', '--label', 'l', '--root', 'r', '--token-env', 'T', 'p').token).toBe('env:T');
    expect(run('repackenv', 'plan', '--label', 'l', '--root', 'r', '--token-file', 'f', 'p').token).toBe('file:f');
    expect(run('repackenv', 'capture', 'r').token).toBe('none');
    expect(() => run('repackenv', 'update', '--token-env', 'T', '--token-file', 'f')).toThrow(/Both/);
  });
});

describe('A17 TOKEN', () => {
  const terminal = (stdin: string) => ({ readStdin: async () => stdin }) as unknown as Terminal;

  it.each([
    ['-', 'xx-123456\r\n', {}, 'xx-123456'],
    ['env:T', '', { T: ' xx-123_45.6 ' }, 'xx-123_45.6'],
    ['xx-123456', '', {}, 'xx-123456'],
  ])('%s is read and trimmed', async (given, stdin, env, expected) => {
    const { secret } = await readToken(given, testRuntime({ env }), terminal(stdin));
    expect(secret && reveal(secret)).toBe(expected);
  });

  it('is read from a file, with a byte order mark and CR LF', async () => {
    const file = path.join(await mkdtemp(path.join(tmpdir(), 'tok-')), 'token.txt');
    await writeFile(file, '﻿xx-123456\r\n');
    const { secret, warning } = await readToken(`file:${file}`, testRuntime(), terminal(''));
    expect(secret && reveal(secret)).toBe('xx-123456');
    expect(warning).toBeUndefined();
  });

  it.each(['a', 'ab', 'tok', 'abcd', 'conda'])('J5 %s is too short for a token: refused', async (value) => {
    const given = readToken('env:T', testRuntime({ env: { T: value } }), terminal(''));
    await expect(given).rejects.toMatchObject({ code: 'E_TOKEN', exitCode: 2 });
  });

  it('J3 warns when the value is an argument', async () => {
    expect((await readToken('xx-123456', testRuntime(), terminal(''))).warning).toMatch(/other users/);
  });

  it('names what was meant when env: was forgotten', async () => {
    const rt = testRuntime({ env: { CONDA_TOKEN: 'xx-123456' } });
    await expect(readToken('CONDA_TOKEN', rt, terminal(''))).rejects.toMatchObject({
      code: 'E_TOKEN',
      hint: 'Did you mean env:CONDA_TOKEN?',
    });
  });

  it('is absent with none', async () => {
    expect((await readToken('none', testRuntime(), terminal(''))).secret).toBeUndefined();
  });

  it.each([
    '',
    '   ',
    'ab',
    'xx 123456',
    'xx-1234/56',
    'xx%2F123456',
    'a@bcdefgh',
    'xx-12345\nzz',
    '"xx-12345"',
    'x'.repeat(600),
  ])('refuses %j without repeating it', async (value) => {
    const error: Error = await readToken('env:T', testRuntime({ env: { T: value } }), terminal('')).then(
      () => new Error('accepted'),
      (caught: Error) => caught,
    );
    expect(error).toMatchObject({ code: 'E_TOKEN' });
    if (value.trim().length > 3) expect(JSON.stringify(error) + error.message).not.toContain(value.trim());
  });

  it.each(['env:NOT_SET', 'file:/nowhere/token'])('names %s when it is not there', async (given) => {
    await expect(readToken(given, testRuntime(), terminal(''))).rejects.toMatchObject({ code: 'E_TOKEN' });
  });
});

describe('--packages-file', () => {
  const read = (text: string, file = 'p.txt') => readPackagesText(Buffer.from(text), file);

  it('reads MatchSpecs, a line each', () => {
    expect(read('# ours\nratingpro\r\nnumpy>=1.26,<2  # pin\n\npython=3.11.*=*_cpython\n').specs).toEqual([
      { text: 'ratingpro', line: 2 },
      { text: 'numpy>=1.26,<2', line: 3 },
      { text: 'python=3.11.*=*_cpython', line: 5 },
    ]);
  });

  it('reads an environment.yml', () => {
    const file = read(
      'name: x\nchannels:\n  - conda-forge\ndependencies:\n  - ratingpro\n  - numpy>=1.26\n',
      'environment.yml',
    );
    expect(file.specs.map((spec) => [spec.text, spec.line])).toEqual([
      ['ratingpro', 5],
      ['numpy>=1.26', 6],
    ]);
    expect(file.channels).toEqual(['conda-forge']);
  });

  it.each([
    ['a pip section', 'dependencies:\n  - ratingpro\n  - pip:\n    - requests\n', /pip:/, /line 3/],
    ['a number', 'dependencies:\n  - 3.1\n', /not a text/, /line 2/],
    ['no dependencies', 'name: x\n', /dependencies/, /environment.yml/],
    ['broken YAML', 'dependencies:\n  - [a\n', /YAML/, /line/],
  ])('refuses %s with exit code 2, naming the line', (_name, text, what, where) => {
    expect(() => read(text, 'environment.yml')).toThrow(
      expect.objectContaining({
        code: 'E_SPEC_FILE',
        exitCode: 2,
        what: expect.stringMatching(what),
        where: expect.stringMatching(where),
      }),
    );
  });
});

describe('D2a declared channels', () => {
  const base = {
    baseUrl: 'https://conda.anaconda.org/',
    owner: 'acme',
    label: 'halkbank',
    labelPath: 'label',
    hasToken: true,
  } as const;

  it('are the label’s, the owner’s, then the base channels', () => {
    const channels = declareChannels({ ...base, baseChannels: ['conda-forge', 'defaults'], subdirs: ['win-64'] });
    expect(channels.map((channel) => [channel.url, channel.authenticated])).toEqual([
      ['https://conda.anaconda.org/acme/label/halkbank', true],
      ['https://conda.anaconda.org/acme', true],
      ['https://conda.anaconda.org/conda-forge', false],
      ['https://repo.anaconda.com/pkgs/main', false],
      ['https://repo.anaconda.com/pkgs/r', false],
      ['https://repo.anaconda.com/pkgs/msys2', false],
    ]);
  });

  it('leave out msys2 without Windows, spell the label the older way, and need no token', () => {
    const channels = declareChannels({
      ...base,
      labelPath: 'channel',
      hasToken: false,
      baseChannels: ['defaults'],
      subdirs: ['linux-64'],
    });
    expect(channels.map((channel) => channel.url)).not.toContain('https://repo.anaconda.com/pkgs/msys2');
    expect(channels[0]).toMatchObject({
      url: 'https://conda.anaconda.org/acme/channel/halkbank',
      authenticated: false,
    });
  });

  it('send the token to the owner’s paths only', () => {
    const channels = declareChannels({
      ...base,
      baseChannels: [
        'https://conda.anaconda.org/acme/label/dev',
        'https://conda.anaconda.org/acme-two',
        'https://other.example/acme',
      ],
      subdirs: ['linux-64'],
    });
    expect(channels.slice(2).map((channel) => channel.authenticated)).toEqual([true, false, false]);
  });

  it.each([
    ['https://h/t/xx-1/acme', /token/],
    ['https://u:p@h/acme', /password/],
    ['https://tok@h/acme', /token/],
    ['ftp://h/acme', /ftp/],
    ['https://h/acme?x=1', /query/],
    ['..\\x', /neither/],
    ['a b', /neither/],
  ])('A10 refuse %s', (text, what) => {
    expect(() => parseChannelUrl(text, 'https://b')).toThrow(
      expect.objectContaining({ code: 'E_CHANNEL', what: expect.stringMatching(what) }),
    );
  });
});
