import { channelFileUrl } from '../../conda/channel/channel.js';
import type { PlannedArtifact, SolvedSubdir, SolveRequest } from '../../conda/plan/plan.js';
import type { RepodataSource } from '../../conda/record/repodata-index.js';
import type { Runtime } from '../../runtime/runtime.js';
import { gatherCandidates } from './candidates.js';
import type { Candidate, Candidates, Denies } from './candidates.js';
import { refuseMissing, unsolvable } from './explain-unsolvable.js';
import { openEmbeddedSolver } from './solver.js';
import type { EmbeddedSolver, SolverAnswer } from './solver.js';
import { solverView, type SolverView } from './solver-view.js';
import { parseUrl } from '../../base/parse-url.js';

/** The version of `@conda-org/rattler` in package.json. */
export const RATTLER_VERSION = '0.3.5';

export type EmbeddedRuntime = Pick<Runtime, 'workers' | 'clock' | 'signal' | 'events'>;

export interface EmbeddedSolveInput {
  request: SolveRequest;
  /** Already put through the client's view. */
  source: RepodataSource;
  /** One thread for many solves; without it one is started and ended here. */
  solver?: EmbeddedSolver | undefined;
  denies?: Denies | undefined;
  /** Solve as if the machine had every virtual package: for telling what a client lacks. */
  ignoreVirtual?: boolean;
}

/**
 * Solves one subdir with rattler's solver, without network, conda or the build host's own virtual packages. `flexible` is conda's:
 * the channel goes before the version, and lower channels are there to fall back on; `priority` says `relaxed` where a package
 * comes from below the highest channel that has it, else `strict`. `pip` is added to python's depends in the solver's view only
 * (for a client that does so; for an unknown one where a channel has pip). Artifacts carry the record of the source.
 *
 * Throws E_PACKAGE_NOT_FOUND, E_NO_BASE_CHANNEL, E_UNSOLVABLE, E_SOURCE_NOT_ALLOWED, E_RECORD, E_REPODATA and what
 * `EmbeddedSolver.solve` throws.
 */
export async function solveEmbedded(rt: EmbeddedRuntime, input: EmbeddedSolveInput): Promise<SolvedSubdir> {
  const solver = input.solver ?? openEmbeddedSolver(rt);
  try {
    return await solved(rt, { ...input, solver });
  } finally {
    if (input.solver === undefined) await solver.close();
  }
}

async function solved(
  rt: EmbeddedRuntime,
  input: EmbeddedSolveInput & { solver: EmbeddedSolver },
): Promise<SolvedSubdir> {
  const { request } = input;
  const candidates = await gatherCandidates(request, input.source, { denies: input.denies, signal: rt.signal });
  warnOfRefused(rt, candidates);
  refuseMissing(request, candidates);
  const view = solverView(request, candidates, { ignoreVirtual: input.ignoreVirtual ?? false });
  const answer = await answerTo(view, input.solver);
  if ('failure' in answer) throw unsolvable(request, candidates, answer.failure);
  const chosen = answer.picks.map((pick) => view.find(pick)!);
  return {
    subdir: request.profile.subdir,
    engine: { kind: 'embedded', version: RATTLER_VERSION },
    priority: priorityOf(request, chosen, candidates),
    artifacts: chosen.map(planned).sort(bySubdirThenFn),
  };
}

/** A search among all candidates where one is needed, and where rattler has none of the solution found without: its words are to name all. */
async function answerTo(view: SolverView, solver: EmbeddedSolver): Promise<SolverAnswer> {
  const short = view.short && (await solver.solve(view.short));
  return short !== undefined && 'picks' in short ? short : solver.solve(view.whole());
}

function warnOfRefused(rt: EmbeddedRuntime, { refused }: Candidates): void {
  const first = refused.slice(0, 5).map(({ message }) => message);
  const more = refused.length - first.length;
  if (first.length > 0)
    rt.events.emit({
      type: 'warning',
      message: `Left out: ${first.join('; ')}${more > 0 ? `; and ${more} more` : ''}`,
    });
}

function priorityOf(
  request: SolveRequest,
  chosen: readonly Candidate[],
  { topRank }: Candidates,
): SolvedSubdir['priority'] {
  if (request.channelPriority !== 'flexible') return request.channelPriority;
  return chosen.every(({ rank, record }) => rank === topRank.get(record.name)) ? 'strict' : 'relaxed';
}

function planned({ channel, subdir, fn, record, index }: Candidate): PlannedArtifact {
  return { fn, subdir, channel, url: addressOf({ channel, subdir, fn, index }), record, origin: 'repodata' };
}

/** CEP 15: `base_url` is absolute, or relative to the subdir's address. Whether it may be followed is the gateway's to say. */
function addressOf({ channel, subdir, fn, index }: Pick<Candidate, 'channel' | 'subdir' | 'fn' | 'index'>): string {
  const plain = channelFileUrl(channel, subdir, fn);
  const base = index.baseUrl === undefined ? undefined : parseUrl(index.baseUrl, plain);
  return base === undefined ? plain : `${base.href.replace(/\/+$/, '')}/${fn}`;
}

function bySubdirThenFn(a: PlannedArtifact, b: PlannedArtifact): number {
  const left = `${a.subdir}/${a.fn}`;
  const right = `${b.subdir}/${b.fn}`;
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
