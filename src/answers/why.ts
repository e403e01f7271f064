import type { MatchSpec } from '../conda/spec/match-spec.js';
import type { Asked } from './asked.js';
import { platformsOf } from './asked.js';
import { graphOf, nodesOf, shortForm } from './graph.js';
import type { Edge, Graph, Node } from './graph.js';
import type { WhyPackage, WhyPlatform, WhyStep } from './schema.js';

/** Ways that are looked at before it is said that there are more: in a knot of packages there are more than can be counted. */
const MOST_LOOKED_AT = 50_000;

/**
 * Which paths lead from what was asked for to the packages of this name, platform by platform; those where nothing is called so are left
 * out. `most`: paths shown of each, the shortest first. Throws E_USAGE.
 */
export function why(
  asked: Asked,
  { spec, subdirs, most }: { spec: MatchSpec; subdirs: readonly string[]; most: number },
): WhyPlatform[] {
  return platformsOf(asked, subdirs).flatMap((subdir) => {
    const graph = graphOf(asked, subdir);
    const packages = nodesOf(graph, spec).map((node) => whyNode(graph, node, most));
    return packages.length === 0 ? [] : [{ subdir, packages }];
  });
}

function whyNode(graph: Graph, node: Node, most: number): WhyPackage {
  const wantedBy = graph.wanted.flatMap(({ spec, nodes }) => (nodes.includes(node) ? [spec] : []));
  const above = allAbove(node);
  const { paths, more } = pathsTo(graph, node, most);
  return {
    ...shortForm(node),
    asked_for: wantedBy,
    because_of: graph.wanted.flatMap(({ spec, nodes }) => (nodes.some((each) => above.has(each)) ? [spec] : [])),
    needed_by: node.neededBy.map(({ from, constraint }) => ({ ...shortForm(from), constraint })),
    paths,
    more,
  };
}

/** The shortest path to a package; undefined where nothing that was asked for leads to it. */
export function shortestWay(graph: Graph, node: Node): WhyStep[] | undefined {
  return pathsTo(graph, node, 1).paths[0];
}

/** The package and all that need it. */
function allAbove(node: Node): Set<Node> {
  const found = new Set([node]);
  for (const each of found) for (const { from } of each.neededBy) found.add(from);
  return found;
}

interface Way {
  head: Node;
  /** Undefined at the package itself. */
  by: Edge | undefined;
  rest: Way | undefined;
  length: number;
}

/** Every way without a turn from a wanted package, the shortest first: each is grown upwards by how far its head is from what was asked for. */
function pathsTo({ wanted }: Graph, target: Node, most: number): { paths: WhyStep[][]; more: boolean } {
  const far = distances(wanted.flatMap(({ nodes }) => nodes));
  const queue: Way[][] = [];
  const push = (way: Way): void => {
    const distance = far.get(way.head);
    if (distance !== undefined) (queue[way.length + distance] ??= []).push(way);
  };
  push({ head: target, by: undefined, rest: undefined, length: 0 });
  const paths: WhyStep[][] = [];
  let looked = 0;
  for (let total = 0; total < queue.length; total += 1) {
    const row = queue[total] ?? [];
    // The last one first: of ways that promise the same, one is followed to its end before the next.
    for (let way = row.pop(); way !== undefined; way = row.pop()) {
      for (const { spec, nodes } of wanted) if (nodes.includes(way.head)) paths.push(stepsOf(spec, way));
      looked += 1;
      if (paths.length > most || looked > MOST_LOOKED_AT) return { paths: paths.slice(0, most), more: true };
      for (const edge of way.head.neededBy.toReversed())
        if (!isOn(way, edge.from)) push({ head: edge.from, by: edge, rest: way, length: way.length + 1 });
    }
  }
  return { paths, more: false };
}

function isOn(way: Way, node: Node): boolean {
  for (let at: Way | undefined = way; at !== undefined; at = at.rest) if (at.head === node) return true;
  return false;
}

function stepsOf(spec: string, way: Way): WhyStep[] {
  const steps: WhyStep[] = [{ ...shortForm(way.head), constraint: spec }];
  for (let at: Way | undefined = way; at?.by !== undefined; at = at.rest)
    steps.push({ ...shortForm(at.by.to), constraint: at.by.constraint });
  return steps;
}

/** Steps from the nearest of `roots`, for all that they lead to. */
function distances(roots: readonly Node[]): Map<Node, number> {
  const far = new Map(roots.map((node) => [node, 0]));
  for (const [node, distance] of far) for (const { to } of node.needs) if (!far.has(to)) far.set(to, distance + 1);
  return far;
}
