import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PROJECT_ROOT } from '../../../scripts/lib/layers.js';
import { COMMANDS } from '../../../src/cli/commands/index.js';
import { PAGES, pageTitle } from '../../../src/cli/pages.js';
import { parseArguments, type ProgramName } from '../../../src/cli/program.js';
import { renderPage } from '../../../src/cli/reporter/page-text.js';
import { codeLines, manual, PAGES_DIR } from '../../helpers/readme.js';

const TEXTS = [...manual()];
/** Options of other programs that the texts name. */
const OF_OTHERS = new Set([
  '--inspect',
  '--ignore-missing',
  '--global',
  '--prefix',
  '--file',
  '--offline',
  '--rc-file',
]);
const HELPS = [
  helpOf('update-offline-repo', ['--help']),
  ...COMMANDS.map(({ name }) => helpOf('repackenv', [name, '--help'])),
];

function helpOf(program: ProgramName, args: readonly string[]): string {
  const parsed = parseArguments(program, args, COMMANDS);
  return parsed.kind === 'text' ? parsed.text : '';
}

describe('README and pages', () => {
  it('the README has at most 200 lines, a page 150', () => {
    for (const [file, text] of TEXTS)
      expect(text.split('\n').length - 1, file).toBeLessThanOrEqual(file === 'README.md' ? 200 : 150);
  });

  it('every page is listed, has a title, and fits each width', () => {
    expect(TEXTS.slice(1).map(([file]) => file)).toEqual([...PAGES].sort().map((name) => `${PAGES_DIR}/${name}.md`));
    for (const name of PAGES) {
      expect(pageTitle(name), name).toMatch(/^\S.{8,64}$/);
      const text = manual().get(`${PAGES_DIR}/${name}.md`)!;
      expect(text).toMatch(new RegExp(`^# ${name}: `));
      const code = new Set(codeLines(text));
      for (const columns of [60, 80, 120]) {
        const lines = renderPage(text, columns).split('\n');
        // What can't be broken: a line of code, a word.
        const long = lines.filter(
          (line) => line.length >= columns && !code.has(line.trim()) && / \S/.test(line.trim()),
        );
        expect(long, `${name} at ${columns}`).toEqual([]);
      }
    }
  });

  it('the README links each page and names each command', () => {
    const [[, readme]] = TEXTS as [[string, string]];
    for (const name of PAGES) expect(readme).toContain(`(${PAGES_DIR}/${name}.md)`);
    const table = readme.split('## Commands')[1]!.split('\n## ')[0]!;
    for (const { name } of COMMANDS) expect(table).toMatch(new RegExp(`\`(repackenv )?${name}\\b`));
  });

  it.each(TEXTS)('%s: every link leads somewhere, every option exists', (file, text) => {
    for (const [, to] of text.matchAll(/\]\(([^)#]+)[^)]*\)/g))
      expect(existsSync(join(PROJECT_ROOT, dirname(file), to!)), to).toBe(true);
    const named = [...text.matchAll(/(?<![\w-])--[a-z][a-z-]*/g)].map(([option]) => option);
    const foreign = codeLines(text)
      .filter((line) => /^(rsync|conda|npm|pixi|robocopy|schtasks) /.test(line))
      .join('\n');
    const unknown = named.filter(
      (option) =>
        !OF_OTHERS.has(option) &&
        !foreign.includes(option) &&
        !HELPS.some((help) => new RegExp(`${option}\\b(?!-)`).test(help)),
    );
    expect(unknown).toEqual([]);
  });

  it.each(TEXTS)('%s: every command line is one that the programs read', (_, text) => {
    for (const line of codeLines(text)) {
      const found = /^(?:[\d*]+ [\d* ]+ {2})?(?:[A-Z_]+=\S+ )?(?:\S*[\\/])?(repackenv|update-offline-repo) (.*)$/.exec(
        line,
      );
      if (found === null) continue;
      const words = found[2]!.replace(/ (#|\|\||>) .*$/, '').match(/'[^']*'|"[^"]*"|\S+/g)!;
      const args = words.map((word) => word.replace(/^(['"])(.*)\1$/, '$2'));
      expect(parseArguments(found[1] as ProgramName, args, COMMANDS), line).toBeDefined();
    }
  });
});
