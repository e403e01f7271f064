import { engineTitle } from '../../engine/conda/conda-engine.js';
import { chooseEngine, detectEngines } from '../../engine/detect.js';
import type { RepackPlan } from '../../conda/plan/plan.js';
import { specsFor } from '../../conda/spec/match-spec.js';
import type { WorkSettings } from '../../config/work-settings.js';
import type { Proof, StagedChannel } from '../../channel/staged.js';
import { proveStaged } from './prove.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { CondaEngine } from '../../engine/conda/conda-engine.js';
import type { EmbeddedSolver } from '../../engine/embedded/solver.js';

export interface ProofTask {
  staged: StagedChannel;
  plan: RepackPlan;
  request: WorkSettings;
  tools: ProofTools;
}

export interface ProofTools {
  solver: EmbeddedSolver;
  /** The engine in use, if it is one of those that install. */
  conda: CondaEngine | undefined;
  runDir: string;
}

/** The staged folder is complete, right and installable from itself alone (design D9); with `--prove install`, seen by doing it. */
export async function proveInstallable(rt: Runtime, { staged, plan, request, tools }: ProofTask): Promise<Proof> {
  rt.events.emit({ type: 'stage-started', stage: 'prove', detail: 'index, digests, offline solve' });
  const proof = await proveStaged(rt, {
    staged,
    plan,
    solver: tools.solver,
  });
  if (request.prove.kind === 'solve') return proof;
  const installed = await installProof(rt, { staged, plan, request, tools });
  return { checks: [...proof.checks, installed] };
}

async function installProof(
  rt: Runtime,
  { staged, plan, request, tools }: ProofTask,
): Promise<Proof['checks'][number]> {
  const subdir = rt.machine.subdir;
  const enginePath = request.prove.kind === 'install' ? request.prove.enginePath : undefined;
  const chosen =
    enginePath === undefined && tools.conda !== undefined
      ? ({ kind: 'conda', engine: tools.conda } as const)
      : chooseEngine({
          wanted: 'any',
          found: await detectEngines(rt, { enginePath: enginePath ?? request.enginePath }),
          subdir,
          hostSubdir: subdir,
          enginePath: enginePath ?? request.enginePath,
        });
  if (chosen.kind === 'embedded') throw new TypeError('the host’s own subdir is never the embedded solver’s here');
  const profile = plan.profiles.find((one) => one.subdir === subdir);
  if (profile === undefined) {
    rt.events.emit({
      type: 'warning',
      message: `--prove install proves this machine’s subdir (${subdir}) only, and the label has none of it: proven by solving`,
    });
    return { name: 'install skipped', detail: `no ${subdir} in the label` };
  }
  const { engine } = chosen;
  rt.events.emit({
    type: 'stage-started',
    stage: 'prove',
    detail: `offline installation with ${engineTitle(engine)}`,
  });
  const { installOffline } = await import('../../engine/conda/install-offline.js');
  const specs = specsFor(plan.specs, subdir);
  await installOffline(rt, { engine, channelDir: staged.dir, specs, profile, runDir: tools.runDir });
  return { name: `installed by ${engineTitle(engine)}`, detail: subdir };
}
