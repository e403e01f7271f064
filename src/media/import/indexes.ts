import { splitPath } from '../../conda/channel/names.js';
import { sha256Of } from '../../codec/digests.js';
import { isFormOf } from '../../channel/index/forms.js';
import { isRepackError, RepackError } from '../../base/errors.js';
import { canonicalJson } from '../../base/json.js';
import { scanRepodata } from '../../conda/record/repodata-scan.js';
import type { RepodataIndex } from '../../conda/record/repodata-index.js';
import type { Target } from './target.js';

/**
 * Index = manifest, for the indexes that are at hand (by path): every artifact of the subdir with its record and digest and no other, and
 * all forms of an index the same. Without it an index could be published that names what is not there (design D6).
 *
 * @throws RepackError E_MEDIUM
 */
export async function checkIndexes({
  target,
  indexes,
  where,
}: {
  target: Target;
  indexes: ReadonlyMap<string, Uint8Array>;
  where: string;
}): Promise<void> {
  const refuse = (problem: string, cause?: unknown): RepackError =>
    new RepackError('E_MEDIUM', {
      what: `The set contradicts itself: ${problem}`,
      where,
      hint: 'Nothing was written. Ask the sender to verify the folder (repackenv verify) and to export it again.',
      cause,
    });
  for (const [path, bytes] of indexes) {
    const plain = indexes.get(path.replace(/\.(zst|bz2)$/, ''));
    try {
      if (path.endsWith('.json')) {
        const problem = indexProblem(target, path, scanRepodata(bytes, path));
        if (problem !== undefined) throw refuse(problem);
      } else if (plain !== undefined && !(await isFormOf(path, bytes, plain))) {
        throw refuse(`${path} is not the packed form of the index beside it`);
      }
    } catch (error) {
      if (!isRepackError(error) || error.code === 'E_MEDIUM') throw error;
      throw refuse(`${path} can't be read: ${error.what}`, error);
    }
  }
}

function indexProblem(target: Target, path: string, index: RepodataIndex): string | undefined {
  const subdir = splitPath(path)[0];
  if (index.repodataVersion !== 1) return `${path} is of version ${index.repodataVersion}`;
  let named = 0;
  for (const fn of index.allFilenames()) {
    const file = target.files.get(`${subdir}/${fn}`);
    if (file === undefined || file.kind !== 'artifact') return `${path} names ${fn}, which the manifest does not have`;
    const record = index.record(fn)!;
    if (record.sha256 !== undefined && record.sha256 !== file.sha256) return `${path} has another sha256 for ${fn}`;
    if (record.md5 !== undefined && record.md5 !== file.md5) return `${path} has another md5 for ${fn}`;
    if (record.size !== undefined && record.size !== file.size) return `${path} has another size for ${fn}`;
    if (file.record !== undefined && sha256Of(canonicalJson(record)) !== file.record) {
      return `${path} has another record for ${fn} than the manifest knows`;
    }
    named += 1;
  }
  const artifacts = [...target.files.values()].filter(
    (file) => file.kind === 'artifact' && file.path.startsWith(`${subdir}/`),
  );
  if (named === artifacts.length) return undefined;
  const lost = artifacts.find((file) => !index.has(file.path.slice(subdir.length + 1)));
  return `${path} lacks ${lost?.path ?? 'an artifact'}`;
}
