import { dependencyName } from '../../conda/spec/dependency.js';
import { RepackError, isRepackError } from '../../base/errors.js';
import { parseDistFilename } from '../../conda/channel/names.js';
import type { PlannedArtifact, SolvedSubdir, SolveRequest } from '../../conda/plan/plan.js';
import type { TargetClient } from '../../conda/plan/profile.js';
import type { RepodataSource } from '../../conda/record/repodata-index.js';
import { solveEmbedded } from './solve.js';
import type { EmbeddedRuntime } from './solve.js';
import type { EmbeddedSolver } from './solver.js';

export interface ExplainClientFormatInput {
  request: SolveRequest;
  /** As published. */
  full: RepodataSource;
  /** What the client can read. */
  viewed: RepodataSource;
  solver?: EmbeddedSolver | undefined;
}

/**
 * Called after a solve over `viewed` failed: E_CLIENT_FORMAT with every package that exists only in a form the client at the site
 * can't read, when the same request has a solution over `full`; undefined when the client is not to blame.
 */
export async function explainClientFormat(
  rt: EmbeddedRuntime,
  input: ExplainClientFormatInput,
): Promise<RepackError | undefined> {
  const client = input.request.profile.client;
  if (client === undefined) return undefined;
  const solution = await solutionOverAll(rt, input, client);
  const unreadable: string[] = [];
  for (const artifact of solution?.artifacts ?? []) {
    const problem = await problemOf(artifact, client, input.viewed);
    if (problem !== undefined) unreadable.push(`${artifact.subdir}/${artifact.fn}: ${problem}`);
  }
  if (unreadable.length === 0) return undefined;
  const name = `${client.name} ${client.version}`;
  return new RepackError('E_CLIENT_FORMAT', {
    what: `${name} can't read ${unreadable.length} of the packages that this request needs on ${input.request.profile.subdir}`,
    where: `--client "${name}"`,
    hint: 'Have them published as .tar.bz2 without virtual packages too, or give the client that is really in use (.conda needs conda 4.7).',
    details: unreadable,
  });
}

async function solutionOverAll(
  rt: EmbeddedRuntime,
  input: ExplainClientFormatInput,
  client: TargetClient,
): Promise<SolvedSubdir | undefined> {
  const { request, full, solver } = input;
  try {
    return await solveEmbedded(rt, { request, source: full, solver, ignoreVirtual: !client.knowsVirtualPackages });
  } catch (error) {
    if (isRepackError(error) && ['E_UNSOLVABLE', 'E_PACKAGE_NOT_FOUND', 'E_NO_BASE_CHANNEL'].includes(error.code))
      return undefined;
    throw error;
  }
}

async function problemOf(
  artifact: PlannedArtifact,
  client: TargetClient,
  viewed: RepodataSource,
): Promise<string | undefined> {
  const { channel, subdir, fn, record } = artifact;
  const index = channel === undefined ? undefined : await viewed.repodata(channel, subdir);
  const { stem, format } = parseDistFilename(fn);
  if (index?.has(`${stem}.tar.bz2`) || index?.has(`${stem}.conda`)) return undefined;
  const virtual = record?.depends.filter((text) => dependencyName(text).startsWith('__')) ?? [];
  const problems: string[] = [];
  if (format === 'conda' && !client.readsCondaFormat) problems.push('exists only as .conda');
  if (virtual.length > 0 && !client.knowsVirtualPackages) problems.push(`depends on ${virtual.join(', ')}`);
  return problems.length === 0 ? undefined : problems.join(' and ');
}
