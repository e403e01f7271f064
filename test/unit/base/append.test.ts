import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { PROJECT_ROOT } from '../../../scripts/lib/layers.js';
import { append } from '../../../src/base/append.js';

it('M11 takes lists that no call could take as arguments', () => {
  const list = [1];
  append(
    list,
    Array.from({ length: 300_000 }, (_, at) => at),
    new Set([7]),
  );
  expect([list.length, list.at(-1)]).toEqual([300_002, 7]);
});

it('M11 nothing in src spreads a list into push', () => {
  const files = readdirSync(join(PROJECT_ROOT, 'src'), { recursive: true, encoding: 'utf8' });
  const found = files.filter(
    (file) =>
      file.endsWith('.ts') &&
      file !== join('base', 'append.ts') &&
      /\.(push|unshift)\(\s*\.\.\./.test(readFileSync(join(PROJECT_ROOT, 'src', file), 'utf8')),
  );
  expect(found).toEqual([]);
});
