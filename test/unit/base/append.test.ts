import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { PROJECT_ROOT } from '../../../scripts/lib/layers.js';
import { largest } from '../../../src/base/largest.js';
import { edits } from '../../../src/base/nearest.js';
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

it('M11 the largest of as many, and two names that are as long', () => {
  expect(largest(Array.from({ length: 300_000 }, (_, at) => at))).toBe(299_999);
  expect(largest([])).toBe(0);
  const [a, b] = ['a', 'b'].map((letter) => letter.repeat(300_000));
  expect(edits(a!, b!, 2)).toBe(3);
});

it('M11 nothing in src spreads a list into the arguments of a call that takes any number', () => {
  const files = readdirSync(join(PROJECT_ROOT, 'src'), { recursive: true, encoding: 'utf8' });
  const found = files.filter(
    (file) =>
      file.endsWith('.ts') &&
      // They say in their docstrings what they are there for.
      !/^base.(append|largest)\.ts$/.test(file) &&
      /(\.(push|unshift|concat|fromCharCode|fromCodePoint)\(|Math\.(max|min)\(([\w.]+,\s*)*)\s*\.\.\./.test(
        readFileSync(join(PROJECT_ROOT, 'src', file), 'utf8'),
      ),
  );
  expect(found).toEqual([]);
});
