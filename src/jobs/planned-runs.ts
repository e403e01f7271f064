import path from 'node:path';
import type { AskedPackage } from '../answers/asked.js';
import { runsAtInstall } from '../answers/runs.js';
import type { ArtifactInfo } from '../archive/artifact-info.js';
import type { LiveFolder } from '../channel/staged.js';
import { pathOf } from '../conda/channel/names.js';
import type { RepackPlan } from '../conda/plan/plan.js';
import type { WorkSettings } from '../config/work-settings.js';
import type { Runtime } from '../runtime/runtime.js';
import { artifactInfo, keptArtifactInfo } from '../store/artifact-info.js';
import type { JobReport } from './job-report.js';

/** Packages of a plan that were looked into, with what was found, by sha256. */
export interface KnownInfos {
  packages: readonly AskedPackage[];
  infos: ReadonlyMap<string, ArtifactInfo>;
}

/** What of a plan runs something at its installation. */
export function plannedRuns(
  { artifacts }: Pick<RepackPlan, 'artifacts'>,
  { packages, infos }: KnownInfos,
): NonNullable<JobReport['runs']> {
  return { packages: runsAtInstall(packages, infos), unread: artifacts.length - packages.length };
}

/** What is known of the packages of a plan, as far as the bytes are on this machine: nothing is fetched for it. */
export async function knownInfos(
  rt: Runtime,
  { cacheDir }: Pick<WorkSettings, 'cacheDir'>,
  { artifacts }: Pick<RepackPlan, 'artifacts'>,
  live: Pick<LiveFolder, 'dir' | 'files'>,
): Promise<KnownInfos> {
  const storeDir = path.join(cacheDir, 'store');
  const infos = new Map<string, ArtifactInfo>();
  const packages: AskedPackage[] = [];
  for (const artifact of artifacts) {
    rt.signal.throwIfAborted();
    const { subdir, fn, record, expected, channel } = artifact;
    const there = live.files.get(pathOf(artifact));
    const sha256 = record?.sha256 ?? expected?.sha256 ?? there?.sha256;
    if (sha256 === undefined) continue;
    const file = there?.sha256 === sha256 ? { fn, sha256, path: path.join(live.dir, pathOf(artifact)) } : undefined;
    const info = await (file === undefined ? keptArtifactInfo(rt, storeDir, sha256) : artifactInfo(rt, storeDir, file));
    if (info === undefined) continue;
    infos.set(sha256, info);
    packages.push({ subdir, fn, sha256, size: there?.size, channel: channel?.url ?? null, record: record! });
  }
  return { packages, infos };
}
