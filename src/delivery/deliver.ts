import { acquire } from '../store/acquire.js';
import { stageChannel } from './stage/stage-channel.js';
import type { RepackPlan } from '../conda/plan/plan.js';
import type { JobReport } from './job-report.js';
import type { WorkSettings } from '../conda/plan/request.js';
import { publish } from './publish.js';
import { createStaging } from './stage/staging.js';
import { VERSION } from '../base/tool-version.js';
import { emitFindings } from './collect-findings.js';
import type { Collected } from './collect-findings.js';
import { laySiteFiles, signerOf } from './hand-over.js';
import type { LabelFolder } from './place/label-folder.js';
import { proveInstallable } from './proof/prove-installable.js';
import { publishedReport } from './report.js';
import { refuseLeaks } from './secret-scan.js';
import type { Workshop } from './workshop.js';

export interface Delivery {
  job: 'update' | 'capture';
  request: WorkSettings;
  plan: RepackPlan;
  packageCaches: readonly string[];
  folder: LabelFolder;
  workshop: Workshop;
}

/** From a plan to a published label folder: fetch, stage beside it, prove, switch. */
export async function deliver({ rt, findings }: Collected, delivery: Delivery): Promise<JobReport> {
  const { job, request, plan, packageCaches, folder, workshop } = delivery;
  const { store, gateway } = workshop;
  const { place, live, lock, startedAt } = folder;

  const acquired = await acquire(rt, {
    artifacts: plan.artifacts,
    store,
    caches: packageCaches,
    fetch: gateway.fetchArtifact,
    downloaded: gateway.fetchedForEngine,
  });
  emitFindings(rt, acquired.findings);
  await rt.reach('update:acquired');

  const attested = request.attestations
    ? await (
        await import('./collect-attestations.js')
      ).collectAttestations(rt, { artifacts: acquired.artifacts, gateway, store })
    : { side: [], findings: [] };
  emitFindings(rt, attested.findings);

  const staging = await createStaging(rt, { stateDir: place.stateDir, command: job });
  try {
    const staged = await stageChannel(rt, {
      plan,
      acquired: acquired.artifacts,
      live,
      dir: staging.channelDir,
      indexBz2: request.indexBz2,
      replace: request.replace,
      side: attested.side,
      sign: signerOf(rt, { signKey: request.signKey, label: plan.label }),
    });
    emitFindings(rt, [...staged.findings, ...gateway.findings()]);
    await rt.reach('update:staged');

    const proof = await proveInstallable(rt, { staged, plan, request, workshop });
    await refuseLeaks(rt, workshop, staged);
    await rt.reach('update:proven');

    const receipt = await publish(rt, {
      place,
      staging,
      staged,
      live,
      lock,
      adopt: request.adopt,
      engine: engineOf(plan),
      tool: `repackenv ${VERSION}`,
      startedAt,
    });
    await rt.reach('update:published');
    await laySiteFiles(rt, { request, labelDir: place.labelDir, staged });
    await rt.reach('update:handed-over');
    return publishedReport({
      job,
      plan,
      folder,
      fetched: acquired.counts,
      staged,
      proof,
      receipt,
      findings: findings(),
    });
  } finally {
    await staging.discard();
  }
}

function engineOf(plan: RepackPlan): string {
  return [...new Set(plan.solved.map((one) => `${one.engine.kind} ${one.engine.version}`))].join(', ');
}
