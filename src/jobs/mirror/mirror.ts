import { emitFindings } from '../../base/emit-findings.js';
import { compareChannels } from '../../channel/compare-channels.js';
import type { Runtime } from '../../runtime/runtime.js';
import { collectFindings } from '../../delivery/collect-findings.js';
import type { Collected } from '../../delivery/collect-findings.js';
import { readHold, type Hold } from '../../delivery/generations/hold.js';
import type { LabelFolder } from '../../delivery/place/label-folder.js';
import { dependencyFindings } from './dependency-findings.js';
import { deliverMirror } from './deliver-mirror.js';
import { mirrorHead, type MirrorReport } from './mirror-report.js';
import type { MirrorRequest } from './mirror-request.js';
import { planMirror } from './plan-mirror.js';
import type { PlannedMirror } from './plan-mirror.js';
import { forgetProven } from '../run/proven-file.js';
import { provenMirror, standOnMirror } from './stand-mirror.js';
import { lookAtMirror, withMirrorGateway, withUnseenMirror } from './with-mirror.js';
import { plannedChanges } from '../../delivery/planned-changes.js';

export type { MirrorReport } from './mirror-report.js';
export type { MirrorRequest } from './mirror-request.js';

/**
 * Brings a mirror up to date: reads the channels' indexes, picks what the mirror file wants, fetches what differs, and switches. What
 * is right already is neither read nor written; where nothing at all is new, that is told from what the last whole run left behind. Interrupted anywhere, the next run goes on with what has been fetched.
 *
 * @throws RepackError E_SHRINK, E_ARTIFACT_REPLACED, E_ARTIFACT_MISSING, E_ARTIFACT_DIGEST, E_RECORD, E_LOCKED, E_UPSTREAM and the rest of
 *   the main job's
 */
export async function mirror(machine: Runtime, request: MirrorRequest): Promise<MirrorReport> {
  const collected = collectFindings(machine);
  const { rt } = collected;
  if (request.dryRun) {
    const folder = await lookAtMirror(rt, request);
    const held = await readHold(rt, folder.place);
    if (held !== undefined) return heldMirror(request, folder, { held, findings: collected.findings() });
    return withMirrorGateway(rt, request, async (gateway) => {
      const planned = await planMirror(rt, { request, gateway, live: folder.live, stateDir: folder.place.stateDir });
      return dryReport(collected, { request, folder, planned });
    });
  }
  return withUnseenMirror(rt, request, 'mirror', async (unseen, look) => {
    const { place } = unseen;
    const proven = await provenMirror(rt, { request, place });
    let folder = proven === undefined ? await look() : undefined;
    const held = await readHold(rt, place);
    if (held !== undefined)
      return heldMirror(request, folder ?? (await look()), { held, findings: collected.findings() });
    return withMirrorGateway(rt, request, async (gateway) => {
      const report = proven && (await standOnMirror(collected, { request, proven, gateway, unseen }));
      if (report !== undefined) return report;
      folder ??= await look();
      await forgetProven(rt, place);
      const planned = await planMirror(rt, { request, gateway, live: folder.live, stateDir: place.stateDir });
      await rt.reach('mirror:planned');
      return deliverMirror(collected, { request, gateway, folder, planned });
    });
  });
}

/** Says what the run would say, as far as the records tell it, and ends with the same exit code. */
async function dryReport(
  { rt, findings }: Collected,
  task: { request: MirrorRequest; folder: Pick<LabelFolder, 'place' | 'live'>; planned: PlannedMirror },
): Promise<MirrorReport> {
  const { request, folder, planned } = task;
  const { plan, forbids } = planned;
  const there = plan.present.reduce((sum, { live }) => sum + live.size, 0);
  const missing = plan.wanted.reduce((sum, { stated }) => sum + (stated.size ?? 0), 0);
  const artifacts = [...plan.present.map(({ artifact }) => artifact), ...plan.wanted];
  const { changes, leaving } = plannedChanges(folder.live, artifacts);
  const changed = changes.kept < artifacts.length || plan.withdrawn.length > 0;
  const { signal } = rt;
  const { filter } = request.settings;
  emitFindings(rt, await dependencyFindings({ ...filter, signal, artifacts, kept: plan.kept, changed, forbids }));
  const told = new Set([...plan.withdrawn, ...sidePaths(folder.live)]);
  return {
    ...mirrorHead(request, folder.place),
    artifacts: artifacts.length,
    bytesTotal: there + missing,
    excluded: planned.excluded,
    fetched: { artifacts: 0, bytes: 0, resumed: 0 },
    toFetch: { artifacts: plan.wanted.length, bytes: missing },
    installers: request.settings.fetchInstallers ? request.settings.installers.length : 0,
    kept: plan.kept,
    withdrawn: plan.withdrawn,
    leaving: leaving.filter((path) => !told.has(path)),
    strangers: [...folder.live.strangers],
    changes,
    findings: findings(),
  };
}

/** As it was last published; of the channels nothing is known. */
function heldMirror(
  request: MirrorRequest,
  { place, live }: Pick<LabelFolder, 'place' | 'live'>,
  { held, findings }: { held: Hold; findings: MirrorReport['findings'] },
): MirrorReport {
  const files = live.manifest?.files ?? [];
  const artifacts = files.filter(({ kind }) => kind === 'artifact');
  return {
    ...mirrorHead(request, place),
    artifacts: artifacts.length,
    bytesTotal: artifacts.reduce((sum, { size }) => sum + size, 0),
    excluded: {},
    fetched: { artifacts: 0, bytes: 0, resumed: 0 },
    installers: 0,
    kept: [],
    withdrawn: [],
    leaving: [],
    strangers: [...live.strangers],
    changes: compareChannels(files, files),
    findings,
    held,
  };
}

function sidePaths({ manifest }: LabelFolder['live']): string[] {
  return (manifest?.files ?? []).filter(({ kind }) => kind === 'side').map(({ path }) => path);
}
