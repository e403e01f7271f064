import type { JobReport } from './job-report.js';
import { askedBy, type RepackRequest } from './request.js';
import type { Runtime } from '../runtime/runtime.js';
import { collectFindings } from '../delivery/collect-findings.js';
import { readHold } from '../delivery/generations/hold.js';
import { guard } from '../delivery/guard.js';
import { withLabelFolder } from '../delivery/place/label-folder.js';
import { heldReport } from './held-report.js';
import { makePlan } from './make-plan.js';
import { repack } from './repack.js';
import { withEngines, withTools } from './run/job-tools.js';
import type { SharedTools } from './run/shared-tools.js';

/**
 * The main job: makes or refreshes ROOT/LABEL. Always from scratch, so that nothing stale stays; what is already right is not
 * written again. Nothing reaches the label folder before the proof.
 */
export async function update(machine: Runtime, request: RepackRequest, shared?: SharedTools): Promise<JobReport> {
  const collected = collectFindings(machine);
  const { rt } = collected;
  return withEngines(
    rt,
    request,
    (engines) =>
      withLabelFolder(rt, { ...request, job: 'update' }, async (folder) => {
        const held = await readHold(rt, folder.place);
        if (held !== undefined) return heldReport('update', held, folder, collected.findings);
        return withTools(rt, { ...request, root: folder.place.root, job: 'update', engines }, async (tools) => {
          const { plan, packageCaches } = await makePlan(rt, request, tools);
          guard(rt, { asked: askedBy(request), plan, live: folder.live });
          const { policy } = request;
          return repack(collected, { job: 'update', request, policy, plan, packageCaches, folder, tools });
        });
      }),
    shared,
  );
}
