import type { JobReport } from './job-report.js';
import { askedBy, type RepackRequest } from './request.js';
import type { Runtime } from '../runtime/runtime.js';
import { collectFindings, type Collected } from '../delivery/collect-findings.js';
import { readHold } from '../delivery/generations/hold.js';
import { guard } from '../delivery/guard.js';
import { lookAgain, withLabelFolder, type LabelFolder } from '../delivery/place/label-folder.js';
import { heldReport } from './held-report.js';
import { guardKnown } from './policy/guard-known.js';
import { makePlan } from './make-plan.js';
import { plan } from './plan.js';
import { repack } from './repack.js';
import { withEngines, withTools, type JobTools } from './run/job-tools.js';
import { provenFor, rememberProven } from './run/proven.js';
import { forgetProven } from './run/proven-file.js';
import type { SharedTools } from './run/shared-tools.js';
import { standOnProof } from './stand-on-proof.js';

/**
 * The main job: makes or refreshes ROOT/LABEL. Always from scratch, so that nothing stale stays; what is already right is not
 * written again. Nothing reaches the label folder before the proof. Where request, indexes and folder are those that were proven before, that
 * proof stands.
 */
export async function update(machine: Runtime, request: RepackRequest, shared?: SharedTools): Promise<JobReport> {
  // Ends with what the channels have of it, before a folder is made.
  if (request.pip?.left === false) return plan(machine, request, shared);
  const collected = collectFindings(machine);
  const { rt } = collected;
  const proven = await provenFor(rt, request);
  return withEngines(
    rt,
    { ...request, solvesLater: proven !== undefined },
    (engines) =>
      withLabelFolder(rt, { ...request, job: 'update', quick: proven !== undefined }, async (folder) => {
        const held = await readHold(rt, folder.place);
        if (held !== undefined) return heldReport('update', held, folder, collected.findings);
        return withTools(rt, { ...request, root: folder.place.root, job: 'update', engines }, async (tools) => {
          if (proven === undefined) return wholeUpdate(collected, { request, folder, tools });
          const report = await standOnProof(collected, { request, proven, folder, tools });
          if (report !== undefined) return report;
          return wholeUpdate(collected, { request, folder: await lookAgain(rt, folder, request), tools });
        });
      }),
    shared,
  );
}

async function wholeUpdate(
  collected: Collected,
  { request, folder, tools }: { request: RepackRequest; folder: LabelFolder; tools: JobTools },
): Promise<JobReport> {
  const { rt } = collected;
  await forgetProven(rt, folder.place);
  const { plan: made, packageCaches } = await makePlan(rt, request, tools);
  guard(rt, { asked: askedBy(request), plan: made, live: folder.live });
  await guardKnown(rt, request, { plan: made, live: folder.live });
  const { report, staged, proof, published } = await repack(collected, {
    job: 'update',
    request,
    policy: request.policy,
    plan: made,
    packageCaches,
    folder,
    tools,
  });
  const { findings } = report;
  const { manifestSha256 } = published;
  await rememberProven(rt, { request, folder, tools, solved: made.solved, staged, proof, manifestSha256, findings });
  return report;
}
