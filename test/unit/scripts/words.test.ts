import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { PROJECT_ROOT } from '../../../scripts/lib/layers.js';

/** Names that needed a key. */
const GONE = /\b(Workshop|SealedHouse|RepodataBook|Glance|Sight|Standing|Catalogue|wayOf)\b/;

it('the glossary has at most 25 words, and names that need a key do not come back', () => {
  const page = readFileSync(join(PROJECT_ROOT, 'CONTRIBUTING.md'), 'utf8');
  const words = page.split('## Words')[1]!.split('\n## ')[0]!;
  expect(words.match(/^\| (?!word |---)/gm)!.length).toBeLessThanOrEqual(25);
  const sources = readdirSync(join(PROJECT_ROOT, 'src'), { recursive: true, encoding: 'utf8' });
  const named = sources
    .filter((file) => file.endsWith('.ts'))
    .filter((file) => GONE.test(readFileSync(join(PROJECT_ROOT, 'src', file), 'utf8')));
  expect(named).toEqual([]);
});
