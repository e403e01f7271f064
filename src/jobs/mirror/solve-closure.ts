import { plural } from '../../base/plural.js';
import { solveEmbedded } from '../../engine/embedded/solve.js';
import { openEmbeddedSolver } from '../../engine/embedded/solver.js';
import type { EmbeddedSolver } from '../../engine/embedded/solver.js';
import { closeBySolving, solverView } from '../../mirror/closure/closure.js';
import type { SolverView, SolvedFiles, SolveRequest } from '../../mirror/closure/closure.js';
import type { MirrorSource, PickedFile } from '../../mirror/select/select.js';
import { parseDependency } from '../../conda/spec/dependency.js';
import { isRepackError } from '../../base/errors.js';
import type { MatchSpec } from '../../conda/spec/match-spec.js';
import type { TargetProfile } from '../../conda/plan/profile.js';
import type { RepodataSource } from '../../conda/record/repodata-index.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { MirrorRequest } from './mirror-request.js';

/**
 * The solver's WebAssembly never gives memory back, and breaks down at 4 GB. After that many records it gets a new thread, which takes a
 * second.
 */
const RECORDS_A_THREAD = 300_000;

const SOLVER_SAYS_NO: ReadonlySet<string> = new Set(['E_UNSOLVABLE', 'E_PACKAGE_NOT_FOUND', 'E_NO_BASE_CHANNEL']);

/**
 * `with_dependencies: solve`: what the embedded solver takes for each picked file. One at which the solver breaks down, in a fresh thread
 * too, counts as one without a solution, and `brokeDown` is set: the others are mirrored all the same. Throws as `solveEmbedded` for anything
 * else.
 */
export async function solveClosure(
  rt: Runtime,
  request: Pick<MirrorRequest, 'settings' | 'profiles' | 'channels' | 'channelPriority'>,
  { sources, picked }: { sources: readonly MirrorSource[]; picked: readonly PickedFile[] },
): Promise<Awaited<ReturnType<typeof closeBySolving>> & { brokeDown: boolean }> {
  const { settings, profiles, channels, channelPriority } = request;
  const { filter, platforms } = settings;
  rt.events.emit({
    type: 'stage-started',
    stage: 'solve',
    detail: `what ${plural(picked.length, 'file needs', 'files need')}, each by a solver`,
  });
  const prospectOf = solverView({ sources, filter });
  const lists = { licenseBlacklist: [], blacklist: [], exclude: [], python: [] };
  const hasLists =
    filter.policy !== undefined || Object.keys(lists).some((name) => filter[name as keyof typeof lists].length > 0);
  const withoutLists = solverView({ sources, filter: { ...filter, ...lists, policy: undefined } });
  let solver: EmbeddedSolver | undefined;
  let shown = 0;
  let brokeDown = false;
  const renew = async (): Promise<void> => {
    await solver?.close();
    shown = 0;
  };
  const solve = async (asked: SolveRequest): Promise<SolvedFiles> => {
    rt.signal.throwIfAborted();
    // Thousands of files may need no solver: a signal must come through all the same.
    await rt.clock.sleep(0, rt.signal);
    const profile = profiles.find((each) => each.subdir === asked.subdir);
    if (profile === undefined) return { problem: `there is no target profile for ${asked.subdir}` };
    // As an entry of `depends`: a record may have a build string that nobody could ask for.
    const { spec } = parseDependency(asked.exact);
    if (spec === undefined) return { problem: `no solver can be asked for ${asked.exact}` };
    const answerOf = async ({ plain, views }: ReturnType<typeof prospectOf>): Promise<SolvedFiles> => {
      if (plain !== undefined) return { files: plain };
      let answer: SolvedFiles = { problem: 'nothing was shown to the solver' };
      for (const view of views) {
        answer = await solveIn(view(), { spec, profile });
        if (answer.files !== undefined) break;
      }
      return answer;
    };
    const answer = await answerOf(prospectOf(profile, asked.exact));
    if (answer.files !== undefined || !hasLists) return answer;
    const free = await answerOf(withoutLists(profile, asked.exact));
    return free.files === undefined ? answer : { ...answer, byLists: true };
  };
  const solveIn = async (
    view: SolverView,
    { spec, profile }: { spec: MatchSpec; profile: TargetProfile },
  ): Promise<SolvedFiles> => {
    if (shown > 0 && shown + view.size > RECORDS_A_THREAD) await renew();
    const source = sourceOf(view);
    // Not every mirror needs one.
    solver ??= openEmbeddedSolver(rt);
    for (;;) {
      const fresh = shown === 0;
      shown += view.size;
      try {
        const asked = { specs: [spec], channels, channelPriority, profile };
        return { files: (await solveEmbedded(rt, { request: asked, source, solver })).artifacts };
      } catch (error) {
        if (!isRepackError(error)) throw error;
        const breakdown = error.code === 'E_ENGINE_FAILED';
        if (!breakdown && !SOLVER_SAYS_NO.has(error.code)) throw error;
        if (breakdown && !fresh) {
          await renew();
          continue;
        }
        brokeDown ||= breakdown;
        return { problem: [error.what, ...error.details.slice(0, 3)].join('; ') };
      }
    }
  };
  try {
    return { ...(await closeBySolving({ sources, filter, picked, platforms, solve })), brokeDown };
  } finally {
    await solver?.close();
  }
}

function sourceOf({ sources }: SolverView): RepodataSource {
  return {
    repodata: async (channel, subdir) =>
      sources.find((each) => each.subdir === subdir && each.channel.url === channel.url)?.index,
  };
}
