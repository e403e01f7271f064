import { emitFindings } from '../../base/emit-findings.js';
import type { SideFile } from '../../channel/staged.js';
import type { AcquiredArtifact } from '../../conda/plan/plan.js';
import type { Gateway } from '../../gateway/gateway.js';
import { type Collected } from '../../delivery/collect-findings.js';
import { deliver, type Delivered } from '../../delivery/deliver.js';
import type { LabelFolder } from '../../delivery/place/label-folder.js';
import { rememberSeen } from '../../delivery/place/seen.js';
import type { Runtime } from '../../runtime/runtime.js';
import { rememberChoice } from './choice-memory.js';
import { dependencyFindings } from './dependency-findings.js';
import { fetchMirror } from './fetch-mirror.js';
import { keepDelta, prepareDelta } from './keep-delta.js';
import { mirrorHead, type MirrorReport } from './mirror-report.js';
import type { MirrorRequest } from './mirror-request.js';
import { withCount, type PlannedMirror } from './plan-mirror.js';
import { rememberMirror } from './stand-mirror.js';
import { rememberTold } from './told.js';
import { clearIncoming, openIncoming } from './with-mirror.js';

export interface MirrorDelivery {
  request: MirrorRequest;
  gateway: Gateway;
  folder: LabelFolder;
  planned: PlannedMirror;
}

/** From a plan to the published mirror: fetch what differs, deliver it, remember. */
export async function deliverMirror(collected: Collected, task: MirrorDelivery): Promise<MirrorReport> {
  const { rt } = collected;
  const { request, gateway, folder, planned } = task;
  const { place, live } = folder;
  const store = await openIncoming(rt, place);
  const fetched = await fetchMirror(rt, {
    request,
    gateway,
    store,
    live,
    stateDir: place.stateDir,
    plan: planned.plan,
  });
  await rt.reach('mirror:acquired');
  const { artifacts, side } = fetched;
  const content = { subdirs: planned.subdirs, artifacts, side, indexBz2: request.indexBz2, replace: request.replace };
  const { staged, proof, published } = await deliverContent(rt, { job: 'mirror', request, folder, content });
  emitFindings(
    rt,
    await dependencyFindings({
      ...request.settings.filter,
      signal: rt.signal,
      artifacts,
      kept: planned.plan.kept,
      changed: staged.files.some(({ change }) => change !== 'unchanged'),
      forbids: planned.forbids,
    }),
  );
  await clearIncoming(rt, place.stateDir);
  await rememberSeen(rt, place, staged.files);
  await rememberChoice(rt, place, planned.choice);
  await rememberTold(rt, place, planned.choice);
  await rt.reach('mirror:remembered');
  const delta = await keepDelta(rt, { request, place, live });
  await rt.reach('mirror:delta-written');

  const { generation, manifestSha256, unchanged, bytesWritten } = published;
  const withdrawn = new Set(planned.plan.withdrawn);
  const report: MirrorReport = {
    ...mirrorHead(request, place),
    artifacts: artifacts.length,
    bytesTotal: artifacts.reduce((sum, { size }) => sum + size, 0),
    excluded: withCount(planned.excluded, 'not-fetched', planned.plan.wanted.length - fetched.taken.length),
    fetched: fetched.counts,
    installers: fetched.installers,
    kept: planned.plan.kept,
    withdrawn: planned.plan.withdrawn,
    leaving: staged.leaving.filter((each) => !withdrawn.has(each)),
    strangers: [...live.strangers],
    changes: staged.changes,
    findings: collected.findings(),
    published: { generation, manifestSha256, unchanged, bytesWritten, proof, delta },
  };
  await rememberMirror(rt, { request, place, gateway, planned, staged, report });
  return report;
}

interface ContentTask {
  job: 'mirror' | 'clean';
  request: MirrorRequest;
  folder: LabelFolder;
  content: {
    subdirs: readonly string[];
    artifacts: readonly AcquiredArtifact[];
    side: readonly SideFile[];
    indexBz2: boolean;
    replace: readonly string[];
  };
}

/** How a mirror changes, be it by `mirror` or by `clean`: only what differs is staged, and where the next delta begins is on disk before. */
export async function deliverContent(rt: Runtime, { job, request, folder, content }: ContentTask): Promise<Delivered> {
  const { label, channels, signKey, adopt, keep, siteFiles, policy } = request;
  const { subdirs, ...rest } = content;
  await prepareDelta(rt, { request, ...folder });
  return deliver(
    rt,
    {
      job,
      content: {
        kind: 'channel',
        plan: {
          label,
          specs: [],
          channels,
          profiles: [],
          solved: subdirs.map((subdir) => ({ subdir })),
          artifacts: rest.artifacts,
        },
        ...rest,
        signKey,
        changesOnly: true,
      },
      proof: { kind: 'consistent', announced: job === 'mirror' },
      from: 'none',
      policy,
      adopt: job === 'mirror' && adopt,
      keep,
      siteFiles: siteFiles ? 'make' : 'leave',
    },
    folder,
  );
}
