import { emitFindings } from '../../base/emit-findings.js';
import { planMirrorClean } from '../../mirror/sync/clean.js';
import type { MirrorCleanPlan } from '../../mirror/sync/clean.js';
import { NOARCH } from '../../conda/channel/channel.js';
import { RepackError } from '../../base/errors.js';
import type { Finding } from '../../base/findings.js';
import { INSTALLERS_NAME } from '../../channel/manifest/manifest.js';
import type { LiveFolder, SideFile } from '../../channel/staged.js';
import { rememberSeen } from '../../delivery/place/seen.js';
import type { Runtime } from '../../runtime/runtime.js';
import { collectFindings } from '../../delivery/collect-findings.js';
import { refuseHeld } from '../../delivery/generations/hold.js';
import type { LabelFolder } from '../../delivery/place/label-folder.js';
import { deliverContent } from './deliver-mirror.js';
import { keepDelta } from './keep-delta.js';
import type { MirrorRequest } from './mirror-request.js';
import { pickFiles } from './pick-files.js';
import { readChannels, readLiveIndexes } from './read-mirror.js';
import { standingArtifact, standingSideFiles } from './standing.js';
import { lookAtMirror, withMirrorFolder, withMirrorGateway } from './with-mirror.js';

/** The end of `repackenv clean -f`. Sizes in bytes. */
export interface MirrorCleanReport {
  job: 'clean-mirror';
  label: string;
  /** Absolute path of the mirror. */
  mirrorDir: string;
  /** What left, or would leave. */
  removed: MirrorCleanPlan['leaves'];
  bytes: number;
  /** Artifacts that stay. */
  artifacts: number;
  dryRun: boolean;
  findings: Finding[];
  published?: { generation: number; unchanged: boolean } | undefined;
}

/**
 * `repackenv clean -f mirror.yml`: removes from the mirror what its file no longer matches, through the same lock, proof and switch as
 * `mirror`. The channels' indexes are read to know what the filter picks today; nothing is fetched, and records stay as they are.
 */
export async function cleanMirror(machine: Runtime, request: MirrorRequest): Promise<MirrorCleanReport> {
  const { rt, findings } = collectFindings(machine);
  if (request.dryRun) {
    const folder = await lookAtMirror(rt, request);
    await refuseHeld(rt, folder.place);
    const { plan } = await planClean(rt, request, folder.live);
    return reportOf(request, folder, { plan, findings: findings(), published: undefined });
  }
  return withMirrorFolder(rt, request, 'clean', async (folder) => {
    await refuseHeld(rt, folder.place);
    const planned = await planClean(rt, request, folder.live);
    const published =
      planned.plan.leaves.length === 0 ? undefined : await carryOut(rt, { request, folder, ...planned });
    return reportOf(request, folder, { plan: planned.plan, findings: findings(), published });
  });
}

interface PlannedClean {
  plan: MirrorCleanPlan;
  subdirs: string[];
}

async function planClean(rt: Runtime, request: MirrorRequest, live: LiveFolder): Promise<PlannedClean> {
  const { channels, settings } = request;
  return withMirrorGateway(rt, request, async (gateway) => {
    const read = await readChannels(rt, { gateway, channels, platforms: settings.platforms, live });
    const choice = await pickFiles(rt, request, read.sources);
    emitFindings(rt, [...gateway.findings(), ...choice.findings]);
    const plan = planMirrorClean({
      live,
      sources: read.all,
      declared: channels,
      picked: choice.picked,
      installers: settings.installers.map(({ name }) => name),
      liveIndex: await readLiveIndexes(rt, live),
    });
    refuseUnindexed(request, live, plan);
    return { plan, subdirs: [...new Set([...settings.platforms, NOARCH])] };
  });
}

/** Cleaning gives each file that stays the record that it has; without an index it would take away the whole subdir. */
function refuseUnindexed({ settings }: MirrorRequest, live: LiveFolder, { unindexed }: MirrorCleanPlan): void {
  if (unindexed.length === 0) return;
  const subdirs = [...new Set(unindexed.map((file) => file.slice(0, file.indexOf('/'))))];
  throw new RepackError('E_FOLDER_DIFFERS', {
    what: `The index of ${subdirs.join(' and ')} in the mirror is not as it was published, so nothing can be cleaned; nothing was changed`,
    where: live.dir,
    hint: `Run \`repackenv mirror -f ${settings.file ?? 'FILE'}\` first: it writes the index anew. Then clean.`,
  });
}

interface CleanTask extends PlannedClean {
  request: MirrorRequest;
  folder: LabelFolder;
}

async function carryOut(
  rt: Runtime,
  { request, folder, plan, subdirs }: CleanTask,
): Promise<{ generation: number; unchanged: boolean }> {
  const { place, live } = folder;
  const content = {
    subdirs,
    artifacts: plan.stays.map((standing) => standingArtifact(live, standing)),
    side: stayingSideFiles(live, plan),
    indexBz2: request.indexBz2 || hasBz2(live),
    replace: [],
  };
  const { staged, published } = await deliverContent(rt, { job: 'clean', request, folder, content });
  await rememberSeen(rt, place, staged.files);
  await keepDelta(rt, { request, place, live });
  const { generation, unchanged } = published;
  return { generation, unchanged };
}

function hasBz2(live: LiveFolder): boolean {
  return (live.manifest?.files ?? []).some(({ path: file }) => file.endsWith('/repodata.json.bz2'));
}

/** A side file of an artifact leaves with it. */
function stayingSideFiles(live: LiveFolder, { leaves, stays }: MirrorCleanPlan): SideFile[] {
  const gone = new Set(leaves.map((each) => each.path));
  const staying = stays.map(({ artifact }) => `${artifact.subdir}/${artifact.fn}`);
  return standingSideFiles(live).filter(
    ({ path: file }) =>
      !gone.has(file) && (file.startsWith(`${INSTALLERS_NAME}/`) || staying.some((each) => file.startsWith(each))),
  );
}

function reportOf(
  request: MirrorRequest,
  { place }: Pick<LabelFolder, 'place'>,
  end: { plan: MirrorCleanPlan; findings: Finding[]; published: MirrorCleanReport['published'] },
): MirrorCleanReport {
  const { plan, findings, published } = end;
  return {
    job: 'clean-mirror',
    label: request.label,
    mirrorDir: place.labelDir,
    removed: plan.leaves,
    bytes: plan.leaves.reduce((sum, { size }) => sum + size, 0),
    artifacts: plan.stays.length,
    dryRun: request.dryRun,
    findings,
    published,
  };
}
