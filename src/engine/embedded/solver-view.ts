import { NOARCH } from '../../conda/channel/channel.js';
import { dependencyName } from '../../conda/spec/dependency.js';
import type { SolveRequest } from '../../conda/plan/plan.js';
import { isPython } from '../../conda/record/records.js';
import type { PackageRecord } from '../../conda/record/records.js';
import type { Candidate, Candidates } from './candidates.js';
import { solverDependency, solverSpec } from './dependency.js';
import { SOLVER_SUBDIR } from './protocol.js';
import type { SolverPick, SolverTask } from './protocol.js';

export interface SolverView {
  task: SolverTask;
  /** The candidate behind a pick. */
  find(pick: SolverPick): Candidate | undefined;
}

/**
 * What rattler is shown: ONE channel, with records that hold only what a solver looks at. rattler orders candidates of a name by
 * "no track_features first", version, build number, versions of shared dependencies, timestamp, place in the document, and
 * knows no flexible priority. conda's order (`Resolve.version_key`) is put into that:
 *
 * - flexible: channel before version. Records below the highest channel that has a candidate get `track_features`, so any version
 *   of the higher channel goes before them, yet they stay to fall back on. Between a second and a third channel version decides.
 * - then, at equal versions, higher channel, build number, platform before noarch: the three make the build number shown.
 * - at last the build string: candidates are written in its descending order.
 */
export function solverView(request: SolveRequest, candidates: Candidates, { ignoreVirtual = false } = {}): SolverView {
  const shown = [...candidates.byName.values()];
  const realBuildNumbers = namesAskedByBuildNumber(shown);
  const target: [Candidate, SolverRecord][] = [];
  const noarch: [Candidate, SolverRecord][] = [];
  for (const group of shown) {
    const top = group.reduce((rank, each) => Math.min(rank, each.rank), Number.POSITIVE_INFINITY);
    const span = group.reduce((most, each) => Math.max(most, each.record.build_number), 0) + 1;
    for (const candidate of group.toSorted(byBuildDescending)) {
      const { record, rank, subdir } = candidate;
      const place = (request.channels.length - 1 - rank) * span + record.build_number;
      const lower = request.channelPriority === 'flexible' && rank > top;
      const view = solverRecord(record, candidate, {
        buildNumber: realBuildNumbers.has(record.name) ? record.build_number : place * 2 + (subdir === NOARCH ? 0 : 1),
        lower,
      });
      if (candidates.pipForPython && isPython(record)) view.depends.push('pip');
      if (ignoreVirtual) view.depends = view.depends.filter((text) => !dependencyName(text).startsWith('__'));
      (subdir === NOARCH ? noarch : target).push([candidate, view]);
    }
  }
  const virtualPackages = request.profile.virtualPackages;
  const byFile = new Map(
    [...target, ...noarch].map(([candidate]) => [keyOf(candidate.subdir === NOARCH, candidate.fn), candidate]),
  );
  return {
    task: {
      // A virtual package that nothing asks for would be absent to `constrains`, so all are asked for.
      specs: [...request.specs.map(solverSpec), ...virtualPackages.map((each) => each.name)],
      virtualPackages,
      target: document(target, SOLVER_SUBDIR),
      noarch: document(noarch, NOARCH),
    },
    find: (pick) => byFile.get(keyOf(pick.noarch, pick.fn)),
  };
}

interface SolverRecord {
  name: string;
  version: string;
  build: string;
  build_number: number;
  depends: string[];
  constrains?: string[] | undefined;
  subdir: string;
  timestamp?: number | undefined;
  track_features?: string | undefined;
}

function solverRecord(
  record: PackageRecord,
  { subdir }: Candidate,
  order: { buildNumber: number; lower: boolean },
): SolverRecord {
  const features = record['track_features'];
  const hasFeatures = Array.isArray(features) ? features.length > 0 : typeof features === 'string' && features !== '';
  return {
    name: record.name,
    version: record.version,
    build: record.build,
    build_number: order.buildNumber,
    depends: record.depends.map(solverDependency),
    constrains: record.constrains?.map(solverDependency),
    subdir: subdir === NOARCH ? NOARCH : SOLVER_SUBDIR,
    timestamp: Number.isSafeInteger(record.timestamp) && record.timestamp! >= 0 ? record.timestamp : undefined,
    track_features: order.lower || hasFeatures ? 'later' : undefined,
  };
}

function byBuildDescending(a: Candidate, b: Candidate): number {
  if (a.record.build === b.record.build) return 0;
  return a.record.build < b.record.build ? 1 : -1;
}

/** `depends` may name a build number, if only with brackets; such a name must show its real ones. */
function namesAskedByBuildNumber(groups: readonly (readonly Candidate[])[]): Set<string> {
  const names = new Set<string>();
  for (const { record } of groups.flat()) {
    for (const text of [...record.depends, ...(record.constrains ?? [])]) {
      if (text.includes('build_number')) names.add(dependencyName(text));
    }
  }
  return names;
}

function document(records: readonly [Candidate, SolverRecord][], subdir: string): Uint8Array<ArrayBuffer> {
  const part = (conda: boolean) =>
    Object.fromEntries(
      records.filter(([{ fn }]) => fn.endsWith('.conda') === conda).map(([{ fn }, view]) => [fn, view]),
    );
  // Not a Buffer: those share one block of memory, and this one moves to the worker.
  return new TextEncoder().encode(
    JSON.stringify({ info: { subdir }, packages: part(false), 'packages.conda': part(true) }),
  );
}

function keyOf(noarch: boolean, fn: string): string {
  return `${noarch ? 'noarch' : 'target'}/${fn}`;
}
