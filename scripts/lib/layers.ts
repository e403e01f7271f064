import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Programs and upstreams of others that tests run against; what each is, `scripts/install-layers.mjs` and `make-upstream.ts` say. */
export type LayerName =
  | 'conda43'
  | 'py-rattler'
  | 'rsync'
  | 'node24'
  | 'wine'
  | 'python39'
  | 'upstream-mixed'
  | 'upstream-bz2';

export type Layer =
  /** `path`: the program (`py-rattler`: the Python that has it), or the upstream's folder. */
  { name: LayerName; available: true; path: string } | { name: LayerName; available: false; why: string };

/** The checkout, from a source file as well as from a built one. */
export const PROJECT_ROOT = rootAbove(dirname(fileURLToPath(import.meta.url)));

export const LAYERS_DIR = join(PROJECT_ROOT, '.layers');

const HOW: Partial<Record<LayerName, string>> = {
  node24: 'npm run layers -- --node24',
  wine: 'npm run layers -- --wine',
  'upstream-mixed': 'npm run upstream',
  'upstream-bz2': 'npm run upstream',
};

/** Whether a layer is installed, and where. */
export function findLayer(name: LayerName): Layer {
  const path = name.startsWith('upstream-') ? upstreamPath(name.slice('upstream-'.length)) : installedPath(name);
  if (path !== undefined) return { name, available: true, path };
  return { name, available: false, why: `not installed: ${HOW[name] ?? 'npm run layers'}` };
}

/** As `findLayer`, for a script that can't go on without. */
export function requireLayer(name: LayerName): string {
  const layer = findLayer(name);
  if (layer.available) return layer.path;
  throw new Error(`${name} is ${layer.why}`);
}

function upstreamPath(kind: string): string | undefined {
  const dir = join(LAYERS_DIR, 'upstream', kind);
  return existsSync(join(dir, 'upstream.json')) ? dir : undefined;
}

function installedPath(name: LayerName): string | undefined {
  const stamp = join(LAYERS_DIR, `${name}.json`);
  if (!existsSync(stamp)) return undefined;
  const { path } = JSON.parse(readFileSync(stamp, 'utf8')) as { path: string };
  return existsSync(path) ? path : undefined;
}

function rootAbove(dir: string): string {
  return existsSync(join(dir, 'package-lock.json')) ? dir : rootAbove(dirname(dir));
}
