import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../../../src/cli/commands/index.js';
import { parseArguments, type ProgramName } from '../../../src/cli/program.js';

const EVERY: (readonly [ProgramName, string])[] = [
  ['update-offline-repo', ''],
  ...COMMANDS.map(({ name }) => ['repackenv', name] as const),
];

function textOf(program: ProgramName, args: readonly string[], columns = 80): string {
  const parsed = parseArguments(program, args, COMMANDS, columns);
  if (parsed.kind !== 'text') throw new Error(`${args.join(' ')}: no text`);
  return parsed.text;
}

const wordsOf = (line: string): string[] =>
  (line.match(/'[^']*'|"[^"]*"|\S+/g) ?? []).map((word) => word.replace(/^(['"])(.*)\1$/, '$2'));

describe.each(EVERY)('-h of %s %s', (program, name) => {
  const args = name === '' ? [] : [name];
  const text = textOf(program, [...args, '-h']);

  it('fits a screen of 80 by 24, and says where the rest is', () => {
    const lines = text.trimEnd().split('\n');
    expect(lines.length).toBeLessThanOrEqual(24);
    const end = lines.findIndex((line) => line.startsWith('Exit codes'));
    const examples = new Set(lines.slice(lines.indexOf('Examples:'), end));
    expect(lines.filter((line) => line.length >= 80 && !examples.has(line))).toEqual([]);
    expect(text).toMatch(/^Usage: (repackenv|update-offline-repo)/);
    expect(text).toMatch(/--help\. The manual: repackenv help\n$/);
    expect(text).toContain('Exit codes: 0 done');
  });

  it('has every option that the command can’t do without', () => {
    const full = textOf(program, [...args, '--help']).replaceAll(/\s+/g, ' ');
    const needed = [...full.matchAll(/ (--[a-z-]+) <[^ ]+> (?:(?! --[a-z-]+ ).)*?\(required\)/g)].map(
      ([, flag]) => flag!,
    );
    for (const flag of needed) expect(text).toContain(`  ${flag} `);
    if (name === 'delta') expect(needed).toEqual(['--to', '--since']);
  });

  it('has examples that the program reads', () => {
    const examples = [...text.matchAll(/^ {2}(repackenv|update-offline-repo) (.*?)(?: {3,}.*| > \S+| \| .*)?$/gm)];
    expect(examples.length, text).toBeGreaterThan(0);
    for (const [line, of, rest] of examples)
      expect(parseArguments(of as ProgramName, wordsOf(rest!), COMMANDS), line).toBeDefined();
  });

  it('is not --help, whose lines fit 80 columns where they can break', () => {
    const full = textOf(program, [...args, '--help']);
    expect(full).not.toBe(text);
    const [options = ''] = full.split(/\n(?=Examples?:|A mirror file)/);
    expect(options.split('\n').filter((line) => line.length >= 80 && !/^(Usage:| {2}repackenv )/.test(line))).toEqual(
      [],
    );
  });
});

it('the help of plan does not list what an update does and a plan does not', () => {
  const help = textOf('repackenv', ['plan', '--help']);
  expect(help).not.toMatch(/--notify|--take-over-lock|--site-files/);
  expect(parseArguments('repackenv', ['plan', '--all', '--site-files', 'off'], COMMANDS).kind).toBe('run');
});

it.each([
  ['update --ownr x', /^Unknown option '--ownr'\. Did you mean --owner\?$/, /^See repackenv update --help\.$/],
  ['updat --all', /^Unknown command 'updat'\. Did you mean update\?$/, /^See repackenv --help\.$/],
  ['list', /^Unknown command 'list'$/, /^See repackenv --help\.$/],
  ['diff a b c', /^Too many arguments/, /^See repackenv diff --help\.$/],
  [
    'verify -x',
    /^Unknown option '-x'$/,
    /^See repackenv verify --help\. A value that begins with "-" goes behind "--"\.$/,
  ],
  ['help mirors', /^There is no page/, /^Did you mean mirrors\?/],
  ['completion bsh', /^Completion is written for/, /^Did you mean bash\?/],
])('%s: the nearest name', (line, what, hint) => {
  expect(() => parseArguments('repackenv', line.split(' '), COMMANDS)).toThrow(
    expect.objectContaining({
      what: expect.stringMatching(what) as string,
      hint: expect.stringMatching(hint) as string,
    }),
  );
});

describe('completion', () => {
  it.each([
    ['repackenv ver', ['verify']],
    ['repackenv update --own', ['--owner']],
    ['repackenv update --engine mi', ['micromamba']],
    ['repackenv help mir', ['mirrors']],
    ['repackenv completion p', ['powershell']],
    ['update-offline-repo --dry', ['--dry-run']],
    ['repackenv verify --own', []],
  ])('by a real bash: %s<Tab>', (typed, completed) => {
    const dir = mkdtempSync(join(tmpdir(), 'repackenv-completion-'));
    try {
      writeFileSync(join(dir, 'completion.bash'), textOf('repackenv', ['completion', 'bash']));
      const words = typed.split(' ');
      const ask = `source completion.bash; COMP_WORDS=(${typed}); COMP_CWORD=${words.length - 1}
        _repackenv ${words[0]!}; printf '%s\\n' "\${COMPREPLY[@]}"`;
      const answer = execFileSync('bash', ['--noprofile', '--norc', '-c', ask], { cwd: dir, encoding: 'utf8' });
      expect(answer.split('\n').filter((word) => word !== '')).toEqual(completed);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });

  it.each(['zsh', 'fish', 'powershell'])('for %s it has every command, and no option without its name', (shell) => {
    const script = textOf('repackenv', ['completion', shell]);
    for (const { name } of COMMANDS) expect(script).toContain(name);
    expect(script).not.toMatch(/undefined|\[object/);
  });
});
