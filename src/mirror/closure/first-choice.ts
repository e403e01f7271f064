import { parseDependency } from '../../conda/spec/dependency.js';
import { specMatches } from '../../conda/spec/match-spec.js';
import { formatOf } from '../../conda/channel/names.js';
import { twinOf } from '../../conda/channel/view.js';
import { compareVersions } from '../../conda/spec/version.js';
import type { GraphFile, PackageGraph } from './graph.js';
import { isPossible, narrowing } from './reach.js';
import type { Domains } from './reach.js';

/**
 * The environment with a build in which every entry of every `depends` is met by the newest version that could stand beside the build: no
 * solver can do better, so none has to be asked. Undefined where the newest of everything do not go together, where channels compete, or where
 * something is said that only a solver judges. `domains` are the build's: see `narrowing`.
 */
export function firstChoice(graph: PackageGraph, domains: Domains): readonly GraphFile[] | undefined {
  const work = narrowing(graph, domains);
  const narrowed = new Set<string>();
  for (let name = nextOf(work.domains, narrowed); name !== undefined; name = nextOf(work.domains, narrowed)) {
    if (graph.inSeveralChannels(name)) return undefined;
    const files = [...work.domains.get(name)!];
    const best = bestOf(files);
    const wanted = narrowed.has(name) ? best.slice(0, 1) : best;
    const others = files.filter((file) => !wanted.includes(file));
    if (work.restrict(name, wanted)) narrowed.add(name);
    else if (!work.restrict(name, others)) return undefined;
  }
  const chosen = new Map([...work.domains].map(([name, [file]]) => [name, file!]));
  const fits = [...chosen.values()].every(
    (file) => isMet(graph, chosen, file) && isLetBy(graph, chosen, file) && isFirst(graph, { domains, chosen }, file),
  );
  return fits ? [...chosen.values()] : undefined;
}

/** First each name's best versions, python's before the others'; then, among builds that are equal by version, one file. */
function nextOf(domains: Domains, narrowed: ReadonlySet<string>): string | undefined {
  if (domains.has('python') && !narrowed.has('python')) return 'python';
  for (const name of domains.keys()) if (!narrowed.has(name)) return name;
  for (const [name, files] of domains) if (files.size > 1) return name;
  return undefined;
}

/** The files that go before all others in the solver's order, as far as version, build number and place say; then the latest first. */
function bestOf(files: readonly GraphFile[]): GraphFile[] {
  const fns = new Set(files.map(({ fn }) => fn));
  const builds = files.filter(({ fn }) => formatOf(fn) === 'conda' || !fns.has(twinOf(fn)!));
  const [first] = builds.toSorted(byOrder);
  return builds
    .filter((file) => byOrder(first!, file) === 0)
    .toSorted((a, b) => b.timestamp - a.timestamp || (a.build < b.build ? 1 : -1));
}

function byOrder(a: GraphFile, b: GraphFile): number {
  return byVersion(a, b) || b.build_number - a.build_number || Number(isNoarch(a)) - Number(isNoarch(b));
}

function byVersion(a: GraphFile, b: GraphFile): number {
  return Number(a.features) - Number(b.features) || compareVersions(b.version, a.version);
}

function isNoarch({ source }: GraphFile): boolean {
  return source.subdir === 'noarch';
}

function isMet(graph: PackageGraph, chosen: ReadonlyMap<string, GraphFile>, { needs }: GraphFile): boolean {
  return needs!.every(({ name, text, readable }) => {
    const file = chosen.get(name);
    return readable && file !== undefined && graph.meantBy(text).includes(file);
  });
}

/** Is no newer version to be had for any of its needs, whatever else is chosen? */
function isFirst(
  graph: PackageGraph,
  { domains, chosen }: { domains: Domains; chosen: ReadonlyMap<string, GraphFile> },
  { needs }: GraphFile,
): boolean {
  return needs!.every(({ name, text }) => {
    const file = chosen.get(name)!;
    return graph.meantBy(text).every((other) => byVersion(file, other) <= 0 || !isPossible(graph, domains, other));
  });
}

/** Do its `constrains` allow what is chosen, and what the machines have? */
function isLetBy(graph: PackageGraph, chosen: ReadonlyMap<string, GraphFile>, { constrains }: GraphFile): boolean {
  return constrains.every((text) => {
    const { spec } = parseDependency(text);
    if (spec === undefined) return false;
    const file = chosen.get(spec.name) ?? graph.profile.virtualPackages.find(({ name }) => name === spec.name);
    return file === undefined || specMatches({ ...spec, subdir: undefined }, { build_number: 0, ...file });
  });
}
