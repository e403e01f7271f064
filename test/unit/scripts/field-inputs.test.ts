import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { PROJECT_ROOT } from '../../../scripts/lib/layers.js';

it('each row of test/field-inputs.md stands in the name of a test', () => {
  const table = readFileSync(join(PROJECT_ROOT, 'test/field-inputs.md'), 'utf8');
  const rows = [...table.matchAll(/^\| ([a-z-]+)#(\d+) \|/gm)].map(([, program, number]) => ({
    program: program!,
    id: `${program}#${number}`,
  }));
  expect(rows.length).toBeGreaterThanOrEqual(30);
  expect(new Set(rows.map(({ program }) => program)).size).toBeGreaterThanOrEqual(10);
  const tests = readdirSync(join(PROJECT_ROOT, 'test'), { recursive: true, encoding: 'utf8' })
    .filter((path) => /(?:^|[/\\])field-(?!inputs)[^/\\]*\.test\.ts$/.test(path))
    .map((path) => readFileSync(join(PROJECT_ROOT, 'test', path), 'utf8'))
    .join('\n');
  const named = new Set([...tests.matchAll(/(?:['"`]|field: )([a-z-]+#\d+)\b/g)].map(([, id]) => id!));
  expect(rows.map(({ id }) => id).filter((id) => !named.has(id))).toEqual([]);
  expect([...named].filter((id) => !rows.some((row) => row.id === id))).toEqual([]);
});
