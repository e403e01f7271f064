import { plural } from '../base/plural.js';
import { RepackError, type ErrorCode } from '../base/errors.js';
import type { PlannedArtifact } from '../conda/plan/plan.js';

/** Why one artifact can't be delivered. */
export interface Problem {
  problem: ErrorCode;
  /** `linux-64/numpy-1.26.4-py39_0.conda` */
  subject: string;
  /** The error it comes from. */
  error?: RepackError | undefined;
  /** Clauses that say why, or what else was tried. */
  reasons?: readonly string[] | undefined;
}

export function isProblem(outcome: object): outcome is Problem {
  return 'problem' in outcome;
}

interface Seen {
  /** `PATH: reason`, of copies that were not used. */
  refusals: readonly string[];
  /** Caches that have the unpacked folder only. */
  extractedIn: readonly string[];
  caches: readonly string[];
  /** What its channel answered. */
  failure?: RepackError;
}

/** No source has it (any more): what the channel and each cache had. */
export function missing(artifact: PlannedArtifact, { refusals, extractedIn, caches, failure }: Seen): Problem {
  const without = caches.filter(
    (cache) => !extractedIn.includes(cache) && !refusals.some((refusal) => refusal.startsWith(cache)),
  );
  const reasons = [
    artifact.channel === undefined
      ? 'no declared channel has it, so it can only come from a package cache'
      : `${artifact.channel.url} ${failure === undefined ? 'was not asked' : `can’t be asked: ${failure.what}`}`,
    ...(caches.length === 0 ? ['there is no package cache to look into'] : []),
    ...(without.length === 0 ? [] : [`not in ${without.join(', ')}`]),
    ...extractedIn.map((cache) => `${cache} has only the extracted folder, which is no archive (conda/conda#8731)`),
    ...refusals,
  ];
  return { problem: 'E_ARTIFACT_MISSING', subject: `${artifact.subdir}/${artifact.fn}`, reasons };
}

/** Throws one error that names every artifact of `problems`; nothing when there are none. */
export function throwProblems(problems: readonly Problem[], total: number): void {
  const [first] = problems;
  if (first === undefined) return;
  if (problems.length === 1 && first.error !== undefined && (first.reasons ?? []).length === 0) throw first.error;
  const codes = new Set(problems.map(({ problem }) => problem));
  const code = codes.size === 1 ? first.problem : 'E_ARTIFACT_MISSING';
  throw new RepackError(code, {
    what: `${problems.length} of ${plural(total, 'artifact')} can not be delivered`,
    where: problems.map(({ subject }) => subject).join(', '),
    hint: hintOf(code),
    details: problems.flatMap(linesOf),
    cause: first.error,
  });
}

/** For `details`: the artifact with its code, then why, indented. */
export function linesOf({ problem, subject, error, reasons = [] }: Problem): string[] {
  const said = error === undefined ? reasons : [error.what, ...error.details, ...reasons];
  return [`${subject} [${problem}]`, ...said.map((line) => `  ${line}`)];
}

function hintOf(code: ErrorCode): string {
  if (code === 'E_RECORD_CONFLICT')
    return 'Declare only one of the channels, or ask for a build that only one of them has.';
  if (code === 'E_ARTIFACT_DIGEST')
    return 'Run again; if it comes out the same, report it to the owner of the channel.';
  return 'Install the packages again so that their archives are in the package cache, give the token of their channel, or ask for builds that the channels have.';
}
