import { scanRepodata } from '../../../src/conda/record/repodata-scan.js';
import type { RepodataIndex } from '../../../src/conda/record/repodata-index.js';

/** A file name, what it depends on, and more keys of its record. */
export type Entry = [fn: string, depends: string[], extra?: object];

/** An index of these records for linux-64, each under the key of its format. */
export function indexOf(entries: readonly Entry[]): RepodataIndex {
  const records = (format: string) =>
    Object.fromEntries(
      entries
        .filter(([fn]) => fn.endsWith(format))
        .map(([fn, depends, extra]) => {
          const [name, version, build] = fn.replace(format, '').split('-');
          return [fn, { build, build_number: 0, depends, name, version, ...extra }];
        }),
    );
  const document = {
    info: { subdir: 'linux-64' },
    packages: records('.tar.bz2'),
    'packages.conda': records('.conda'),
    repodata_version: 1,
  };
  return scanRepodata(new TextEncoder().encode(JSON.stringify(document)), 'test');
}
