import type { Finding } from '../base/findings.js';
import { parseDistFilename, pathOf, splitPath } from '../conda/channel/names.js';
import type { SourceCounts } from '../base/events.js';
import type { PolicyVerdict } from '../conda/policy/verdict.js';
import type { PlannedArtifact, RepackPlan } from '../conda/plan/plan.js';
import { installerChanges } from './label-installers.js';
import type { RepackRequest } from './request.js';
import type { JobReport, ReportedArtifact } from './job-report.js';
import type { Proof, StagedChannel } from '../channel/staged.js';
import type { WorkSettings } from '../config/work-settings.js';
import type { Delivered, Published } from '../delivery/deliver.js';
import type { LabelFolder } from '../delivery/place/label-folder.js';
import { oldestConda } from '../channel/manifest/oldest-conda.js';
import { whyMoved } from '../channel/manifest/why-moved.js';
import { plannedChanges, plannedSignature } from '../delivery/planned-changes.js';

export interface PublishedParts {
  job: 'update' | 'capture' | 'rollback';
  plan: RepackPlan;
  folder: LabelFolder;
  request: Pick<WorkSettings, 'papers'>;
  fetched: SourceCounts;
  staged: StagedChannel;
  proof: Proof;
  published: Published;
  pooled: Delivered['pooled'];
  verdict: PolicyVerdict | undefined;
  findings: Finding[];
}

/** What a person wants to know after the switch. */
export function publishedReport(parts: PublishedParts): JobReport {
  const { job, plan, folder, fetched, staged, proof, published, verdict, findings, request } = parts;
  const sizes = new Map(staged.files.map((file) => [file.path, file.size]));
  const { generation, manifestSha256, unchanged, bytesWritten } = published;
  return {
    ...sharedParts(plan, folder, (artifact) => sizes.get(pathOf(artifact))),
    job,
    fetched,
    changes: staged.changes,
    leaving: [...staged.leaving],
    findings,
    ...(verdict === undefined ? {} : { policy: verdict }),
    signature: staged.files.some(({ kind }) => kind === 'signature') ? 'signed' : 'none',
    papers: papersIn(request, staged.files),
    published: {
      generation,
      because: whyMoved(folder.live.manifest, staged.manifest),
      manifestSha256,
      unchanged,
      bytesWritten,
      pooled: parts.pooled,
      oldestConda: oldestConda(staged.files),
      proof,
    },
  };
}

/** `files`: all of the folder, those that stay as `unchanged`. */
export function papersIn(
  { papers: asked }: Pick<WorkSettings, 'papers'>,
  files: readonly { path: string; kind: string; change: string }[],
): JobReport['papers'] {
  if (asked?.includes('none') === true) return undefined;
  const papers = files.filter(({ kind }) => kind === 'paper');
  const name = ({ path }: { path: string }): string => splitPath(path)[1];
  return { names: papers.map(name), made: papers.filter(({ change }) => change !== 'unchanged').map(name) };
}

/**
 * What an update would do, told from the records alone: nothing is fetched. `bytesToTravel` counts packages only.
 *
 * @throws RepackError E_ASKS_LESS where the signature would go unasked
 */
export function planReport(
  plan: RepackPlan,
  folder: Pick<LabelFolder, 'place' | 'live'>,
  {
    findings,
    request,
  }: Pick<JobReport, 'findings'> & {
    request: Parameters<typeof plannedSignature>[1] & Pick<RepackRequest, 'installers'>;
  },
): JobReport {
  const planned = plannedChanges(folder.live, plan.artifacts, installerChanges(folder.live, request.installers));
  return {
    ...sharedParts(plan, folder, (artifact) => artifact.record?.size),
    job: 'plan',
    ...planned,
    findings,
    signature: plannedSignature({ plan, live: folder.live, planned }, request),
  };
}

function sharedParts(
  plan: RepackPlan,
  { place, live }: Pick<LabelFolder, 'place' | 'live'>,
  sizeOf: (artifact: PlannedArtifact) => number | undefined,
) {
  const artifacts = plan.artifacts.map((artifact) => reported(artifact, sizeOf(artifact)));
  return {
    label: plan.label,
    labelDir: place.labelDir,
    specs: plan.specs.map((spec) => spec.text),
    subdirs: plan.solved.map((one) => one.subdir),
    channels: plan.channels.map((channel) => channel.url),
    engines: [...new Map(plan.solved.map((one) => [one.engine.kind, one.engine])).values()],
    client: plan.profiles[0]?.client,
    priority: [...new Set(plan.solved.map((one) => one.priority))].join(', '),
    artifacts,
    bytesTotal: artifacts.reduce((sum, one) => sum + (one.size ?? 0), 0),
    strangers: [...live.strangers],
  };
}

export function reported(
  artifact: Pick<PlannedArtifact, 'subdir' | 'fn' | 'channel'>,
  size: number | undefined,
): ReportedArtifact {
  const { name, version, build } = parseDistFilename(artifact.fn);
  const { subdir, fn } = artifact;
  return { subdir, fn, name, version, build, size, channel: artifact.channel?.url ?? null };
}
