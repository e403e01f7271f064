import type { Redactor } from '../base/redact.js';
import type { JobReport } from '../delivery/job-report.js';
import type { RepackRequest } from '../conda/plan/request.js';
import type { Runtime } from '../runtime/runtime.js';
import { deliver } from '../delivery/deliver.js';
import { collectFindings } from '../delivery/collect-findings.js';
import { withLabelFolder } from '../delivery/place/label-folder.js';
import { makePlan } from './make-plan.js';
import { withEngines, withWorkshop } from '../delivery/workshop.js';

/**
 * The main job: makes or refreshes ROOT/LABEL. Always from scratch, so that nothing stale stays; what is already right is not
 * written again. Nothing reaches the label folder before the proof.
 */
export async function update(machine: Runtime, request: RepackRequest, redactor: Redactor): Promise<JobReport> {
  const collected = collectFindings(machine);
  const { rt } = collected;
  return withEngines(rt, request, (engines) =>
    withLabelFolder(rt, { ...request, job: 'update' }, (folder) =>
      withWorkshop(rt, { ...request, job: 'update', redactor, engines }, async (workshop) => {
        const { plan, packageCaches } = await makePlan(rt, request, workshop);
        return deliver(collected, { job: 'update', request, plan, packageCaches, folder, workshop });
      }),
    ),
  );
}
