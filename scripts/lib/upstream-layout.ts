import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * How an upstream lies on disk: `<dir>/upstream.json` (this), `<dir>/gen1/…`, `<dir>/gen2/…`; below each generation one folder a
 * channel view, and every folder is a complete channel of its own, so `file://` reads it too.
 */
export type UpstreamLayout = {
  schemaVersion: 1;
  /** `mixed`, `bz2` or `sample`. */
  kind: string;
  owner: string;
  label: string;
  generations: number[];
  channels: UpstreamChannel[];
};

type UpstreamChannel = {
  /** Identity: the path of the URL without token, `prometeia/label/halkbank`. */
  path: string;
  /** Folder below `gen<N>/` that is shown without a token; null: 404. */
  publicFolder: string | null;
  /** Folder that is shown below `/t/TOKEN/`; null: the public one. */
  tokenFolder: string | null;
};

export const OWNER = 'prometeia';
export const LABEL = 'halkbank';
export const BASE_CHANNEL = 'pkgs/main';

/** The channels of every upstream here: base, owner (more of it with a token), label (only with a token). */
export function standardLayout(kind: string, generations: number[]): UpstreamLayout {
  return {
    schemaVersion: 1,
    kind,
    owner: OWNER,
    label: LABEL,
    generations,
    channels: [
      { path: BASE_CHANNEL, publicFolder: BASE_CHANNEL, tokenFolder: null },
      { path: OWNER, publicFolder: OWNER, tokenFolder: `private/${OWNER}` },
      { path: `${OWNER}/label/${LABEL}`, publicFolder: null, tokenFolder: `label/${LABEL}` },
    ],
  };
}

export function writeLayout(dir: string, layout: UpstreamLayout): void {
  writeFileSync(join(dir, 'upstream.json'), `${JSON.stringify(layout, undefined, 2)}\n`);
}

/** Throws when the folder holds no upstream. */
export function readLayout(dir: string): UpstreamLayout {
  const path = join(dir, 'upstream.json');
  const layout = JSON.parse(readFileSync(path, 'utf8')) as UpstreamLayout;
  if (layout.schemaVersion !== 1) throw new Error(`${path}: schemaVersion ${String(layout.schemaVersion)}, expected 1`);
  return layout;
}
