import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isInShard, parseShard } from '../../../../src/config/labels/shard.js';

it('each label is in exactly one part, whatever others there are', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.integer({ min: 1, max: 40 }), (label, of) => {
      const parts = Array.from({ length: of }, (_, at) => parseShard(`${at + 1}/${of}`));
      expect(parts.filter((shard) => isInShard(label, shard))).toHaveLength(1);
    }),
  );
});

it('parts are about equal, and stay what they were in an earlier version', () => {
  const labels = Array.from({ length: 1000 }, (_, n) => `bank-${n}`);
  const sizes = [1, 2, 3, 4, 5, 6, 7, 8].map(
    (part) => labels.filter((label) => isInShard(label, parseShard(`${part}/8`))).length,
  );
  expect(Math.min(...sizes)).toBeGreaterThan(90);
  expect(Math.max(...sizes)).toBeLessThan(160);
  expect(
    ['halkbank', 'ziraat', 'garanti'].map((label) =>
      [1, 2, 3, 4, 5, 6, 7, 8].find((part) => isInShard(label, parseShard(`${part}/8`))),
    ),
  ).toEqual([8, 3, 1]);
});

it.each(['', '3', '0/8', '9/8', '1/0', '-1/8', '1/8/2', 'a/b', '1.5/8', '01/8', '1/10001', '1/99999'])(
  '--shard %j is refused',
  (text) => {
    expect(() => parseShard(text)).toThrow('--shard takes K/N');
  },
);
