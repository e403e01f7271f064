import { compareChannels } from '../model/compare-channels.js';
import { recordDigest } from '../channel/repodata.js';
import type { Finding } from '../model/findings.js';
import { INDEX_NAMES } from '../model/manifest.js';
import { parseDistFilename } from '../model/names.js';
import type { PlannedArtifact, RepackPlan, SourceCounts } from '../model/plan.js';
import type { JobReport, ReportedArtifact } from '../model/report.js';
import type { LiveFolder, Proof, PublishReceipt, StagedChannel } from '../model/staged.js';
import type { LabelFolder } from './label-folder.js';

export interface PublishedParts {
  job: 'update' | 'capture';
  plan: RepackPlan;
  folder: LabelFolder;
  fetched: SourceCounts;
  staged: StagedChannel;
  proof: Proof;
  receipt: PublishReceipt;
  findings: Finding[];
}

/** What a person wants to know after the switch. */
export function publishedReport(parts: PublishedParts): JobReport {
  const { job, plan, folder, fetched, staged, proof, receipt, findings } = parts;
  const sizes = new Map(staged.files.map((file) => [file.path, file.size]));
  const { generation, manifestSha256, unchanged, bytesWritten } = receipt;
  return {
    ...sharedParts(plan, folder, (artifact) => sizes.get(pathOf(artifact))),
    job,
    fetched,
    changes: staged.changes,
    leaving: [...staged.leaving],
    findings,
    published: { generation, manifestSha256, unchanged, bytesWritten, proof },
  };
}

/** What an update would do, told from the records alone: nothing is fetched. `bytesToTravel` counts packages only. */
export function planReport(
  plan: RepackPlan,
  folder: Pick<LabelFolder, 'place' | 'live'>,
  findings: Finding[],
): JobReport {
  const after = plan.artifacts.map((artifact) => ({
    path: pathOf(artifact),
    size: artifact.record?.size ?? 0,
    sha256: artifact.record?.sha256 ?? digestByMd5(artifact, folder.live),
    ...(artifact.record === undefined ? {} : { record: recordDigest({ ...artifact, record: artifact.record }) }),
  }));
  const known = new Map((folder.live.manifest?.files ?? []).map((file) => [file.path, file.record]));
  const before = [...folder.live.files]
    .filter(([path]) => path.includes('/') && !isIndex(path))
    .map(([path, { size, sha256 }]) => ({ path, size, sha256, record: known.get(path) }));
  const names = new Set(after.map((file) => file.path));
  return {
    ...sharedParts(plan, folder, (artifact) => artifact.record?.size),
    job: 'plan',
    changes: compareChannels(before, after),
    leaving: before.map((file) => file.path).filter((path) => !names.has(path)),
    findings,
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

function reported(artifact: PlannedArtifact, size: number | undefined): ReportedArtifact {
  const { name, version, build } = parseDistFilename(artifact.fn);
  const { subdir, fn } = artifact;
  return { subdir, fn, name, version, build, size, channel: artifact.channel?.url ?? null };
}

/** A channel that states no sha256: the live file counts as the same when its md5 is the stated one. */
function digestByMd5(artifact: PlannedArtifact, live: LiveFolder): string {
  const file = live.files.get(pathOf(artifact));
  return file !== undefined && file.md5 === artifact.record?.md5 ? file.sha256 : '';
}

function isIndex(path: string): boolean {
  return INDEX_NAMES.some((name) => path.endsWith(`/${name}`));
}

function pathOf({ subdir, fn }: Pick<PlannedArtifact, 'subdir' | 'fn'>): string {
  return `${subdir}/${fn}`;
}
