import { emitFindings } from '../base/emit-findings.js';
import type { JobReport } from './job-report.js';
import { askedBy, type RepackRequest } from './request.js';
import type { Runtime } from '../runtime/runtime.js';
import { collectFindings } from '../delivery/collect-findings.js';
import { readHold } from '../delivery/generations/hold.js';
import { guard } from '../delivery/guard.js';
import { lookAtLabelFolder } from '../delivery/place/label-folder.js';
import { heldReport } from './held-report.js';
import { installerChanges, sayInstallers } from './label-installers.js';
import { makePlan, plannedBefore } from './make-plan.js';
import { guardKnown } from './policy/guard-known.js';
import { knownInfos, plannedRuns } from './planned-runs.js';
import { planReport } from './published-report.js';
import { withEngines, withTools } from './run/job-tools.js';
import type { SharedTools } from './run/shared-tools.js';

/** `repackenv plan` and `--dry-run`: what would be delivered and what would change. Writes nothing below ROOT and takes no lock there. */
export async function plan(machine: Runtime, request: RepackRequest, shared?: SharedTools): Promise<JobReport> {
  const { rt, findings } = collectFindings(machine);
  const folder = await lookAtLabelFolder(rt, request);
  const held = await readHold(rt, folder.place);
  if (held !== undefined) return heldReport('plan', held, folder, findings);
  return withEngines(
    rt,
    { ...request, solvesLater: await plannedBefore(rt, request) },
    (engines) =>
      withTools(rt, { ...request, root: folder.place.root, job: 'plan', engines }, async (tools) => {
        const { plan: made } = await makePlan(rt, request, tools);
        guard(rt, { asked: askedBy(request), plan: made, live: folder.live });
        emitFindings(rt, tools.gateway.findings());
        sayInstallers(rt, installerChanges(folder.live, request.installers));
        const known = await knownInfos(rt, request, made, folder.live);
        await guardKnown(rt, request, { plan: made, live: folder.live, known });
        const runs = plannedRuns(made, known);
        return { ...planReport(made, folder, { findings: findings(), request }), runs };
      }),
    shared,
  );
}
