import { plural } from '../../base/plural.js';
import { append } from '../../base/append.js';
import { pathOf } from '../../conda/channel/names.js';
import { sha256Of } from '../../codec/digests.js';
import { RepackError } from '../../base/errors.js';
import { canonicalJson } from '../../base/json.js';
import { MANIFEST_NAME, SUMS_NAME } from '../../channel/manifest/manifest.js';
import { parseManifest } from '../../channel/manifest/read-manifest.js';
import type { RepackPlan } from '../../conda/plan/plan.js';
import type { PackageRecord } from '../../conda/record/records.js';
import type { Proof, StagedChannel } from '../../channel/staged.js';
import { checkClosure } from '../../channel/check/closure.js';
import { checkIndexesAgainstFiles } from '../../channel/check/index-rules.js';
import { checkSums, differences } from '../../channel/check/manifest-rules.js';
import { readFolder } from '../../channel/read/read-folder.js';
import type { Folder, ReadRuntime } from '../../channel/read/read-folder.js';
import { readIndexes } from '../../channel/read/read-indexes.js';
import type { Indexes } from '../../channel/read/read-indexes.js';
import type { EmbeddedSolver } from '../../engine/embedded/solver.js';
import type { EmbeddedRuntime } from '../../engine/embedded/solve.js';
import { solveAlone } from './solve-alone.js';
import { describe, violation } from '../../channel/check/rules.js';
import type { Violation } from '../../channel/check/rules.js';

export interface ProveInput {
  staged: StagedChannel;
  plan: RepackPlan;
  solver: EmbeddedSolver;
}

interface Evidence extends ProveInput {
  folder: Folder;
  indexes: Indexes;
}

/** What is proven, in the order it is reported; every check runs, whatever the others found. */
const CHECKS: readonly {
  name: string;
  detail: (evidence: Evidence) => string;
  run: (evidence: Evidence, rt: EmbeddedRuntime) => Violation[] | Promise<Violation[]>;
}[] = [
  {
    name: 'files',
    run: checkFiles,
    detail: ({ folder }) =>
      `${plural(folder.files.size, 'file')}, ${bytesOf(folder)} bytes read back, every size and digest as staged`,
  },
  {
    name: 'index',
    run: ({ folder, indexes }) => checkIndexesAgainstFiles(folder, indexes),
    detail: ({ indexes }) => `${plural(recordsIn(indexes), 'record')}, one for each artifact and no other`,
  },
  {
    name: 'plan',
    run: checkPlan,
    detail: ({ plan }) => `${plural(plan.artifacts.length, 'planned artifact')}, each with the record of its channel`,
  },
  {
    name: 'manifest',
    run: checkManifest,
    detail: ({ staged }) => `generation ${staged.manifest.generation}, manifest and ${SUMS_NAME} agree with the files`,
  },
  {
    name: 'closure',
    run: checkDependencies,
    detail: ({ plan }) => `every dependency is there on ${plan.solved.map(({ subdir }) => subdir).join(', ')}`,
  },
  {
    name: 'solve',
    run: checkSolves,
    detail: ({ plan }) => `${plan.specs.map((spec) => spec.text).join(', ')} can be installed from this folder alone`,
  },
];

/**
 * Proof before publish (design D9) of a staged channel: files, index and plan are one set; every file read back from disk; every record
 * that of its channel; closed under dependencies and solvable from the staged indexes alone, per subdir. Throws E_PROOF with
 * everything that failed, at once.
 */
export async function proveStaged(rt: ReadRuntime & EmbeddedRuntime, input: ProveInput): Promise<Proof> {
  const { staged } = input;
  const folder = await readFolder(rt, staged.dir, {
    manifest: staged.manifest,
    stated: new Map(staged.files.map((file) => [file.path, file])),
  });
  const { indexes, violations } = await readIndexes(folder, { needsZst: true });
  const evidence: Evidence = { ...input, folder, indexes };
  const failed = [...folder.violations, ...violations];
  const checks: Proof['checks'] = [];
  for (const { name, run, detail } of CHECKS) {
    const found = await run(evidence, rt);
    append(failed, found);
    checks.push({ name, detail: detail(evidence) });
  }
  if (failed.length === 0) return { checks };
  throw new RepackError('E_PROOF', {
    what: `The new channel of ${staged.label} failed its proof in ${failed.length} ${failed.length === 1 ? 'point' : 'points'}; nothing was published`,
    where: staged.dir,
    hint: 'Run it again. If it fails in the same way, the channel upstream (or the captured environment) is at fault, or this program is: report it with these lines.',
    details: [...new Set(failed.map(describe))],
  });
}

