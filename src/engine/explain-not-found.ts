import { NOARCH } from '../conda/channel/channel.js';
import type { Subdir } from '../conda/channel/channel.js';
import { RepackError, isRepackError } from '../base/errors.js';
import type { SolveRequest } from '../conda/plan/plan.js';
import type { RepodataIndex, RepodataSource } from '../conda/record/repodata-index.js';
import type { MatchSpec } from '../conda/spec/match-spec.js';
import { specsWithoutCandidate } from './conda/mamba-failure.js';

/** A channel with more records is not asked for its other platforms: the answer is not worth the wait. */
const MOST_RECORDS = 50_000;
/** What channels mostly have. */
const PLATFORMS = ['linux-64', 'linux-aarch64', 'linux-32', 'osx-64', 'osx-arm64', 'win-64', 'win-arm64', 'win-32'];

/**
 * Called after a solve ended with E_PACKAGE_NOT_FOUND: the same error with the true reason, where a package is there for other platforms only,
 * or where two packages were typed as one (`"app lib"` is app in the version lib). Undefined where there is nothing to add.
 */
export async function explainNotFound(
  error: RepackError,
  { request, source }: { request: SolveRequest; source: RepodataSource },
): Promise<RepackError | undefined> {
  const absent = new Set(await specsWithoutCandidate(request, source));
  const specs = request.specs.filter((spec) => absent.has(spec.text));
  const elsewhere = await platformsOf(specs, request, source);
  const joined = specs.filter(({ version }) => version !== undefined && /^==[a-z][a-z_.-]*$/i.test(version));
  if (elsewhere.size === 0 && joined.length === 0) return undefined;
  const { subdir } = request.profile;
  const lines = [
    ...[...elsewhere].map(([name, subdirs]) => `${name}: there is one for ${subdirs.join(', ')}, none for ${subdir}`),
    ...joined.map((spec) => `${spec.text}: read as ${spec.name} in the version ${spec.version!.slice(2)}`),
  ];
  const all = specs.every(({ name }) => elsewhere.has(name));
  return new RepackError(error.code, {
    what: all
      ? `Not for ${subdir}: ${[...elsewhere.keys()].join(', ')}; other platforms have what is asked for`
      : error.what,
    where: error.where,
    hint: [
      ...(elsewhere.size === 0
        ? []
        : [`Leave ${subdir} out of --subdir for these packages, or have them built for it.`]),
      ...(joined.length === 0 ? [] : ['Give two packages as two arguments, or on two lines of the file.']),
      ...(all || error.hint === undefined ? [] : [error.hint]),
    ].join(' '),
    details: [...lines, ...error.details.filter((line) => !isDoubled(line, elsewhere))],
    cause: error,
  });
}

async function platformsOf(
  specs: readonly MatchSpec[],
  { channels, profile }: SolveRequest,
  source: RepodataSource,
): Promise<Map<string, Subdir[]>> {
  const ask = async (channel: SolveRequest['channels'][number], subdir: Subdir): Promise<RepodataIndex | undefined> => {
    try {
      return await source.repodata(channel, subdir);
    } catch (error) {
      if (isRepackError(error)) return undefined;
      throw error;
    }
  };
  const found = new Map<string, Set<Subdir>>();
  const unknown = new Set(specs.map(({ name }) => name));
  for (const channel of unknown.size === 0 ? [] : channels) {
    const own = await Promise.all([ask(channel, profile.subdir), ask(channel, NOARCH)]);
    for (const name of unknown) if (own.some((index) => (index?.filenames(name).length ?? 0) > 0)) unknown.delete(name);
    if (own.reduce((sum, index) => sum + (index?.published ?? 0), 0) > MOST_RECORDS) continue;
    const others = PLATFORMS.filter((subdir) => subdir !== profile.subdir);
    const indexes = await Promise.all(others.map((subdir) => ask(channel, subdir)));
    for (const [at, subdir] of others.entries()) {
      for (const name of unknown) {
        if ((indexes[at]?.filenames(name).length ?? 0) > 0) found.set(name, (found.get(name) ?? new Set()).add(subdir));
      }
    }
  }
  return new Map([...found].filter(([name]) => unknown.has(name)).map(([name, subdirs]) => [name, [...subdirs]]));
}

/** `winonly: no such package; did you mean winonly2?` */
function isDoubled(line: string, elsewhere: ReadonlyMap<string, unknown>): boolean {
  return [...elsewhere.keys()].some((name) => line.startsWith(`${name}: no such package`));
}
