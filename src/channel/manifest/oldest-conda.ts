import { splitPath } from '../../conda/channel/names.js';
import { INDEX_NAMES } from './manifest.js';

export type OldestConda = '4.3' | '4.4' | '4.7';

/**
 * The oldest conda that reads a channel of these files: `.conda` packages need 4.7, the first that has conda-package-handling; 4.3 asks for
 * `repodata.json.bz2` only, from 4.4 on `repodata.json` will do. Compressions besides (zstd, shards) keep nobody out.
 */
export function oldestConda(files: Iterable<{ path: string }>): OldestConda {
  const plain = new Set<string>();
  const packed = new Set<string>();
  for (const { path } of files) {
    if (path.endsWith('.conda')) return '4.7';
    const [subdir, name] = splitPath(path);
    if (name === INDEX_NAMES[0]) plain.add(subdir);
    if (name === INDEX_NAMES[2]) packed.add(subdir);
  }
  return [...plain].every((subdir) => packed.has(subdir)) ? '4.3' : '4.4';
}
