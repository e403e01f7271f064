import { append } from '../base/append.js';
import { engineTitle } from '../engine/conda/conda-engine.js';
import { createWithConda } from '../engine/conda/create-with-conda.js';
import { explainClientFormat } from '../engine/embedded/explain-client-format.js';
import { explainNotFound } from '../engine/explain-not-found.js';
import { solveEmbedded } from '../engine/embedded/solve.js';
import { RepackError, isRepackError } from '../base/errors.js';
import type { PlannedArtifact, RepackPlan, SolveRequest, SolvedSubdir } from '../conda/plan/plan.js';
import type { TargetProfile } from '../conda/plan/profile.js';
import type { RepackRequest } from './request.js';
import type { Runtime } from '../runtime/runtime.js';
import { withEngineCache } from './run/engine-cache.js';
import type { JobTools } from './run/job-tools.js';

export interface MadePlan {
  plan: RepackPlan;
  /** Where a real engine left artifacts, best first. */
  packageCaches: string[];
}

/** Solves every subdir: the host's own with the engine in use, foreign ones with the embedded solver (design D2). */
export async function makePlan(rt: Runtime, request: RepackRequest, tools: JobTools): Promise<MadePlan> {
  const solved: SolvedSubdir[] = [];
  const packageCaches: string[] = [];
  for (const profile of request.profiles) {
    const answer = await solveSubdir(rt, { request, profile, tools });
    solved.push(answer.solved);
    append(packageCaches, answer.packageCaches);
    await rt.reach('update:solved');
  }
  const { label, specs, channels, channelPriority, profiles } = request;
  const artifacts = unionOf(solved);
  return {
    plan: { label, specs, channels, channelPriority, profiles, solved, artifacts, findings: [] },
    packageCaches,
  };
}

interface SubdirTask {
  request: RepackRequest;
  profile: TargetProfile;
  tools: JobTools;
}

async function solveSubdir(rt: Runtime, task: SubdirTask): Promise<{ solved: SolvedSubdir; packageCaches: string[] }> {
  const { request, profile, tools } = task;
  const { specs, channels, channelPriority } = request;
  const solveRequest: SolveRequest = {
    specs,
    channels,
    channelPriority,
    profile: { ...profile, client: tools.reader },
  };
  const engine = profile.subdir === rt.machine.subdir ? tools.conda : undefined;
  const name = engine === undefined ? 'embedded solver' : `${engineTitle(engine)} (${engine.path})`;
  rt.events.emit({ type: 'stage-started', stage: 'solve', detail: `${profile.subdir} with ${name}` });
  try {
    const answer: SolvedSubdir & { packageCaches?: string[] } =
      engine === undefined
        ? await solveEmbedded(rt, { request: solveRequest, source: tools.gateway.viewed, solver: tools.solver })
        : await solveWithConda(rt, solveRequest, tools, engine);
    rt.events.emit({
      type: 'stage-finished',
      stage: 'solve',
      detail: `${profile.subdir}: ${answer.artifacts.length} packages, priority ${answer.priority}`,
    });
    return { solved: answer, packageCaches: answer.packageCaches ?? [] };
  } catch (error) {
    throw await trueCause(rt, error, solveRequest, tools);
  }
}

async function solveWithConda(
  rt: Runtime,
  request: SolveRequest,
  tools: JobTools,
  engine: NonNullable<JobTools['conda']>,
): ReturnType<typeof createWithConda> {
  const access = await tools.gateway.listen();
  const { enginePkgsDir, runDir, gateway: source } = tools;
  const upstreamFailures = () => source.failures();
  const created = await withEngineCache(rt, enginePkgsDir, () =>
    createWithConda(rt, { engine, request, access, source, runDir, enginePkgsDir, upstreamFailures }),
  );
  for (const ignored of [created.ignoredVariables, created.ignoredSettings]) {
    if (ignored.length === 0) continue;
    rt.events.emit({ type: 'note', message: `without effect on the engine: ${ignored.join(', ')}` });
  }
  return created;
}

const SOLVER_SAYS_NO: ReadonlySet<string> = new Set([
  'E_UNSOLVABLE',
  'E_PACKAGE_NOT_FOUND',
  'E_NO_BASE_CHANNEL',
  'E_ENGINE_FAILED',
  'E_ENGINE_INCOMPLETE',
  'E_ENGINE_OUTPUT',
]);

/** What the gateway met is nearer to the cause than an engine's words; what the client can't read explains what is "not found". */
async function trueCause(rt: Runtime, error: unknown, request: SolveRequest, tools: JobTools): Promise<unknown> {
  if (!isRepackError(error) || !SOLVER_SAYS_NO.has(error.code)) return error;
  const [failure] = tools.gateway.failures();
  if (failure !== undefined) return failure;
  const { gateway, solver } = tools;
  const client = await explainClientFormat(rt, { request, full: gateway, viewed: gateway.viewed, solver });
  if (client !== undefined || error.code !== 'E_PACKAGE_NOT_FOUND') return client ?? error;
  return (await explainNotFound(error, { request, source: gateway.viewed })) ?? error;
}

/** One entry a (subdir, file name), sorted. Two subdirs may share noarch artifacts, but never differ about one. */
function unionOf(solved: readonly SolvedSubdir[]): PlannedArtifact[] {
  const union = new Map<string, PlannedArtifact>();
  for (const artifact of solved.flatMap((one) => one.artifacts)) {
    const key = `${artifact.subdir}/${artifact.fn}`;
    const before = union.get(key);
    if (before !== undefined && before.url !== artifact.url) {
      throw new RepackError('E_RECORD_CONFLICT', {
        what: `Two subdirs need ${key} from different channels`,
        where: key,
        hint: 'Order the channels so that one of them provides the package for all subdirs, or deliver the subdirs under different labels.',
        details: [before.url ?? 'unpublished', artifact.url ?? 'unpublished'],
      });
    }
    union.set(key, artifact);
  }
  return [...union.keys()].sort().flatMap((key) => union.get(key) ?? []);
}
