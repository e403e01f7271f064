import { plural } from '../base/plural.js';
import { emitFindings } from '../base/emit-findings.js';
import path from 'node:path';
import { captureEnvironment } from '../engine/capture/capture-environment.js';
import { readActiveEnvironment } from '../engine/capture/envinfo.js';
import { readEnvironment } from '../engine/capture/read-environment.js';
import type { InstalledEnvironment } from '../engine/capture/read-environment.js';
import { detectEngines } from '../engine/detect.js';
import { parseLabel } from '../conda/channel/names.js';
import type { RepackPlan } from '../conda/plan/plan.js';
import type { JobReport } from './job-report.js';
import { openedBy } from './opened-by.js';
import type { CaptureRequest } from './request.js';
import { targetProfile } from '../conda/plan/target.js';
import type { Runtime } from '../runtime/runtime.js';
import { collectFindings } from '../delivery/collect-findings.js';
import { refuseHeld } from '../delivery/generations/hold.js';
import { guard } from '../delivery/guard.js';
import { lookAtLabelFolder, withLabelFolder, type LabelFolder } from '../delivery/place/label-folder.js';
import { guardKnown } from './policy/guard-known.js';
import { knownInfos } from './planned-runs.js';
import { guardPlan } from './policy/guard-plan.js';
import { planReport } from './published-report.js';
import { withEngines, withTools } from './run/job-tools.js';
import type { JobTools } from './run/job-tools.js';
import { repack } from './repack.js';

/** Read by old wrappers, which run `conda index` on the folder that it names. */
const TARGET_FOLDER_NAME = 'tgfolder.txt';

/**
 * Repacks an environment that exists: `--prefix`, or the one that `envinfo.json` in the working folder names. The channels of its
 * records count as declared. The environment is only read.
 */
export async function capture(machine: Runtime, request: CaptureRequest): Promise<JobReport> {
  const collected = collectFindings(machine);
  const { rt } = collected;
  const environment = await findEnvironment(rt, request);
  const label = request.label ?? parseLabel(environment.label);
  const channels = environment.channels.map((channel) => openedBy(request, channel));
  rt.events.emit({
    type: 'note',
    message: `capturing ${environment.prefix}: ${plural(environment.records.length, 'package')}`,
  });
  for (const channel of channels) rt.events.emit({ type: 'note', message: `declared by its records: ${channel.url}` });

  const profiles = [
    targetProfile({ subdir: environment.subdir, virtualPackages: request.virtualPackages, client: request.client }),
  ];
  const subdirs = [environment.subdir];
  // What is installed is not solved again.
  const engine = { engine: 'embedded', enginePath: undefined, subdirs, prove: request.prove } as const;
  const policy = await request.policyOf?.(label);
  const guarded = async (
    tools: JobTools,
    { live, place }: Pick<LabelFolder, 'live' | 'place'>,
  ): Promise<RepackPlan> => {
    await refuseHeld(rt, place);
    const plan = await planOf(rt, { label, environment: { ...environment, channels }, profiles, tools, request });
    const { attestations, drop } = request;
    guard(rt, { asked: { subdirs, attestations, drop }, plan, live });
    await guardPlan(rt, policy, { plan, source: tools.gateway });
    const known = request.dryRun ? await knownInfos(rt, request, plan, live) : undefined;
    await guardKnown(rt, { ...request, policy }, { plan, live, known });
    return plan;
  };
  return withEngines(rt, engine, async (engines) => {
    const toolOptions = {
      ...request,
      engine: 'embedded',
      job: 'capture',
      channels,
      profiles,
      subdirs,
      engines,
    } as const;
    if (request.dryRun) {
      const folder = await lookAtLabelFolder(rt, { ...request, label });
      return withTools(rt, { ...toolOptions, root: folder.place.root }, async (tools) => {
        const made = await guarded(tools, folder);
        return planReport(made, folder, { findings: collected.findings(), request });
      });
    }
    return withLabelFolder(rt, { ...request, label, job: 'capture' }, (folder) =>
      withTools(rt, { ...toolOptions, root: folder.place.root }, async (tools) => {
        const made = await guarded(tools, folder);
        const { packageCaches } = environment;
        const { report } = await repack(collected, {
          job: 'capture',
          request,
          policy,
          plan: made,
          packageCaches,
          folder,
          tools,
        });
        if (request.writeTargetFolder)
          await writeTargetFolder(rt, request, path.join(folder.place.labelDir, environment.subdir));
        return report;
      }),
    );
  });
}

/** What a conda at hand says about its package caches helps where no `envinfo.json` is there to say it. */
async function findEnvironment(rt: Runtime, request: CaptureRequest): Promise<InstalledEnvironment> {
  const { prefix, workDir, enginePath } = request;
  const engines = prefix === undefined ? [] : await detectEngines(rt, { enginePath });
  const info = engines.find((engine) => engine.conda !== undefined)?.conda?.info;
  return readEnvironment(rt, await readActiveEnvironment(rt, { prefix, workDir, info }));
}

interface CapturePlanTask {
  label: string;
  environment: InstalledEnvironment;
  profiles: RepackPlan['profiles'];
  tools: JobTools;
  request: CaptureRequest;
}

async function planOf(rt: Runtime, task: CapturePlanTask): Promise<RepackPlan> {
  const { label, environment, profiles, tools, request } = task;
  rt.events.emit({ type: 'stage-started', stage: 'solve', detail: 'joining the environment with its channels' });
  const solved = await captureEnvironment(rt, { environment, source: tools.gateway });
  emitFindings(rt, solved.findings);
  return {
    label,
    specs: solved.specs,
    channels: environment.channels,
    channelPriority: request.channelPriority,
    profiles,
    solved: [solved],
    artifacts: solved.artifacts,
    findings: solved.findings,
  };
}

async function writeTargetFolder(rt: Runtime, { workDir }: CaptureRequest, folder: string): Promise<void> {
  await rt.fs.writeFile(path.join(workDir, TARGET_FOLDER_NAME), `${folder}\n`);
}
