import { join } from 'node:path';
import { recordDigest } from '../../channel/index/repodata.js';
import { NOARCH, channelAt } from '../../conda/channel/channel.js';
import { RepackError, isRepackError } from '../../base/errors.js';
import type { Manifest, ManifestFile } from '../../channel/manifest/manifest.js';
import { formatOf, splitPath } from '../../conda/channel/names.js';
import { readManifest } from '../../channel/manifest/read-manifest.js';
import type { AcquiredArtifact } from '../../conda/plan/plan.js';
import type { Policy } from '../../conda/policy/policy.js';
import type { PackageRecord } from '../../conda/record/records.js';
import type { SideFile } from '../../channel/staged.js';
import type { ContentPlan } from '../../channel/manifest/make-manifest.js';
import { profileOfManifest } from '../../channel/manifest/profile.js';
import { MANIFEST_COPY_NAME } from '../../delivery/place/inspect.js';
import { solveManifest } from '../../delivery/proof/solve-alone.js';
import type { EmbeddedSolver } from '../../engine/embedded/solver.js';
import type { LabelLock } from '../../delivery/lock/lock.js';
import { deliver } from '../../delivery/deliver.js';
import type { LabelPlace } from '../../delivery/place/root.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { Examination } from '../../channel/doctor/doctor.js';
import { isDerived } from '../../channel/index/derived-files.js';
import { candidateRecords, indexesOf, readRecord, recordSources } from '../../channel/doctor/rebuild-index.js';
import type { RecordSources } from '../../channel/doctor/rebuild-index.js';
import { isPartial } from '../../channel/doctor/names.js';
import { remedyOf } from '../../channel/check/rules.js';
import { describe } from '../../channel/check/rules.js';
import { isUnjudged, liveFolder } from './repaired.js';
import type { Repaired } from './repaired.js';

export interface OurRepair {
  place: LabelPlace;
  lock: LabelLock;
  found: Examination;
  prune: boolean;
  /** Says what belongs into the folder. */
  manifest: Manifest;
  solver: EmbeddedSolver;
  startedAt: string;
  policy: Policy | undefined;
}

/** The manifest of the folder, or the copy beside it where the one in it is broken; undefined for a folder that others made. */
export async function manifestOf(
  rt: Runtime,
  { manifest, violations }: Examination,
  { stateDir, label }: LabelPlace,
): Promise<Manifest | undefined> {
  if (manifest !== undefined || !violations.some(({ rule }) => rule === 'manifest-broken')) return manifest;
  const copy = (await readManifest(rt, join(stateDir, MANIFEST_COPY_NAME)))?.manifest;
  return copy?.label === label ? copy : undefined;
}

/**
 * Mends a folder of ours to what its manifest says: the same artifacts and the same records give the same bytes, and the generation stays.
 * An artifact that is lost or has other bytes than were published leaves the channel (and with it the generation moves); without `prune`
 * no file that is a package is removed, and a channel that its specs can't be installed from is not made. Site files that lie beside the folder are written anew. Throws as `deliver`.
 */
export async function repairOurs(rt: Runtime, options: OurRepair): Promise<Repaired> {
  const { place, lock, found, prune, manifest, startedAt } = options;
  const repaired: Repaired = { written: [], removed: [], kept: 0, read: [], leftOut: [], generation: undefined };
  const artifacts = await artifactsOf(rt, { found, manifest, repaired });
  if (!prune && repaired.leftOut.length > 0) await refuseUnsolvable(rt, options, { artifacts, repaired });
  const { published } = await deliver(
    rt,
    {
      job: 'doctor',
      policy: options.policy,
      content: {
        kind: 'channel',
        plan: planOf(manifest, artifacts),
        artifacts,
        side: sideFilesOf(found, manifest),
        indexBz2: [...found.folder.files.keys()].some((path) => path.endsWith('repodata.json.bz2')),
        replace: [],
      },
      proof: { kind: 'consistent' },
      from: 'none',
      mayLeave: (path) => prune || mayGo(path),
      siteFiles: 'renew',
      quietIfSame: true,
    },
    { place, lock, live: liveFolder(found, manifest), startedAt },
  );
  const { written, removed, generation } = published;
  return { ...repaired, written, removed, generation };
}

/** Index files that the manifest does not have, and a signature of what is no more: no client may find them. */
function mayGo(path: string): boolean {
  const fn = path.slice(path.lastIndexOf('/') + 1);
  return (
    formatOf(fn) === undefined &&
    !isPartial(fn) &&
    (!path.includes('/') || isDerived(fn) || fn.startsWith('repodata.json'))
  );
}

