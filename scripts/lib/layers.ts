import { existsSync, readFileSync } from 'node:fs';
import { delimiter, dirname, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Programs and upstreams of others that tests run against; what each is, `scripts/install-layers.mjs` and `make-upstream.ts` say. */
export type LayerName =
  | 'conda43'
  | 'py-rattler'
  | 'rsync'
  | 'ssh-keygen'
  | 'sshd'
  | 'versitygw'
  | 'redis'
  | 'nginx'
  | 'busybox'
  | 'browser'
  | 'node24'
  | 'wine'
  | 'mamba'
  | 'conda'
  | 'conda-mirror'
  | 'conda-lock'
  | 'python39'
  | 'real-indexes'
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
  'conda-mirror': 'npm run layers -- --bench',
  conda: 'name a conda with several solvers in REPACKENV_TEST_CONDA (22.11 or newer)',
  mamba: 'have micromamba on PATH, or name one (or a mamba 2) in REPACKENV_TEST_MAMBA',
  'real-indexes': 'real channel indexes are looked for in ../shared/data/repodata, and are not part of this project',
  'upstream-mixed': 'npm run upstream',
  'upstream-bz2': 'npm run upstream',
};

/** Whether a layer is installed, and where. */
export function findLayer(name: LayerName): Layer {
  const path = pathOf(name);
  if (path !== undefined) return { name, available: true, path };
  return { name, available: false, why: `not installed: ${HOW[name] ?? 'npm run layers'}` };
}

/** As `findLayer`, for a script that can't go on without. */
export function requireLayer(name: LayerName): string {
  const layer = findLayer(name);
  if (layer.available) return layer.path;
  throw new Error(`${name} is ${layer.why}`);
}

function pathOf(name: LayerName): string | undefined {
  if (name === 'mamba') return mambaOfThisMachine();
  if (name === 'conda') return existing(process.env['REPACKENV_TEST_CONDA'] ?? '');
  if (name === 'ssh-keygen') return onPath(process.platform === 'win32' ? 'ssh-keygen.exe' : 'ssh-keygen');
  if (name === 'real-indexes') return existing(join(PROJECT_ROOT, '..', 'shared', 'data', 'repodata'));
  return name.startsWith('upstream-') ? upstreamPath(name.slice('upstream-'.length)) : installedPath(name);
}

/** No registry of ours has one: it is used where it is at hand. */
function mambaOfThisMachine(): string | undefined {
  const named = process.env['REPACKENV_TEST_MAMBA'];
  return named === undefined || named === '' ? onPath('micromamba') : existing(named);
}

/** The first of this name on PATH; on Windows with its `.exe`. */
export function onPath(program: string): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return folders.map((folder) => join(folder, program)).find((path) => existing(path) !== undefined);
}

function existing(path: string): string | undefined {
  return isAbsolute(path) && existsSync(path) ? path : undefined;
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
