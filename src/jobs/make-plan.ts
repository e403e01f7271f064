import { plural } from '../base/plural.js';
import { emitFindings } from '../base/emit-findings.js';
import { append } from '../base/append.js';
import { engineTitle } from '../engine/conda/conda-engine.js';
import { createWithConda } from '../engine/conda/create-with-conda.js';
import { explainClientFormat } from '../engine/embedded/explain-client-format.js';
import { explainNotFound } from '../engine/explain-not-found.js';
import { keptSolves, solvedBefore } from '../engine/embedded/kept-solves.js';
import { solveEmbedded } from '../engine/embedded/solve.js';
import type { EmbeddedSolver } from '../engine/embedded/solver.js';
import { repodataDir } from '../gateway/gateway.js';
import { RepackError, isRepackError } from '../base/errors.js';
import { pathOf } from '../conda/channel/names.js';
import { specsFor } from '../conda/spec/match-spec.js';
import { deniesBy } from './policy/denies.js';
import { guardPlan } from './policy/guard-plan.js';
import type { Finding } from '../base/findings.js';
import type { LockFile, NotConda } from '../config/lock-file/lock-file.js';
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
  if (request.lock !== undefined) emitFindings(rt, request.lock.notConda.map(notCondaFinding));
  if (request.pip !== undefined) {
    const { pipFindings } = await import('./pip-findings.js');
    emitFindings(rt, await pipFindings(request, request.pip, tools.gateway.viewed));
  }
  const solved: SolvedSubdir[] = [];
  const packageCaches: string[] = [];
  for (const profile of request.profiles) {
    const answer =
      request.lock === undefined
        ? await solveSubdir(rt, { request, profile, tools })
        : await locked(rt, { request, profile, tools }, request.lock);
    solved.push(answer.solved);
    append(packageCaches, answer.packageCaches);
    await rt.reach('update:solved');
  }
  const { label, specs, channels, channelPriority, profiles } = request;
  const artifacts = unionOf(solved);
  const plan = { label, specs, channels, channelPriority, profiles, solved, artifacts, findings: [] };
  await guardPlan(rt, request.policy, { plan, source: tools.gateway.viewed });
  return { plan, packageCaches };
}

interface SubdirTask {
  request: RepackRequest;
  profile: TargetProfile;
  tools: JobTools;
}

async function solveSubdir(rt: Runtime, task: SubdirTask): Promise<{ solved: SolvedSubdir; packageCaches: string[] }> {
  const { request, profile, tools } = task;
  const { channels, channelPriority } = request;
  const solveRequest: SolveRequest = {
    specs: specsFor(request.specs, profile.subdir),
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
        ? await solveEmbedded(rt, {
            request: solveRequest,
            source: tools.gateway.viewed,
            solver: keeping(rt, task, solveRequest),
            denies: request.policy && deniesBy(request.policy),
          })
        : await solveWithConda(rt, solveRequest, tools, engine);
    rt.events.emit({
      type: 'stage-finished',
      stage: 'solve',
      detail: `${profile.subdir}: ${plural(answer.artifacts.length, 'package')}, priority ${answer.priority}`,
    });
    return { solved: answer, packageCaches: answer.packageCaches ?? [] };
  } catch (error) {
    await explainDenied(rt, error, solveRequest, task);
    throw await trueCause(rt, error, solveRequest, tools);
  }
}

/** The solver that knows what it was asked the last time; with --recheck it is asked again. */
function keeping(
  rt: Runtime,
  { request, profile, tools }: SubdirTask,
  { specs, channels }: SolveRequest,
): EmbeddedSolver {
  if (request.recheck) return tools.solver;
  return keptSolves(rt, repodataDir(request.cacheDir), { specs, channels, subdir: profile.subdir }, tools.solver);
}

/** Whether all that `makePlan` will ask the embedded solver was asked before. */
export async function plannedBefore(
  rt: Runtime,
  { specs, channels, profiles, cacheDir }: RepackRequest,
): Promise<boolean> {
  const asked = profiles.map(({ subdir }) => ({ specs: specsFor(specs, subdir), channels, subdir }));
  return solvedBefore(rt, repodataDir(cacheDir), asked);
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

/** Nothing is solved: what the lock names, as the client at the site can read it. */
async function locked(
  rt: Runtime,
  { request, profile, tools }: SubdirTask,
  lock: LockFile,
): Promise<{ solved: SolvedSubdir; packageCaches: string[] }> {
  const detail = `${profile.subdir} is as ${lock.form} has it`;
  rt.events.emit({ type: 'stage-started', stage: 'solve', detail });
  const { joinLock } = await import('../engine/join-lock.js');
  const task = { lock, platform: profile.subdir, channels: request.channels, source: tools.gateway };
  const artifacts = await joinLock(task);
  refuseUnreadable(artifacts, tools.reader);
  rt.events.emit({
    type: 'stage-finished',
    stage: 'solve',
    detail: `${profile.subdir}: ${plural(artifacts.length, 'package')}`,
  });
  const engine = { kind: 'lock', version: `${lock.form} ${lock.version}` } as const;
  return { solved: { subdir: profile.subdir, engine, priority: 'flexible', artifacts }, packageCaches: [] };
}

function notCondaFinding({ name, kind }: NotConda): Finding {
  const message = `${name} is ${kind}, not a conda package of a channel: it is not in the folder`;
  return { code: 'not-conda', message, subject: name, exit: true };
}

/** @throws RepackError E_CLIENT_FORMAT */
function refuseUnreadable(artifacts: readonly PlannedArtifact[], reader: JobTools['reader']): void {
  const unreadable = reader?.readsCondaFormat === false ? artifacts.filter(({ fn }) => fn.endsWith('.conda')) : [];
  if (unreadable.length === 0) return;
  throw new RepackError('E_CLIENT_FORMAT', {
    what: `The lock names ${plural(unreadable.length, 'artifact')} in the .conda format, which ${reader?.name} ${reader?.version} can't read`,
    where: 'lock file',
    hint: 'Have it made for that client, or deliver what a solve chooses: without --lock.',
    details: unreadable.map(pathOf),
  });
}

const SOLVER_SAYS_NO: ReadonlySet<string> = new Set([
  'E_UNSOLVABLE',
  'E_PACKAGE_NOT_FOUND',
  'E_NO_BASE_CHANNEL',
  'E_ENGINE_FAILED',
  'E_ENGINE_INCOMPLETE',
  'E_ENGINE_OUTPUT',
]);

/**
 * Where the policy left the solver nothing to choose: what it would choose without, as the gate sees it.
 *
 * @throws RepackError E_POLICY
 */
async function explainDenied(
  rt: Runtime,
  error: unknown,
  request: SolveRequest,
  { request: { label, policy }, profile, tools }: SubdirTask,
): Promise<void> {
  const { gateway, solver } = tools;
  if (policy === undefined || !isRepackError(error) || !SOLVER_SAYS_NO.has(error.code)) return;
  if (gateway.failures().length > 0) return;
  const source = gateway.viewed;
  const without = await solveEmbedded(rt, { request, source, solver }).catch((other: unknown) => {
    if (isRepackError(other) && SOLVER_SAYS_NO.has(other.code)) return undefined;
    throw other;
  });
  if (without === undefined) return;
  const { specs, channels } = request;
  const plan = { label, specs, channels, profiles: [profile], artifacts: without.artifacts };
  await guardPlan(rt, policy, { plan, source });
}

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
