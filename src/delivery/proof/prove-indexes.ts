import { join } from 'node:path';
import { isFormOf } from '../../channel/index/forms.js';
import { violation, type Violation } from '../../channel/check/rules.js';
import type { ReadRuntime } from '../../channel/read/read-folder.js';
import type { LiveFolder, StagedFile } from '../../channel/staged.js';
import { isMissing } from '../../base/fs-errors.js';
import { splitPath } from '../../conda/channel/names.js';
import { checkReadBack, disproven, scanned } from './prove-consistent.js';

export interface IndexProofInput {
  staged: { dir: string; files: readonly StagedFile[]; leaving: readonly string[] };
  live: LiveFolder;
}

/**
 * The proof of new indexes in a folder that others made: each read back, its forms of one content, and nothing that leaves is named by what
 * is there afterwards. That every file named is there is not asked: the folder may never have been so. Throws E_PROOF.
 */
export async function proveIndexes(rt: ReadRuntime, { staged, live }: IndexProofInput): Promise<void> {
  const failed: Violation[] = await checkReadBack(rt, staged.dir, staged.files);
  const leaving = new Set(staged.leaving);
  const subdirs = new Set(
    [...staged.files, ...staged.leaving.map((path) => ({ path }))].map(({ path }) => splitPath(path)[0]),
  );
  for (const subdir of subdirs) {
    const path = `${subdir}/repodata.json`;
    const isNew = staged.files.some((file) => file.path === path);
    if (leaving.has(path)) continue;
    const json = await rt.fs.readFile(join(isNew ? staged.dir : live.dir, path)).catch((error: unknown) => {
      if (isMissing(error)) return undefined;
      throw error;
    });
    if (json === undefined) continue;
    const index = scanned(path, json);
    if ('rule' in index) failed.push(index);
    else
      for (const fn of index.allFilenames())
        if (leaving.has(`${subdir}/${fn}`)) failed.push(violation('file-missing', `${subdir}/${fn}`));
    for (const form of staged.files.filter((file) => file.path !== path && file.path.startsWith(path)))
      if (!(await isFormOf(form.path, await rt.fs.readFile(join(staged.dir, form.path)), json)))
        failed.push(violation('form-differs', form.path));
  }
  if (failed.length > 0) throw disproven(`The repair of ${live.dir}`, staged.dir, failed);
}
