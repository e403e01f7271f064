import { emitFindings } from '../../base/emit-findings.js';
import { recordDigest } from '../../channel/index/repodata.js';
import { readChannelFolder, type ChannelFolder } from '../../media/merge/channel.js';
import { refuseUnpackedSet } from '../../media/merge/unpacked.js';
import { NOARCH, channelAt, type Channel } from '../../conda/channel/channel.js';
import { compareChannels, liveContent } from '../../channel/compare-channels.js';
import { RepackError } from '../../base/errors.js';
import { INDEX_NAMES } from '../../channel/manifest/manifest.js';
import { parseMatchSpec } from '../../conda/spec/match-spec.js';
import { caseFoldClash, formatOf, pathOf } from '../../conda/channel/names.js';
import type { AcquiredArtifact } from '../../conda/plan/plan.js';
import { replaceCovers } from '../../channel/replace.js';
import type { LiveFolder, SideFile, StagedChannel } from '../../channel/staged.js';
import { profileOfManifest } from '../../channel/manifest/profile.js';
import { deliver, type Published } from '../../delivery/deliver.js';
import type { Runtime } from '../../runtime/runtime.js';
import { type Collected } from '../../delivery/collect-findings.js';
import type { ImportReport } from '../import/apply-sets.js';
import { lookAtLabelFolder, withLabelFolder, type LabelFolder } from '../../delivery/place/label-folder.js';
import { refuseHeld } from '../../delivery/generations/hold.js';
import { plannedChanges } from '../../delivery/planned-changes.js';
import { guardPlan } from '../policy/guard-plan.js';
import type { MergePlaces, MergeRequest } from './merge-request.js';

/**
 * Adds the packages of a channel folder to another one; nothing leaves. The index is written anew, with the records of both folders; where
 * both have a file, the record of what is merged counts, since it is the newer telling.
 *
 * @throws RepackError as `refuseUnpackedSet`, `readChannelFolder` and `publish`; E_ARTIFACT_REPLACED, E_RECORD_CONFLICT, E_PROOF
 */
export async function mergeChannel(
  { rt, findings }: Collected,
  request: MergeRequest,
  places: MergePlaces,
): Promise<ImportReport> {
  rt.events.emit({ type: 'stage-started', stage: 'medium', detail: `reading ${places.from}` });
  await refuseUnpackedSet(rt, places.from);
  const source = await readChannelFolder(rt, { dir: places.from });
  emitFindings(rt, source.findings);
  await rt.reach('import:checked');
  const task = { source, request, places, findings };
  const look = { ...request, ...places, job: 'merge', adds: true };
  return request.dryRun
    ? rehearse(rt, task, await lookAtLabelFolder(rt, look))
    : withLabelFolder(rt, look, (folder) => carryOut(rt, task, folder));
}

interface Task {
  source: ChannelFolder;
  request: MergeRequest;
  places: MergePlaces;
  findings: Collected['findings'];
}

async function carryOut(rt: Runtime, task: Task, folder: LabelFolder): Promise<ImportReport> {
  const { request, places } = task;
  const { replace, signKey, adopt } = request;
  const { manifest } = folder.live;
  const { artifacts, side, channels } = await unite(rt, task, folder);
  const { specs = [], subdirs = [], profiles = [], files = [] } = manifest ?? {};
  const { staged, published } = await deliver(
    rt,
    {
      job: 'merge',
      content: {
        kind: 'channel',
        plan: {
          label: places.label,
          specs: specs.map(parseMatchSpec),
          channels,
          profiles: profiles.map(profileOfManifest),
          solved: subdirs.filter((subdir) => subdir !== NOARCH).map((subdir) => ({ subdir })),
          artifacts,
        },
        artifacts,
        side,
        indexBz2: files.some(({ path }) => path.endsWith(`/${INDEX_NAMES[2]}`)),
        replace,
        signKey,
      },
      proof: { kind: 'consistent' },
      from: `channel folder ${places.from}`,
      policy: await request.policyOf?.(places.label),
      adopt,
      siteFiles: request.siteFiles ? 'make' : 'leave',
    },
    folder,
  );
  return report(task, folder, { ...published, changes: staged.changes, leaving: staged.leaving });
}

