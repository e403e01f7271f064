import type { Channel, Subdir } from '../../../src/conda/channel/channel.js';
import { scanRepodata } from '../../../src/conda/record/repodata-scan.js';
import { parseMirrorText } from '../../../src/config/mirror-file/read.js';
import { selectForMirror } from '../../../src/mirror/select/select.js';
import type { MirrorSource, Selection } from '../../../src/mirror/select/select.js';
import type { MirrorFilter } from '../../../src/config/mirror-file/filter.js';

export const channel = (name: string): Channel => ({
  url: `https://example.org/${name}`,
  name,
  authenticated: false,
  role: 'base',
});

export interface SampleRecord {
  subdir?: Subdir;
  depends?: string[];
  [key: string]: unknown;
}

/** `name-version-build` with its record's other keys; `.conda` unless the name has an ending. */
export type Sample = Readonly<Record<string, SampleRecord>>;

/** One source for each subdir of a channel. */
export function sourcesOf(of: Channel, sample: Sample): MirrorSource[] {
  const bySubdir = new Map<Subdir, Record<string, object>[]>();
  for (const [stem, extra] of Object.entries(sample)) {
    const { subdir = 'linux-64', ...rest } = extra;
    const fn = /\.(conda|tar\.bz2)$/.test(stem) ? stem : `${stem}.conda`;
    const [, name, version, build] = /^(.+)-([^-]+)-([^-]+?)\.(?:conda|tar\.bz2)$/.exec(fn)!;
    const record = {
      name,
      version,
      build,
      build_number: 0,
      depends: [],
      sha256: digest(`${fn} ${subdir}`),
      size: 1,
      subdir,
      ...rest,
    };
    const parts = bySubdir.get(subdir) ?? [{}, {}];
    bySubdir.set(subdir, parts);
    parts[fn.endsWith('.conda') ? 1 : 0]![fn] = record;
  }
  return [...bySubdir].map(([subdir, [old, modern]]) => {
    const document = { info: { subdir }, packages: old, 'packages.conda': modern, repodata_version: 1 };
    return {
      channel: of,
      subdir,
      index: scanRepodata(new TextEncoder().encode(JSON.stringify(document)), `${of.url}/${subdir}`),
    };
  });
}

/** The filter of a mirror file's text. */
export function filterOf(text: string): MirrorFilter {
  return parseMirrorText(`mirror_dir: /srv/m/main\n${text}`, 'mirror.yml').filter;
}

/** Names without extension of what a mirror file's text picks, sorted. */
export function pickedFrom(sources: readonly MirrorSource[], text: string): string[] {
  return stems(selectForMirror({ sources, filter: filterOf(text) }));
}

export function stems(selection: Pick<Selection, 'picked'>): string[] {
  return selection.picked.map(({ fn }) => fn.replace(/\.conda$/, '')).sort();
}

function digest(text: string): string {
  let value = 7;
  for (const char of text) value = (Math.imul(value, 31) + char.codePointAt(0)!) >>> 0;
  return value.toString(16).padStart(8, '0').repeat(8);
}
