import { describe, it } from 'vitest';
import { findLayer, type LayerName } from '../../scripts/lib/layers.js';

/** The layers that tests ask for. */
const TITLES: Partial<Record<LayerName, string>> = {
  conda43: 'conda 4.3.16',
  'py-rattler': 'py-rattler',
  'conda-lock': 'conda-lock',
  rsync: 'rsync',
  sshd: 'sshd',
  versitygw: 'versitygw (S3)',
  redis: 'Redis',
  busybox: 'busybox',
  nginx: 'nginx',
  'ssh-keygen': 'ssh-keygen',
  browser: 'browser (chromium)',
  'real-indexes': 'real indexes',
  wine: 'wine',
  mamba: 'mamba or micromamba',
  'upstream-mixed': 'real upstream "mixed"',
  'upstream-bz2': 'real upstream "bz2"',
};

/** One line for each layer whose tests this run skips. */
export function skippedLayers(): string[] {
  const names = Object.keys(TITLES) as LayerName[];
  return names
    .map(findLayer)
    .flatMap((each) => (each.available ? [] : [`${TITLES[each.name]} layer skipped: ${each.why}`]));
}

/** The path of a layer that `describeWithLayers` has found. */
export function layerPath(name: LayerName): string {
  const found = findLayer(name);
  if (!found.available) throw new Error(`${name} is ${found.why}`);
  return found.path;
}

/**
 * A `describe` that is skipped where a layer is missing, and fails there when the layer (or `all`) is listed in
 * REPACKENV_REQUIRE_LAYERS.
 *
 *     describeWithLayers(['conda43', 'upstream-bz2'], 'conda 4.3.16 as an offline client', () => { … layerPath('conda43') … });
 */
export function describeWithLayers(names: readonly LayerName[], title: string, body: () => void): void {
  const missing = names.map(findLayer).filter((each) => !each.available);
  if (missing.length === 0) {
    describe(title, body);
    return;
  }
  // The body stays out: vitest runs that of a skipped describe too, and it may ask for a layer's path.
  const required = new Set((process.env['REPACKENV_REQUIRE_LAYERS'] ?? '').split(','));
  const why = missing.map((each) => `${each.name} is ${each.why}`).join('; ');
  const fails = missing.some((each) => required.has(each.name) || required.has('all'));
  describe(title, () => {
    it.skipIf(!fails)('has its layers', () => {
      throw new Error(why);
    });
  });
}