/** What would change, from the records alone. */
async function rehearse(rt: Runtime, task: Task, folder: Pick<LabelFolder, 'place' | 'live'>): Promise<ImportReport> {
  const { live } = folder;
  const { artifacts, side } = await unite(rt, task, folder);
  const { specs = [], profiles = [] } = live.manifest ?? {};
  const { label } = task.places;
  const plan = {
    label,
    specs: specs.map(parseMatchSpec),
    profiles: profiles.map(profileOfManifest),
    channels: [],
    artifacts,
  };
  await guardPlan(rt, await task.request.policyOf?.(label), { plan });
  const before = liveContent(live).filter(({ path, kind }) => formatOf(path) !== undefined || kind === 'side');
  const after = [
    ...artifacts.map((artifact) => ({
      path: pathOf(artifact),
      size: artifact.size,
      sha256: artifact.sha256,
      record: recordDigest(artifact),
    })),
    ...side,
  ];
  const changes = compareChannels(before, after);
  const beside = new Set(side.map(({ path }) => path));
  const news = changes.added.length + changes.upgraded.length + changes.downgraded.length + changes.rerecorded.length;
  const unchanged = live.state === 'ours' && news === 0 && changes.bytesToTravel === 0;
  const generation = (live.manifest?.generation ?? 0) + (unchanged ? 0 : 1);
  return report(task, folder, {
    generation,
    manifestSha256: live.manifestSha256 ?? '',
    unchanged,
    bytesWritten: 0,
    changes,
    leaving: plannedChanges(live, artifacts).leaving.filter((path) => !beside.has(path)),
  });
}

function report(
  { request, places, findings }: Task,
  { place, live }: Pick<LabelFolder, 'place' | 'live'>,
  ended: Omit<Published, 'written' | 'removed'> & Pick<StagedChannel, 'changes' | 'leaving'>,
): ImportReport {
  const { generation, manifestSha256, unchanged, bytesWritten, changes, leaving } = ended;
  return {
    job: 'merge',
    label: places.label,
    labelDir: place.labelDir,
    media: [places.from],
    sets: [],
    before: live.manifest?.generation ?? null,
    generation,
    manifestSha256,
    unchanged,
    bytesWritten,
    changes,
    leaving: [...leaving],
    dryRun: request.dryRun,
    receipts: [],
    findings: findings(),
  };
}

interface Union {
  artifacts: AcquiredArtifact[];
  side: SideFile[];
  channels: Channel[];
}

/** What the folder has (of ours, what its manifest names; of a foreign one, every package) and what is merged into it. */
async function unite(
  rt: Runtime,
  { source, request }: Task,
  { live, place }: Pick<LabelFolder, 'live' | 'place'>,
): Promise<Union> {
  await refuseHeld(rt, place);
  const own = await ownFolder(rt, live);
  emitFindings(rt, own.findings);
  const artifacts = new Map([...own.artifacts, ...source.artifacts].map((artifact) => [pathOf(artifact), artifact]));
  refuseReplaced(own.artifacts, artifacts, { live, replace: request.replace, from: source.dir });
  const side = new Map([...own.side, ...source.side].map((file) => [file.path, file]));
  const clash = caseFoldClash([...artifacts.keys(), ...side.keys()]);
  if (clash !== undefined) {
    throw new RepackError('E_RECORD_CONFLICT', {
      what: `Two files have names that differ in upper and lower case only: ${clash[0]} and ${clash[1]}`,
      where: `${live.dir}, ${source.dir}`,
      hint: 'Windows and macOS can not hold both. Take one of them out of the folder that is merged. Nothing was changed.',
    });
  }
  const urls = new Set([...(live.manifest?.channels ?? []), ...(source.manifest?.channels ?? [])]);
  return {
    artifacts: [...artifacts.values()],
    side: [...side.values()],
    channels: [...urls].map(channelAt),
  };
}

async function ownFolder(rt: Runtime, live: LiveFolder): Promise<ChannelFolder> {
  const { dir, manifest, files } = live;
  const nothing = { dir, artifacts: [], side: [], manifest, findings: [] };
  const named = new Set((manifest?.files ?? []).map(({ path }) => path));
  const packages = [...files.keys()].filter((path) => formatOf(path) !== undefined);
  if (packages.length === 0 && named.size === 0) return nothing;
  return readChannelFolder(rt, {
    dir,
    known: files,
    counts: (path) => files.has(path) && (manifest === undefined || named.has(path)),
  });
}

function refuseReplaced(
  own: readonly AcquiredArtifact[],
  union: ReadonlyMap<string, AcquiredArtifact>,
  { live, replace, from }: { live: LiveFolder; replace: readonly string[]; from: string },
): void {
  const replaced = own.filter((artifact) => union.get(pathOf(artifact))!.sha256 !== artifact.sha256);
  const refused = replaced.filter((artifact) => !replaceCovers(replace, pathOf(artifact)));
  if (refused.length === 0) return;
  throw new RepackError('E_ARTIFACT_REPLACED', {
    what: `${refused.length === 1 ? 'A package has' : `${refused.length} packages have`} the same name in both folders and other bytes`,
    where: `${from}, ${live.dir}`,
    hint: `Clients that have the old file in their package cache keep it. To take the new one all the same: --replace ${refused[0]!.fn} (or --replace all).`,
    details: refused.map(
      (artifact) =>
        `${pathOf(artifact)}: there ${artifact.sha256}, to be merged ${union.get(pathOf(artifact))!.sha256}`,
    ),
  });
}