async function artifactsOf(
  rt: Runtime,
  { found, manifest, repaired }: { found: Examination; manifest: Manifest; repaired: Repaired },
): Promise<AcquiredArtifact[]> {
  const { folder, reasons } = found;
  const sources = new Map<string, RecordSources>();
  const acquired: AcquiredArtifact[] = [];
  for (const stated of manifest.files) {
    if (stated.kind !== 'artifact') continue;
    rt.signal.throwIfAborted();
    const { path } = stated;
    const file = folder.files.get(path);
    const [subdir, fn] = splitPath(path);
    refuseUnjudged(found, { path, subdir });
    const problem =
      file === undefined
        ? 'it is not there'
        : file.sha256 === stated.sha256
          ? reasons.get(path)
          : (reasons.get(path) ?? 'it has other bytes than were published');
    if (file === undefined || problem !== undefined) {
      repaired.leftOut.push({ path, reason: problem ?? '' });
      continue;
    }
    const from = sources.get(subdir) ?? (await recordSources(rt, folder, subdir));
    sources.set(subdir, from);
    const record = await recordOf(rt, { found, stated, fn, subdir, from, repaired });
    acquired.push({
      fn,
      subdir,
      record,
      channel: typeof stated.channel === 'string' ? channelAt(stated.channel) : undefined,
      url: undefined,
      origin: 'repodata',
      storePath: join(folder.dir, path),
      size: file.size,
      sha256: file.sha256,
      md5: file.md5,
      source: 'store',
    });
  }
  return acquired;
}

/** What is lost may be what the label is for: such a channel is made only where somebody asks for what is left. Throws E_PROOF. */
async function refuseUnsolvable(
  rt: Runtime,
  { found, manifest, solver }: OurRepair,
  { artifacts, repaired }: { artifacts: readonly AcquiredArtifact[]; repaired: Repaired },
): Promise<void> {
  const { dir } = found.folder;
  const problems = await solveManifest(rt, { dir, indexes: indexesOf(manifest.subdirs, artifacts), solver }, manifest);
  if (problems.length === 0) return;
  const lost = repaired.leftOut;
  throw new RepackError('E_PROOF', {
    what: `Without ${lost.length === 1 ? 'a package that is' : `${lost.length} packages that are`} lost or damaged this channel can't be installed from: nothing was repaired`,
    where: dir,
    hint: 'Get the files that were published: `update --replace NAME`; at a site, import or synchronise once more. --repair --prune makes a channel of what is left all the same.',
    details: [...lost.slice(0, 10).map(({ path, reason }) => `${path}: ${reason}`), ...problems.map(describe)],
  });
}

/** A package that is there and can't be looked at is not lost: it must not leave the channel because of that. */
function refuseUnjudged({ folder }: Examination, { path, subdir }: { path: string; subdir: string }): void {
  const each = folder.violations.find(
    ({ rule, subject }) => isUnjudged(rule) && (subject === path || subject === subdir),
  );
  if (each === undefined) return;
  throw new RepackError('E_ARTIFACT_UNREADABLE', {
    what: `${describe(each)}: nothing was repaired`,
    where: join(folder.dir, each.subject),
    hint: remedyOf(each, { ours: true, unusable: new Set(), left: new Set() }).advice,
  });
}

interface Wanted {
  found: Examination;
  stated: ManifestFile;
  fn: string;
  subdir: string;
  from: RecordSources;
  repaired: Repaired;
}

/** The record whose digest the manifest has, wherever it is still to be found; else the index's; else the artifact's own. */
async function recordOf(rt: Runtime, { found, stated, fn, subdir, from, repaired }: Wanted): Promise<PackageRecord> {
  const file = found.folder.files.get(stated.path)!;
  const isStated = (record: PackageRecord): boolean =>
    stated.record === undefined || recordDigest({ fn, subdir, record }) === stated.record;
  const known = candidateRecords(from, fn, file).map(({ record }) => record);
  const right = known.find(isStated);
  if (right !== undefined) {
    repaired.kept++;
    return right;
  }
  const path = join(found.folder.dir, stated.path);
  const own = await readRecord(rt, { path, fn, subdir, file }).catch((error: unknown) => {
    if (isRepackError(error)) return undefined;
    throw error;
  });
  const first = known[0];
  if (own === undefined || (first !== undefined && !isStated(own))) {
    if (first === undefined) throw new Error(`no record of ${stated.path}, which was opened before`);
    rt.events.emit({
      type: 'warning',
      message: `${stated.path}: its published record is nowhere in this folder any more; the one that the index has now is kept`,
    });
    repaired.kept++;
    return first;
  }
  if (!isStated(own)) {
    rt.events.emit({
      type: 'warning',
      message: `${stated.path}: its published record is nowhere in this folder any more; the one in the artifact is used. \`update\` brings corrections of its channel back`,
    });
  }
  repaired.read.push(stated.path);
  return own;
}

function sideFilesOf({ folder }: Examination, manifest: Manifest): SideFile[] {
  return manifest.files.flatMap(({ path, kind, size, sha256, md5 }) => {
    if (kind !== 'side' || folder.files.get(path)?.sha256 !== sha256) return [];
    return [{ path, storePath: join(folder.dir, path), size, sha256, md5 }];
  });
}

/** The plan that the manifest came from, as far as a manifest can tell: enough to make the same one again. */
function planOf(manifest: Manifest, artifacts: readonly AcquiredArtifact[]): ContentPlan {
  const { label, specs, channels, subdirs, profiles } = manifest;
  return {
    label,
    specs: specs.map((text) => ({ name: text, text })),
    channels: channels.map(channelAt),
    profiles: profiles.map(profileOfManifest),
    solved: subdirs.filter((subdir) => subdir !== NOARCH).map((subdir) => ({ subdir })),
    artifacts,
  };
}
