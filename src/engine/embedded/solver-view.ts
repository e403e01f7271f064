import { NOARCH } from '../../conda/channel/channel.js';
import { dependencyName } from '../../conda/spec/dependency.js';
import type { SolveRequest } from '../../conda/plan/plan.js';
import { isPython } from '../../conda/record/records.js';
import type { Candidate, Candidates } from './candidates.js';
import { firstChoices, type ShownPlace } from './first-choices.js';
import { solverDependency, solverSpec } from './dependency.js';
import { SOLVER_SUBDIR } from './protocol.js';
import type { SolverPick, SolverTask } from './protocol.js';

export interface SolverView {
  /** With the records that make up the only solution rattler can find; undefined where it has to search. */
  short: SolverTask | undefined;
  /** With all candidates. */
  whole(): SolverTask;
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
  const { byName, pipForPython } = candidates;
  const { virtualPackages } = request.profile;
  const placeOf = shownPlaces(request, byName);
  const dependsOf = ({ record }: Candidate): string[] => {
    const texts = pipForPython && isPython(record) ? [...record.depends, 'pip'] : record.depends;
    return ignoreVirtual ? texts.filter((text) => !dependencyName(text).startsWith('__')) : texts;
  };
  // A virtual package that nothing asks for would be absent to `constrains`, so all are asked for.
  const specs = [...request.specs.map(solverSpec), ...virtualPackages.map((each) => each.name)];
  const byFile = new Map<string, Candidate>();
  const task = (shown: readonly Candidate[]): SolverTask => {
    for (const each of shown) byFile.set(keyOf(each.subdir === NOARCH, each.fn), each);
    const records = shown.map((each): [Candidate, SolverRecord] => [
      each,
      solverRecord(each, { ...placeOf(each), depends: dependsOf(each).map(solverDependency) }),
    ]);
    const part = (noarch: boolean) => records.filter(([{ subdir }]) => (subdir === NOARCH) === noarch);
    return {
      specs,
      virtualPackages,
      target: document(part(false), SOLVER_SUBDIR),
      noarch: document(part(true), NOARCH),
    };
  };
  const asked = request.specs.map(({ name, version, build }) => ({ name, version, build }));
  const first = firstChoices({ specs: asked, virtualPackages, byName, placeOf, dependsOf });
  return {
    short: first && task(first),
    whole: () => task([...byName.values()].flatMap((group) => group.toSorted(byBuildDescending))),
    find: ({ noarch, fn }) => byFile.get(keyOf(noarch, fn)),
  };
}

/** Names are asked by build number rarely: those show their real ones. */
function shownPlaces(
  { channels, channelPriority }: SolveRequest,
  byName: Candidates['byName'],
): (candidate: Candidate) => ShownPlace {
  const realBuildNumbers = namesAskedByBuildNumber(byName);
  const groups = new Map<string, { top: number; span: number }>();
  for (const [name, group] of byName) {
    const top = group.reduce((rank, each) => Math.min(rank, each.rank), Number.POSITIVE_INFINITY);
    const span = group.reduce((most, each) => Math.max(most, each.record.build_number), 0) + 1;
    groups.set(name, { top, span });
  }
  return ({ record, rank, subdir }) => {
    const { top, span } = groups.get(record.name.toLowerCase())!;
    const place = (channels.length - 1 - rank) * span + record.build_number;
    const features = record['track_features'];
    const hasFeatures = Array.isArray(features) ? features.length > 0 : typeof features === 'string' && features !== '';
    return {
      buildNumber: realBuildNumbers.has(record.name) ? record.build_number : place * 2 + (subdir === NOARCH ? 0 : 1),
      later: hasFeatures || (channelPriority === 'flexible' && rank > top),
      timestamp: Number.isSafeInteger(record.timestamp) && record.timestamp! >= 0 ? record.timestamp : undefined,
    };
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
  { record, subdir }: Candidate,
  { buildNumber, later, timestamp, depends }: ShownPlace & { depends: string[] },
): SolverRecord {
  return {
    name: record.name,
    version: record.version,
    build: record.build,
    build_number: buildNumber,
    depends,
    constrains: record.constrains?.map(solverDependency),
    subdir: subdir === NOARCH ? NOARCH : SOLVER_SUBDIR,
    timestamp,
    track_features: later ? 'later' : undefined,
  };
}

function byBuildDescending(a: Candidate, b: Candidate): number {
  if (a.record.build === b.record.build) return 0;
  return a.record.build < b.record.build ? 1 : -1;
}

/** `depends` may name a build number, if only with brackets; such a name must show its real ones. */
function namesAskedByBuildNumber(byName: Candidates['byName']): Set<string> {
  const names = new Set<string>();
  const look = (texts: readonly string[] = []) => {
    for (const text of texts) if (text.includes('build_number')) names.add(dependencyName(text));
  };
  for (const group of byName.values()) {
    for (const { record } of group) {
      look(record.depends);
      look(record.constrains);
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
