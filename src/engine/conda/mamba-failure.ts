import { NOARCH } from '../../conda/channel/channel.js';
import type { MatchSpec } from '../../conda/spec/match-spec.js';
import { channelsOfSpec, specMatches } from '../../conda/spec/match-spec.js';
import type { SolveRequest } from '../../conda/plan/plan.js';
import type { RepodataSource } from '../../conda/record/repodata-index.js';

/**
 * What a failed `create` of mamba or micromamba is about; undefined where its text names neither. They print lines of a log and, for an
 * unsolvable request, `{"solver_problems": […], "success": false}` (recordings).
 */
export function mambaFailure(
  printed: Record<string, unknown> | undefined,
  text: string,
): 'solver' | 'upstream' | undefined {
  if (Array.isArray(printed?.['solver_problems'])) return 'solver';
  if (/Could not solve for environment specs/i.test(text)) return 'solver';
  const upstream =
    /Subdir \S+ not loaded!|Download error \(\d+\)|Transfer finalized, status: [45]\d\d|Failed to download/;
  return upstream.test(text) ? 'upstream' : undefined;
}

/** Specs that no record of the channels satisfies. mamba says only "unsupported request" of them. */
export async function specsWithoutCandidate(request: SolveRequest, source: RepodataSource): Promise<string[]> {
  const missing: string[] = [];
  for (const spec of request.specs) {
    if (!spec.name.startsWith('__') && !(await hasCandidate(spec, request, source))) missing.push(spec.text);
  }
  return missing;
}

async function hasCandidate(
  spec: MatchSpec,
  { channels, profile }: SolveRequest,
  source: RepodataSource,
): Promise<boolean> {
  for (const channel of channelsOfSpec(spec, channels)) {
    for (const subdir of [profile.subdir, NOARCH]) {
      const index = await source.repodata(channel, subdir);
      const records = (index?.filenames(spec.name) ?? []).map((fn) => index?.record(fn));
      if (records.some((record) => record !== undefined && specMatches(spec, record))) return true;
    }
  }
  return false;
}
