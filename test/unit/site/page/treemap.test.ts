import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { treemap } from '../../../../src/site/page/treemap.js';

describe('treemap', () => {
  it('gives areas as the sizes, that fill the picture and do not overlap', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 1_000_000 }), { minLength: 1, maxLength: 60 }), (bytes) => {
        const sizes = bytes.toSorted((a, b) => b - a).map((each, at) => ({ name: `p${at}`, bytes: each }));
        const total = bytes.reduce((sum, each) => sum + each, 0);
        const cells = treemap(sizes);
        expect(cells).toHaveLength(bytes.filter((each) => each > 0).length);
        for (const { bytes: each, width, height } of cells)
          expect(Math.abs((width * height) / 100 - (each / total) * 100)).toBeLessThan(1);
        for (const { x, y, width, height } of cells) {
          expect(Math.min(x, y, width, height)).toBeGreaterThanOrEqual(0);
          expect(Math.max(x + width, y + height)).toBeLessThan(100.1);
        }
        if (total > 0)
          expect(cells.reduce((sum, { width, height }) => sum + (width * height) / 100, 0)).toBeCloseTo(100, -0.5);
      }),
    );
  });

  it('makes them near to squares', () => {
    const cells = treemap([6, 6, 4, 3, 2, 2, 1].map((bytes, at) => ({ name: `${at}`, bytes })));
    for (const { width, height } of cells) {
      const ratio = width / (height * 0.4);
      expect(Math.max(ratio, 1 / ratio)).toBeLessThan(3);
    }
  });
});
