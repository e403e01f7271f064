import { INDEX_NAMES, type Manifest } from '../manifest/manifest.js';
import { openDependencies } from '../../conda/record/open-dependencies.js';
import { namesInV3 } from '../../conda/record/repodata-document.js';
import { documentParts } from '../index/document.js';
import type { Folder } from '../read/read-folder.js';
import type { Indexes } from '../read/read-indexes.js';
import { violation } from './rules.js';
import type { Violation } from './rules.js';

const SHOWN = 3;

/**
 * What the records of a channel that others made need and nothing in it satisfies: one violation, with the first few and a count. No manifest
 * says there whether the channel is to be used alone. Nothing where an index was not read, or has records in a form that is not judged.
 */
export function checkDependencies({
  folder,
  indexes,
  manifest,
}: {
  folder: Folder;
  indexes: Indexes;
  manifest: Manifest | undefined;
}): Violation[] {
  if (manifest !== undefined || folder.subdirs.some((subdir) => !indexes.has(subdir))) return [];
  const unread = folder.subdirs.some((subdir) => {
    const parts = documentParts(folder.files.get(`${subdir}/${INDEX_NAMES[0]}`)!.bytes!);
    return namesInV3(parts?.get('v3')).length > 0;
  });
  if (unread) return [];
  const files = [...indexes].flatMap(([subdir, index]) =>
    [...index.allFilenames()].map((fn) => ({
      subdir,
      fn,
      get record() {
        return index.record(fn)!;
      },
    })),
  );
  const [first, ...others] = openDependencies(files);
  if (first === undefined) return [];
  const shown = others.slice(0, SHOWN - 1).map(({ path, depends }) => `${path} "${depends}"`);
  const values = { depends: first.depends, more: others.length, shown: shown.join(', ') };
  return [violation('open-dependencies', first.path, values)];
}
