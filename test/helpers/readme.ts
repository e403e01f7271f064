import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT_ROOT } from '../../scripts/lib/layers.js';

export const PAGES_DIR = join('src', 'cli', 'pages');

/** Path below the checkout -> text: the README, then the pages of `repackenv help`. */
export function manual(): Map<string, string> {
  const pages = readdirSync(join(PROJECT_ROOT, PAGES_DIR)).filter((name) => name.endsWith('.md'));
  const files = ['README.md', ...pages.sort().map((name) => `${PAGES_DIR}/${name}`)];
  return new Map(files.map((file) => [file, readFileSync(join(PROJECT_ROOT, file), 'utf8')]));
}

/** Lines of the code blocks of a text, outer blanks gone. */
export function codeLines(text: string): string[] {
  const blocks = text.split(/^```.*\n/m).filter((_, at) => at % 2 === 1);
  return blocks.flatMap((block) => block.split('\n').map((line) => line.trim())).filter((line) => line !== '');
}

/**
 * Commands of README and pages that begin with a word, each once, as arguments, with the sample places replaced by real ones: what a test
 * runs is what a person would type.
 */
export function readmeCommands(program: string, places: Readonly<Record<string, string>>): string[][] {
  const lines = new Set([...manual().values()].flatMap(codeLines));
  return [...lines]
    .filter((line) => line.startsWith(`${program} `))
    .map((line) =>
      line
        .split(/\s+/)
        .slice(1)
        .map((word) => placed(word.replaceAll('\\*', '*'), places)),
    );
}

function placed(word: string, places: Readonly<Record<string, string>>): string {
  return Object.entries(places).reduce((text, [sample, real]) => text.replace(sample, real), word);
}
