import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT_ROOT } from '../../scripts/lib/layers.js';

/**
 * Commands of the README's code blocks that begin with a word, as arguments, with the README's sample places replaced by real ones: what
 * a test runs is what a person would type.
 */
export function readmeCommands(program: string, places: Readonly<Record<string, string>>): string[][] {
  const text = readFileSync(join(PROJECT_ROOT, 'README.md'), 'utf8');
  const blocks = text.split(/^```.*\n/m).filter((_, i) => i % 2 === 1);
  return blocks
    .flatMap((block) => block.split('\n'))
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
