import { RepackError } from '../../base/errors.js';
import { notDeclared } from './resolve-label.js';
import type { Declared } from './types.js';

/**
 * The labels that are meant, in the file's order: by name, or by a pattern with `*` and `?` in it; without any, all of them.
 * @throws RepackError E_USAGE: one that is no declared label, a pattern that fits none, no label declared
 */
export function selectLabels(
  declared: Declared | undefined,
  names: readonly string[] | 'all',
  file?: string,
): string[] {
  const labels = [...(declared?.labels.keys() ?? [])];
  if (names === 'all') {
    if (labels.length > 0) return labels;
    throw new RepackError('E_USAGE', {
      what: 'No label is declared',
      where: declared?.file ?? file ?? '--all',
      hint: 'Declare them below labels: in ROOT/repackenv.yml; repackenv init writes them down for the folders that are there.',
    });
  }
  const meant = new Set(names.flatMap((name) => labelsOf(name, labels, declared, file)));
  return labels.filter((label) => meant.has(label));
}

function labelsOf(name: string, labels: readonly string[], declared: Declared | undefined, file?: string): string[] {
  if (!/[*?]/.test(name)) {
    if (labels.includes(name)) return [name];
    throw notDeclared(name, declared, file);
  }
  const source = name.replaceAll(/[^A-Za-z0-9]/g, (char) => (char === '*' ? '.*' : char === '?' ? '.' : `\\${char}`));
  const found = labels.filter((label) => new RegExp(`^${source}$`).test(label));
  if (found.length > 0) return found;
  throw new RepackError('E_USAGE', {
    what: `No declared label fits "${name}"`,
    where: declared?.file ?? 'command line',
    hint: 'repackenv labels shows those there are. For a package say --label LABEL.',
  });
}
