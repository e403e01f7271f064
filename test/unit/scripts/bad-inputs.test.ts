import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { PROJECT_ROOT } from '../../../scripts/lib/layers.js';

it('each row of test/bad-inputs.md stands in the name of a test', () => {
  const table = readFileSync(join(PROJECT_ROOT, 'test/bad-inputs.md'), 'utf8');
  const rows = [...table.matchAll(/^\| ([A-Z]\d+) \|/gm)].map(([, id]) => id!);
  expect(rows).toHaveLength(125);
  const tests = readdirSync(join(PROJECT_ROOT, 'test'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts') && !file.endsWith('bad-inputs.test.ts'))
    .map((file) => readFileSync(join(PROJECT_ROOT, 'test', file), 'utf8'))
    .join('\n');
  const named = (id: string): boolean => new RegExp(`['"\`\\s(]${id}\\b`).test(tests);
  expect(rows.filter((id) => !named(id))).toEqual([]);
});
