import { describe, expect, it } from 'vitest';
import { deltaHeader } from '../../../../src/media/set/changes.js';
import type { Manifest } from '../../../../src/channel/manifest/manifest.js';

describe('deltaHeader', () => {
  const manifest = (generation: number, files: Record<string, string>): { manifest: Manifest; sha256: string } => ({
    manifest: {
      label: 'main',
      generation,
      files: Object.entries(files).map(([path, sha256]) => ({ path, sha256 })),
    } as unknown as Manifest,
    sha256: String(generation).repeat(64),
  });

  it('names what came, changed and went, from one manifest to the other', () => {
    const base = manifest(1, { 'noarch/a': '1', 'noarch/b': '2', 'noarch/c': '3' });
    const target = manifest(2, { 'noarch/d': '4', 'noarch/b': '5', 'noarch/c': '3' });
    expect(deltaHeader(base, target)).toMatchObject({
      base: { generation: 1, manifest_sha256: base.sha256 },
      generation: 2,
      added: ['noarch/d'],
      changed: ['noarch/b'],
      removed: ['noarch/a'],
    });
    expect(deltaHeader(undefined, target)).toMatchObject({
      base: null,
      added: ['noarch/b', 'noarch/c', 'noarch/d'],
      removed: [],
    });
  });
});
