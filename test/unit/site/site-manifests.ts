import { digest } from '../../../scripts/lib/conda-package.js';
import type { SiteRecord } from '../../../src/site/write.js';
import type { Manifest } from '../../../src/channel/manifest/manifest.js';

/** `subdir/fn` and what the record of it needs. */
export type TinyRecord = readonly [path: string, depends?: readonly string[], constrains?: readonly string[]];

export interface TinySite {
  manifest: Manifest;
  records: SiteRecord[];
}

/** The manifest and records of a label whose artifacts are their own names. */
export function tinySite(
  list: readonly TinyRecord[],
  { specs = ['app'], client = null as string | null, generation = 3 } = {},
): TinySite {
  const records = list.map(([path, depends = [], constrains = []]): SiteRecord => {
    const [subdir, fn] = path.split('/') as [string, string];
    const [, name, version, build] = /^(.+)-([^-]+)-([^-]+?)\.(?:conda|tar\.bz2)$/.exec(fn)!;
    const number = Number(/([0-9]+)$/.exec(build!)?.[1] ?? 0);
    return {
      subdir,
      fn,
      record: {
        name: name!,
        version: version!,
        build: build!,
        build_number: number,
        depends: [...depends],
        constrains: [...constrains],
        subdir,
      },
    };
  });
  const subdirs = [...new Set(['noarch', ...records.map(({ subdir }) => subdir)])].sort();
  const paths = [
    ...records.map(({ subdir, fn }) => `${subdir}/${fn}`),
    ...subdirs.flatMap((subdir) => [`${subdir}/repodata.json`, `${subdir}/repodata.json.zst`]),
  ].sort();
  return {
    records,
    manifest: {
      schema: 1,
      label: 'acme',
      generation,
      previous: null,
      specs: [...specs],
      channels: ['https://conda.anaconda.org/acme'],
      subdirs,
      profiles: subdirs
        .filter((subdir) => subdir !== 'noarch')
        .map((subdir) => ({
          subdir,
          virtual_packages: (subdir.startsWith('win') ? ['__win'] : ['__glibc', '__unix']).map((name) => ({
            name,
            version: '2.28',
            build: '0',
          })),
          client,
        })),
      files: paths.map((path) => ({
        path,
        kind: path.includes('/repodata') ? 'index' : 'artifact',
        size: path.length,
        sha256: digest('sha256', path),
        md5: digest('md5', path),
      })),
    },
  };
}

/** The lines behind `@EXPLICIT`, without digests and comments. */
export function lockedPaths(text: string): string[] {
  return text
    .slice(text.indexOf('@EXPLICIT\n') + 10)
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.replace('file:///CHANNEL-FOLDER/', '').replace(/#.*/, ''));
}
