import { formatOf, parseDistFilename } from '../conda/channel/names.js';

/**
 * Whether `--replace` accepts changed bytes of the artifact at `path` (`linux-64/numpy-1.26.4-py39_0.conda`): it names the path, the
 * file or the package, or it is `all`.
 */
export function replaceCovers(replace: readonly string[], path: string): boolean {
  const fn = path.slice(path.lastIndexOf('/') + 1);
  const name = formatOf(fn) === undefined ? undefined : parseDistFilename(fn).name;
  return replace.some((each) => each === 'all' || each === path || each === fn || each === name);
}
