import { plural } from '../../base/plural.js';
import { append } from '../../base/append.js';
import { join } from 'node:path';
import { RepackError, isRepackError } from '../../base/errors.js';
import { canonicalJson } from '../../base/json.js';
import { isFormOf } from '../../channel/index/forms.js';
import { MANIFEST_NAME, SUMS_NAME } from '../../channel/manifest/manifest.js';
import type { ManifestFile } from '../../channel/manifest/manifest.js';
import { readManifest } from '../../channel/manifest/read-manifest.js';
import type { RepodataIndex } from '../../conda/record/repodata-index.js';
import { scanRepodata } from '../../conda/record/repodata-scan.js';
import type { LiveFolder, Proof, StagedChannel, StagedFile } from '../../channel/staged.js';
import { checkIndex } from '../../channel/check/index-rules.js';
import { differences } from '../../channel/check/manifest-rules.js';
import { hashFiles, type ReadRuntime } from '../../channel/read/read-folder.js';
import { describe, violation } from '../../channel/check/rules.js';
import type { Violation } from '../../channel/check/rules.js';

export interface ProofInput {
  /** All of it, or only what changes. */
  staged: StagedChannel;
  live: LiveFolder;
}

/**
 * The proof of a channel that has nothing to solve and may be too large to be read through each night (design D9): every file that changes
 * is read back, its digest as stated; what stays is as it was found; index = files = manifest for every subdir. `artifactsHashed`: those
 * that change were, as they were written. Throws E_PROOF with everything that failed, at once.
 */
export async function proveConsistent(
  rt: ReadRuntime,
  { staged, live, artifactsHashed = false }: ProofInput & { artifactsHashed?: boolean },
): Promise<Proof> {
  const changed = staged.files.filter(({ change }) => change !== 'unchanged');
  const failed: Violation[] = [];
  append(failed, checkStaying(staged, live));
  const unread = changed.filter(({ kind }) => !artifactsHashed || kind !== 'artifact');
  append(failed, await checkReadBack(rt, staged.dir, unread));
  const records = { count: 0 };
  const artifacts = new Map(
    staged.manifest.files.filter(({ kind }) => kind === 'artifact').map((file) => [file.path, file]),
  );
  for (const subdir of staged.manifest.subdirs)
    append(failed, await checkSubdir(rt, { staged, live, subdir, artifacts, records }));
  append(failed, await checkManifest(rt, staged));
  if (failed.length > 0) {
    throw disproven(`The new state of ${staged.label}`, staged.dir, failed);
  }
  const bytes = unread.reduce((sum, { size }) => sum + size, 0);
  return {
    checks: [
      {
        name: 'files',
        detail: `${plural(unread.length, 'new file')}, ${plural(bytes, 'byte')} read back, every size and digest as stated`,
      },
      { name: 'index', detail: `${plural(records.count, 'record')}, one for each artifact and no other` },
      { name: 'manifest', detail: `generation ${staged.manifest.generation}, in step with files and indexes` },
    ],
  };
}

export function disproven(what: string, where: string, failed: readonly Violation[]): RepackError {
  return new RepackError('E_PROOF', {
    what: `${what} failed its proof in ${failed.length} ${failed.length === 1 ? 'point' : 'points'}; nothing was published`,
    where,
    hint: 'Run it again. If it fails in the same way, report it with these lines.',
    details: [...new Set(failed.map(describe))].slice(0, 100),
  });
}

function checkStaying({ files }: StagedChannel, live: LiveFolder): Violation[] {
  return files
    .filter(({ change }) => change === 'unchanged')
    .flatMap((file) => {
      const there = live.files.get(file.path);
      return there === undefined
        ? [violation('manifest-missing-file', file.path)]
        : differences(file, there, 'the manifest');
    });
}

/** The md5 goes with the sha256, as both were taken in one pass. */
export async function checkReadBack(rt: ReadRuntime, dir: string, files: readonly StagedFile[]): Promise<Violation[]> {
  const stated = new Map(files.map((file) => [file.path, file]));
  const found = await hashFiles(rt, { dir, paths: [...stated.keys()] }, { stated });
  return files.flatMap((file) => differences(file, found.get(file.path)!, 'the manifest'));
}

interface SubdirCheck extends ProofInput {
  subdir: string;
  artifacts: ReadonlyMap<string, ManifestFile>;
  records: { count: number };
}

async function checkSubdir(
  rt: ReadRuntime,
  { staged, live, subdir, artifacts, records }: SubdirCheck,
): Promise<Violation[]> {
  const path = `${subdir}/repodata.json`;
  const file = staged.files.find((each) => each.path === path);
  if (file === undefined) return [violation('index-missing', path)];
  const json = await rt.fs.readFile(join(file.change === 'unchanged' ? live.dir : staged.dir, path));
  const index = scanned(path, json);
  if ('rule' in index) return [index];
  records.count += index.size;
  const depth = file.change === 'unchanged' ? 'names' : 'records';
  const found = checkIndex(index, { subdir, files: artifacts, depth });
  if (depth === 'names') return found;
  for (const form of staged.files.filter((each) => each.path !== path && each.path.startsWith(path)))
    append(found, await compareForm(rt, { form, staged, live, json }));
  return found;
}

export function scanned(path: string, json: Uint8Array): RepodataIndex | Violation {
  try {
    return scanRepodata(json, path);
  } catch (error) {
    if (!isRepackError(error)) throw error;
    return violation('index-broken', path, { reason: error.what });
  }
}

interface FormCheck extends ProofInput {
  form: StagedFile;
  json: Uint8Array;
}

async function compareForm(rt: ReadRuntime, { form, staged, live, json }: FormCheck): Promise<Violation[]> {
  const packed = await rt.fs.readFile(join(form.change === 'unchanged' ? live.dir : staged.dir, form.path));
  try {
    return (await isFormOf(form.path, packed, json)) ? [] : [violation('form-differs', form.path)];
  } catch (error) {
    if (!isRepackError(error)) throw error;
    return [violation('form-broken', form.path, { reason: error.what })];
  }
}

async function checkManifest(rt: ReadRuntime, staged: StagedChannel): Promise<Violation[]> {
  const file = staged.files.find(({ kind }) => kind === 'manifest');
  if (file === undefined || file.change === 'unchanged') return [];
  const there = await readManifest(rt, join(staged.dir, MANIFEST_NAME));
  const same = there !== undefined && canonicalJson(there.manifest) === canonicalJson(staged.manifest);
  const listed = new Set(staged.files.map(({ path }) => path));
  const found = staged.manifest.files
    .filter(({ path }) => !listed.has(path))
    .map(({ path }) => violation('manifest-missing-file', path));
  if (!same) found.push(violation('manifest-differs', MANIFEST_NAME));
  if (!listed.has(SUMS_NAME)) found.push(violation('sums-missing', SUMS_NAME));
  return found;
}
