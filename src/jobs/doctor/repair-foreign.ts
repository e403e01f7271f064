import { append } from '../../base/append.js';
import { nextMtime } from '../../channel/mtimes.js';
import { sha256Of } from '../../codec/digests.js';
import { NOARCH } from '../../conda/channel/channel.js';
import { RepackError } from '../../base/errors.js';
import { INDEX_NAMES, SUMS_NAME } from '../../channel/manifest/manifest.js';
import { formatOf, splitPath } from '../../conda/channel/names.js';
import type { RepodataIndex } from '../../conda/record/repodata-index.js';
import { scanRepodata } from '../../conda/record/repodata-scan.js';
import type { LabelLock } from '../../delivery/lock/lock.js';
import { deliverIndexes } from '../../delivery/deliver.js';
import type { IndexFile } from '../../delivery/proposal.js';
import type { LabelPlace } from '../../delivery/place/root.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { Examination } from '../../channel/doctor/doctor.js';
import { packIndexFiles } from '../../channel/index/forms.js';
import { derivedToRemove } from '../../channel/doctor/derived.js';
import { documentParts, withdrawnIn } from '../../channel/index/document.js';
import { rebuildIndex, recordSources } from '../../channel/doctor/rebuild-index.js';
import type { RebuiltIndex } from '../../channel/doctor/rebuild-index.js';
import { remedyOf } from '../../channel/check/rules.js';
import type { Rule } from '../../channel/check/rules.js';
import { isUnjudged, liveFolder } from './repaired.js';
import type { Repaired } from './repaired.js';

export interface ForeignRepair {
  place: LabelPlace;
  lock: LabelLock;
  /** As seen under the lock. */
  found: Examination;
  prune: boolean;
}

interface Change {
  put: Map<string, Uint8Array>;
  leave: Set<string>;
}

/** What makes the index itself wrong; the rest is about its forms, or what was made out of it. */
const INDEX_RULES: ReadonlySet<Rule> = new Set<Rule>([
  'index-missing',
  'index-empty',
  'index-nul',
  'index-broken',
  'index-version',
  'index-subdir',
  'index-base-url',
  'index-misfiled',
  'record-name',
  'file-missing',
  'file-unindexed',
  'size-differs',
  'digest-differs',
  'no-digest',
  'artifact-corrupt',
  'artifact-mislabelled',
]);

/** So many records may go because their files are not there or can't be indexed; more looks like a copy that was not finished. */
const FEW = 10;
const SHARE = 0.1;

/**
 * Mends a channel folder that others made, and leaves it theirs: subdirs in which nothing is wrong keep every byte. Throws E_SHRINK,
 * E_PUBLISH, E_DISK.
 */
export async function repairForeign(rt: Runtime, { place, lock, found, prune }: ForeignRepair): Promise<Repaired> {
  const change: Change = { put: new Map(), leave: new Set(prune ? prunable(found) : []) };
  const repaired: Repaired = { written: [], removed: [], kept: 0, read: [], leftOut: [], generation: undefined };
  for (const subdir of new Set([NOARCH, ...found.folder.subdirs])) {
    if (found.left.has(subdir)) continue;
    const rebuilt = await repairSubdir(rt, { subdir, found, change, prune });
    repaired.kept += rebuilt?.kept.length ?? 0;
    append(
      repaired.read,
      (rebuilt?.read ?? []).map((fn) => `${subdir}/${fn}`),
    );
    for (const [fn, reason] of rebuilt?.leftOut ?? [])
      if (!change.leave.has(`${subdir}/${fn}`)) repaired.leftOut.push({ path: `${subdir}/${fn}`, reason });
  }
  const live = liveFolder(found);
  const sums = adjustedSums(found, change);
  if (sums !== undefined) change.put.set(SUMS_NAME, sums);
  const files = [...change.put].map(([path, bytes]): IndexFile => ({
    path,
    kind: path === SUMS_NAME ? 'sums' : 'index',
    bytes,
    mtimeMs: nextMtime(rt.clock.now(), sha256Of(bytes), live.files.get(path)),
  }));
  const leaving = [...change.leave].sort();
  if (files.length === 0 && leaving.length === 0) return repaired;
  await deliverIndexes(rt, { job: 'doctor', indexes: files, leaving }, { place, lock, live });
  return { ...repaired, written: files.map(({ path }) => path).sort(), removed: leaving };
}

async function repairSubdir(
  rt: Runtime,
  { subdir, found, change, prune }: { subdir: string; found: Examination; change: Change; prune: boolean },
): Promise<RebuiltIndex | undefined> {
  const { folder, indexes } = found;
  const path = `${subdir}/${INDEX_NAMES[0]}`;
  const old = folder.files.get(path)?.bytes;
  const rebuilt = isIndexWrong(found, subdir) ? await rebuild(rt, { subdir, found, prune }) : undefined;
  const json = rebuilt?.json ?? old;
  if (json === undefined) return undefined;
  const changed = old === undefined || Buffer.compare(json, old) !== 0;

  const wrongForms = new Set(
    found.violations.filter(({ subject }) => isForm(subject, subdir)).map(({ subject }) => subject),
  );
  const bz2 = folder.files.has(`${subdir}/${INDEX_NAMES[2]}`);
  const forms = changed || wrongForms.size > 0 ? await packIndexFiles(subdir, json, { bz2 }) : [];
  for (const form of forms) if (changed || wrongForms.has(form.path)) change.put.set(form.path, form.bytes);
  const index = changed ? scanRepodata(json, path) : indexes.get(subdir);
  if (index !== undefined) {
    const withdrawn = withdrawnIn(documentParts(json));
    const gone = await derivedToRemove(rt, { folder, subdir, index, withdrawn, changed });
    for (const fn of gone) change.leave.add(`${subdir}/${fn}`);
  }
  return rebuilt;
}

