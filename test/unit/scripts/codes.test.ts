import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { PROJECT_ROOT } from '../../../scripts/lib/layers.js';
import { ERROR_EXIT } from '../../../src/base/errors.js';
import { RULES } from '../../../src/channel/check/rules.js';

function textOf(folder: string, end: string): string {
  return readdirSync(join(PROJECT_ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith(end) && !file.endsWith('codes.test.ts'))
    .map((file) => readFileSync(join(PROJECT_ROOT, folder, file), 'utf8'))
    .join('\n');
}

const source = textOf('src', '.ts');
const tests = textOf('test', '.test.ts');
const inTests = (code: string): boolean => new RegExp(`(?<![\\w-])${code}(?![\\w-])`).test(tests);

it('each code of an error stands in a test', () => {
  expect(Object.keys(ERROR_EXIT).filter((code) => !inTests(code))).toEqual([]);
});

it('each code of a finding stands in a test', () => {
  const codes = [...source.matchAll(/(?:\bcode: |\b(?:tell|warn|note)\(\s*)'([a-z0-9-]+)'/g)].map(([, code]) => code!);
  expect(codes.length).toBeGreaterThan(40);
  expect([...new Set(codes)].filter((code) => !inTests(code))).toEqual([]);
});

it('each rule of a channel folder stands in a test, by its code or, where no code is shown, in its words', () => {
  const shown = (text: unknown): boolean =>
    String(text)
      .split(/\{\w+\}/)
      .some((piece) => piece.length > 8 && tests.includes(piece));
  expect(Object.entries(RULES).flatMap(([code, { text }]) => (inTests(code) || shown(text) ? [] : [code]))).toEqual([]);
});

it('a finding is emitted by emitFindings, and no other way', () => {
  // Its type, the function itself, and the reporter, which shows what the report holds and nobody has shown.
  expect([...source.matchAll(/type: 'finding'/g)]).toHaveLength(3);
  expect(source).toContain("rt.events.emit({ type: 'finding', finding })");
});
