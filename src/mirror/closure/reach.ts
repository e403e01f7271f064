import { compareVersions } from '../../conda/spec/version.js';
import type { GraphFile, Need, PackageGraph } from './graph.js';

/** By name, the files of which every environment has one. */
export type Domains = ReadonlyMap<string, ReadonlySet<GraphFile>>;

/** Domains that shrink together. */
export interface Narrowing {
  readonly domains: Domains;
  /**
   * Leaves a name these files only, and draws the conclusions. False where a name would have none left: there is no such environment, and
   * everything is as it was.
   */
  restrict(name: string, files: Iterable<GraphFile>): boolean;
}

/**
 * Begins with domains that are as narrow as they can be. What all files of a domain need is needed, and can be what one of them says; a
 * file whose need on a domain can't be met is none. `constrains` are left to the solver, so more may be left than can be, never less.
 */
export function narrowing(graph: PackageGraph, from: Domains = new Map()): Narrowing {
  const domains = new Map<string, ReadonlySet<GraphFile>>();
  /** By name, the domains with files that need it. */
  const users = new Map<string, Set<string>>();
  const queue = new Set<string>();
  for (const [name, files] of from) keep(name, files);

  function keep(name: string, files: ReadonlySet<GraphFile>): void {
    const isNew = !domains.has(name);
    domains.set(name, files);
    queue.add(name);
    if (!isNew) return;
    for (const needs of listsOf(files)) {
      for (const need of needs) {
        const of = users.get(need.name);
        if (of === undefined) users.set(need.name, new Set([name]));
        else of.add(name);
      }
    }
  }

  function concluded(): boolean {
    for (const name of queue) {
      queue.delete(name);
      for (const [needed, texts] of neededByAll(domains.get(name)!)) {
        const before = domains.get(needed);
        const after = new Set<GraphFile>();
        for (const text of texts) {
          for (const file of graph.meantBy(text)) {
            if (before === undefined ? isPossible(graph, domains, file) : before.has(file)) after.add(file);
          }
        }
        if (after.size === 0) return false;
        if (after.size !== before?.size) keep(needed, after);
      }
      const domain = domains.get(name)!;
      for (const user of users.get(name) ?? []) {
        const before = domains.get(user);
        if (before === undefined) continue;
        const after = new Set([...before].filter(({ needs }) => meets(graph, { name, domain }, needs!)));
        if (after.size === 0) return false;
        if (after.size < before.size) keep(user, after);
      }
    }
    return true;
  }

  return {
    domains,
    restrict(name, files) {
      const left = new Set([...files].filter((file) => isPossible(graph, domains, file)));
      if (left.size === 0) return false;
      const before = new Map(domains);
      keep(name, left);
      if (concluded()) return true;
      queue.clear();
      domains.clear();
      for (const [each, domain] of before) domains.set(each, domain);
      return false;
    },
  };
}

/** Can a file stand beside one of each domain, as far as it says itself? */
export function isPossible(graph: PackageGraph, domains: Domains, file: GraphFile): boolean {
  if (file.needs === undefined || file.notHere) return false;
  if (domains.get(file.name)?.has(file) === false) return false;
  return file.needs.every(({ name, text }) => {
    const domain = domains.get(name);
    return domain === undefined || graph.meantBy(text).some((each) => domain.has(each));
  });
}

function meets(
  graph: PackageGraph,
  of: { name: string; domain: ReadonlySet<GraphFile> },
  needs: readonly Need[],
): boolean {
  return needs.every(({ name, text }) => name !== of.name || graph.meantBy(text).some((file) => of.domain.has(file)));
}

/** The names that all the files need, each with what they say of it: of a file that says two things of one name, the last. */
function neededByAll(files: ReadonlySet<GraphFile>): [name: string, texts: ReadonlySet<string>][] {
  const lists = listsOf(files);
  const found = new Map<string, { texts: Set<string>; lists: number }>();
  for (const list of lists) {
    for (const [name, text] of new Map(list.map((need) => [need.name, need.text]))) {
      const other = found.get(name);
      if (other === undefined) {
        found.set(name, { texts: new Set([text]), lists: 1 });
        continue;
      }
      other.texts.add(text);
      other.lists += 1;
    }
  }
  return [...found].filter(([, each]) => each.lists === lists.size).map(([name, { texts }]) => [name, texts]);
}

function listsOf(files: ReadonlySet<GraphFile>): Set<readonly Need[]> {
  return new Set([...files].map(({ needs }) => needs!));
}

export interface Reach {
  /** Without them all that chains of `depends` lead to. */
  domains?: Domains | undefined;
  /** Of what each entry of `depends` can mean, so many newest versions only; absent: all. */
  versions?: number | undefined;
}

/**
 * Every file that an environment with one of `roots` (files of one name) can hold, those whose record can't be used among them: the solver
 * tells of them. Of a name that several channels have everything is there: which channel goes first is judged by all that they have.
 */
export function reachOf(
  graph: PackageGraph,
  roots: readonly GraphFile[],
  { domains, versions }: Reach = {},
): Set<GraphFile> {
  const seen = new Set<GraphFile>();
  const queue: GraphFile[] = [];
  const asked = new Set<string>();
  const isLeft = (file: GraphFile): boolean => domains === undefined || isPossible(graph, domains, file);
  const meet = (name: string, meant: readonly GraphFile[]): void => {
    const several = graph.inSeveralChannels(name);
    const left = meant.filter(isLeft);
    const wanted = new Set(versions === undefined || several ? left : newestOf(left, versions));
    for (const file of several ? graph.ofName(name) : meant) {
      if (seen.has(file)) continue;
      const isWanted = wanted.has(file) || (several && isLeft(file));
      if (!isWanted && !several && file.needs !== undefined) continue;
      seen.add(file);
      if (isWanted) queue.push(file);
    }
  };
  if (roots.length > 0) meet(roots[0]!.name, roots);
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    for (const { name, text } of file.needs ?? []) {
      if (asked.has(text)) continue;
      asked.add(text);
      meet(name, graph.meantBy(text));
    }
  }
  return seen;
}

/** All builds of the newest versions. */
export function newestOf<T extends { readonly version: string }>(files: readonly T[], count: number): T[] {
  const sorted = files.toSorted((a, b) => compareVersions(b.version, a.version));
  const versions: string[] = [];
  return sorted.filter(({ version }) => {
    if (versions.some((each) => compareVersions(each, version) === 0)) return true;
    if (versions.length >= count) return false;
    versions.push(version);
    return true;
  });
}