function checkFiles({ folder, staged }: Evidence): Violation[] {
  const found: Violation[] = [];
  const stated = new Map(staged.files.map((file) => [file.path, file]));
  for (const file of staged.files) {
    const seen = folder.files.get(file.path);
    if (seen === undefined) found.push(violation('manifest-missing-file', file.path));
    else append(found, differences(file, seen, 'staging'));
  }
  for (const path of folder.files.keys()) if (!stated.has(path)) found.push(violation('manifest-extra-file', path));
  for (const name of folder.strangers) found.push(violation('manifest-extra-file', name));
  return found;
}

function checkPlan({ plan, indexes }: Evidence): Violation[] {
  const found: Violation[] = [];
  const planned = new Set(plan.artifacts.map(pathOf));
  for (const artifact of plan.artifacts) {
    const path = pathOf(artifact);
    const record = indexes.get(artifact.subdir)?.record(artifact.fn);
    if (record === undefined) found.push(violation('plan-missing', path));
    else if (artifact.origin === 'repodata' && artifact.record !== undefined)
      append(found, recordDifferences(path, record, artifact.record));
  }
  for (const [subdir, index] of indexes) {
    for (const fn of index.allFilenames())
      if (!planned.has(`${subdir}/${fn}`)) found.push(violation('plan-extra', `${subdir}/${fn}`));
  }
  return found;
}

function recordDifferences(path: string, record: PackageRecord, published: PackageRecord): Violation[] {
  if (canonicalJson(record) === canonicalJson(published)) return [];
  const keys = [...new Set([...Object.keys(record), ...Object.keys(published)])].filter(
    (key) => canonicalJson(record[key] ?? null) !== canonicalJson(published[key] ?? null),
  );
  return [violation('record-differs', path, { keys: keys.sort().join(', ') })];
}

function checkManifest({ folder, staged, indexes }: Evidence): Violation[] {
  const found = checkSums(folder, staged.manifest);
  const bytes = folder.files.get(MANIFEST_NAME)?.bytes;
  const onDisk = bytes === undefined ? undefined : parseManifest(bytes);
  const same = onDisk?.kind === 'sound' && canonicalJson(onDisk.manifest) === canonicalJson(staged.manifest);
  if (!same) found.push(violation('manifest-differs', MANIFEST_NAME));
  const named = new Set(staged.manifest.files.map(({ path }) => path));
  for (const file of staged.manifest.files) {
    const seen = folder.files.get(file.path);
    if (seen === undefined) found.push(violation('manifest-missing-file', file.path));
    else append(found, differences(file, seen, 'the manifest'));
    const [subdir = '', fn = ''] = file.path.split('/');
    const record = indexes.get(subdir)?.record(fn);
    const digest = record === undefined ? undefined : sha256Of(canonicalJson(record));
    if (file.record !== undefined && digest !== undefined && digest !== file.record)
      found.push(violation('record-digest', file.path));
  }
  for (const path of folder.files.keys())
    if (path.includes('/') && !named.has(path)) found.push(violation('manifest-extra-file', path));
  return found;
}

/** Per subdir over what its own solve chose: a noarch package of another platform's solve need not be closed on this one. */
function checkDependencies({ plan, indexes }: Evidence): Violation[] {
  return plan.solved.flatMap(({ subdir, artifacts }) => {
    const profile = plan.profiles.find((each) => each.subdir === subdir);
    if (profile === undefined) return [];
    const records = new Map<string, PackageRecord>();
    for (const artifact of artifacts) {
      const record = indexes.get(artifact.subdir)?.record(artifact.fn);
      if (record !== undefined) records.set(pathOf(artifact), record);
    }
    return checkClosure(records, profile);
  });
}

async function checkSolves({ plan, staged, indexes, solver }: Evidence, rt: EmbeddedRuntime): Promise<Violation[]> {
  const found: Violation[] = [];
  for (const profile of plan.profiles) {
    const { dir, label } = staged;
    const problem = await solveAlone(rt, { dir, indexes, solver }, { label, specs: plan.specs, profile });
    if (problem !== undefined) found.push(problem);
  }
  return found;
}

function bytesOf(folder: Folder): number {
  return [...folder.files.values()].reduce((sum, { size }) => sum + size, 0);
}

function recordsIn(indexes: Indexes): number {
  return [...indexes.values()].reduce((sum, { size }) => sum + size, 0);
}
