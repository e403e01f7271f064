import { describe, expect, it } from 'vitest';
import { fits, MOST_GENERATIONS_AHEAD, type FolderState, type SetEnds } from '../../../../src/media/import/fits.js';

const claim = (generation: number): SetEnds => ({
  name: 'acme-full',
  generation,
  manifest_sha256: 'b'.repeat(64),
  base: null,
  subdirs: ['noarch'],
});
const standing = (generation: number | undefined): FolderState => ({
  dir: '/srv/acme',
  manifest: generation === undefined ? undefined : { generation, previous: null, subdirs: ['noarch'] },
  manifestSha256: generation === undefined ? undefined : 'a'.repeat(64),
});

describe('G8 a generation out of all proportion', () => {
  it.each([
    [Number.MAX_SAFE_INTEGER, 3],
    [Number.MAX_SAFE_INTEGER, undefined],
    [MOST_GENERATIONS_AHEAD + 4, 3],
    [MOST_GENERATIONS_AHEAD + 1, undefined],
  ])('%i over %s is refused, unless allowed', (next, now) => {
    for (const command of ['import', 'merge'] as const)
      expect(() => fits(claim(next), standing(now), { allowRollback: false, command })).toThrow(/E_ROLLBACK/);
    expect(fits(claim(next), standing(now), { allowRollback: true, command: 'import' })).toBe('forward');
  });

  it.each([
    [MOST_GENERATIONS_AHEAD + 3, 3],
    [MOST_GENERATIONS_AHEAD, undefined],
    [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER - 1],
  ])('%i over %s is taken', (next, now) => {
    expect(fits(claim(next), standing(now), { allowRollback: false, command: 'import' })).toBe('forward');
  });
});