function isIndexWrong(found: Examination, subdir: string): boolean {
  const index = found.indexes.get(subdir);
  return found.violations.some((each) => {
    const { rule, subject } = each;
    if (!subject.startsWith(`${subdir}/`) || isForm(subject, subdir) || !INDEX_RULES.has(rule)) return false;
    // A file that no index may name, and none does, is no reason to write one.
    if (rule === 'artifact-corrupt' || rule === 'artifact-mislabelled')
      return found.unusable.has(subject) && index?.has(subject.slice(subdir.length + 1)) === true;
    return remedyOf(each, found).remedy === 'mends';
  });
}

async function rebuild(
  rt: Runtime,
  { subdir, found, prune }: { subdir: string; found: Examination; prune: boolean },
): Promise<RebuiltIndex> {
  const { folder, reasons, inV3, indexes } = found;
  const there = [...folder.files.keys()]
    .filter((path) => path.startsWith(`${subdir}/`) && formatOf(path) !== undefined && !inV3.has(path))
    .map((path) => path.slice(subdir.length + 1));
  const sources = await recordSources(rt, folder, subdir);
  const index = indexes.get(subdir);
  const withdrawn = withdrawnIn(sources.parts);
  const isWithdrawn = (fn: string): boolean => withdrawn.has(fn) && sources.indexes[0]?.has(fn) !== true;
  const fns = there.filter(
    (fn) => !reasons.has(`${subdir}/${fn}`) && !isWithdrawn(fn) && (!prune || index === undefined || index.has(fn)),
  );
  const rebuilt = await rebuildIndex(rt, { folder, subdir, sources, fns, unjudged: unjudgedIn(folder, subdir) });
  refuseShrink(rebuilt, { where: `${folder.dir}/${subdir}`, old: sources.indexes[0], prune });
  for (const fn of there) {
    const reason = reasons.get(`${subdir}/${fn}`);
    if (reason !== undefined) rebuilt.leftOut.set(fn, reason);
    else if (isWithdrawn(fn)) rebuilt.leftOut.set(fn, 'its channel has withdrawn it');
  }
  return rebuilt;
}

/** Packages that lie there as links, or can't be read: to take them out of the index would lose them for whoever can. */
function unjudgedIn({ violations }: Examination['folder'], subdir: string): string[] {
  return violations
    .filter(
      ({ rule, subject }) => isUnjudged(rule) && subject.startsWith(`${subdir}/`) && formatOf(subject) !== undefined,
    )
    .map(({ subject }) => subject.slice(subdir.length + 1));
}

/** Records of files that are not there, or can't be indexed, are lost with the old index, hotfixes with them. */
function refuseShrink(
  rebuilt: RebuiltIndex,
  { where, old, prune }: { where: string; old: RepodataIndex | undefined; prune: boolean },
): void {
  if (prune || old === undefined) return;
  const left = new Set([...rebuilt.kept, ...rebuilt.read]);
  const gone = [...old.allFilenames()].filter((fn) => !left.has(fn));
  if (gone.length <= FEW || gone.length <= old.size * SHARE) return;
  throw new RepackError('E_SHRINK', {
    what: `${gone.length} of the ${old.size} packages that the index names are not there, or can't be indexed: their records would be lost`,
    where,
    hint: "Finish the copy (or mount what is missing), then look again. --repair --prune makes an index of what is here, and removes what can't be indexed.",
    details: gone.slice(0, 10),
  });
}

/** What `--prune` removes: what no index may name, what none names, and leftovers. */
function prunable(found: Examination): string[] {
  return found.violations
    .filter((each) => each.rule === 'file-unindexed' || remedyOf(each, found).remedy === 'prunes')
    .map(({ subject }) => subject)
    .filter((subject) => found.folder.files.has(subject) && !found.left.has(splitPath(subject)[0]));
}

function isForm(subject: string, subdir: string): boolean {
  return INDEX_NAMES.slice(1).some((name) => subject === `${subdir}/${name}`);
}

/** Their own list of digests follows what is written and removed here; every other line stays. Undefined: nothing to do. */
function adjustedSums({ folder }: Examination, { put, leave }: Change): Uint8Array | undefined {
  const bytes = folder.files.get(SUMS_NAME)?.bytes;
  if (bytes === undefined) return undefined;
  const before = Buffer.from(bytes).toString('utf8');
  const lines = before.split('\n').flatMap((line) => {
    const match = /^[0-9a-f]{64}( [ *](?:\.\/)?(.+?)\r?)$/i.exec(line);
    if (match === null) return [line];
    const [, rest, path] = match;
    if (leave.has(path!)) return [];
    const fresh = put.get(path!);
    return [fresh === undefined ? line : `${sha256Of(fresh)}${rest}`];
  });
  const after = lines.join('\n');
  return after === before ? undefined : Buffer.from(after, 'utf8');
}
