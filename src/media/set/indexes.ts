import { splitPath } from '../../conda/channel/names.js';
import { isFormOf } from '../../channel/index/forms.js';
import { checkIndex, type IndexCheck } from '../../channel/check/index-rules.js';
import type { Rule, Violation } from '../../channel/check/rules.js';
import { isRepackError, RepackError } from '../../base/errors.js';
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
  const artifacts = new Map([...target.files].filter(([, { kind }]) => kind === 'artifact'));
  for (const [path, bytes] of indexes) {
    const plain = indexes.get(path.replace(/\.(zst|bz2)$/, ''));
    try {
      if (path.endsWith('.json')) {
        const problem = indexProblem(artifacts, path, scanRepodata(bytes, path));
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

/** What a rule found between index and manifest, as said of a set. */
const SAID: Partial<Record<Rule, (fn: string, values: Violation['values']) => string>> = {
  'file-missing': (fn) => `names ${fn}, which the manifest does not have`,
  'size-differs': (fn) => `has another size for ${fn}`,
  'digest-differs': (fn, { algorithm }) => `has another ${algorithm} for ${fn}`,
  'record-digest': (fn) => `has another record for ${fn} than the manifest knows`,
};

function indexProblem(files: IndexCheck['files'], path: string, index: RepodataIndex): string | undefined {
  if (index.repodataVersion !== 1) return `${path} is of version ${index.repodataVersion}`;
  const found = checkIndex(index, { subdir: splitPath(path)[0], files, depth: 'records' });
  const [first] = found;
  if (first === undefined) return undefined;
  // Of another file everything differs: its digest says most.
  const { rule, subject, values } =
    found.find((each) => each.subject === first.subject && each.rule === 'digest-differs') ?? first;
  return `${path} ${SAID[rule]?.(splitPath(subject)[1], values) ?? `lacks ${subject}`}`;
}
