import type { JobReport } from '../model/report.js';
import type { RepackRequest } from '../model/request.js';
import type { Runtime } from '../runtime/runtime.js';
import { collectFindings, emitFindings } from './findings.js';
import { lookAtLabelFolder } from './label-folder.js';
import { makePlan } from './make-plan.js';
import { planReport } from './report.js';
import { withEngines, withWorkshop } from './workshop.js';

/** `repackenv plan` and `--dry-run`: what would be delivered and what would change. Writes nothing below ROOT and takes no lock there. */
export async function plan(machine: Runtime, request: RepackRequest): Promise<JobReport> {
  const { rt, findings } = collectFindings(machine);
  const folder = await lookAtLabelFolder(rt, request);
  return withEngines(rt, request, (engines) =>
    withWorkshop(rt, { ...request, job: 'plan', redactor: undefined, engines }, async (workshop) => {
      const { plan: made } = await makePlan(rt, request, workshop);
      emitFindings(rt, workshop.gateway.findings());
      return planReport(made, folder, findings());
    }),
  );
}
