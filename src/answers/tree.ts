import type { MatchSpec } from '../conda/spec/match-spec.js';
import type { Asked } from './asked.js';
import { platformsOf } from './asked.js';
import { graphOf, nodesOf, shortForm } from './graph.js';
import type { Graph, Node } from './graph.js';
import type { TreeNode, TreePlatform } from './schema.js';

export interface TreeOptions {
  subdirs: readonly string[];
  /** Only from these packages on; undefined: from all that was asked for. */
  of: MatchSpec | undefined;
  /** Upwards: what needs them. */
  invert: boolean;
  /** Levels below the root. */
  depth: number;
}

/** What needs what, platform by platform; what was shown is folded. Platforms without the package are left out. Throws E_USAGE. */
export function tree(asked: Asked, { subdirs, of, invert, depth }: TreeOptions): TreePlatform[] {
  return platformsOf(asked, subdirs).flatMap((subdir) => {
    const graph = graphOf(asked, subdir);
    const grow = grower({ invert, depth });
    const roots =
      of === undefined
        ? [
            ...graph.wanted.flatMap(({ spec, nodes }) => nodes.map((node) => grow(node, spec))),
            ...unwanted(graph).map((node) => grow(node, null)),
          ]
        : nodesOf(graph, of).map((node) => grow(node, null));
    return roots.length === 0 ? [] : [{ subdir, roots }];
  });
}

/** Each package is opened once; again only where it stands higher than before, so that the depth leaves more of it to be seen. */
function grower({
  invert,
  depth,
}: Pick<TreeOptions, 'invert' | 'depth'>): (root: Node, spec: string | null) => TreeNode {
  const opened = new Map<Node, number>();
  const grow = (node: Node, constraint: string | null, level: number): TreeNode => {
    const edges = invert ? node.neededBy : node.needs;
    const before = opened.get(node);
    const isAbove = before !== undefined && (before <= level || depth === Infinity);
    const isCut = !isAbove && level >= depth;
    const state = edges.length === 0 ? 'whole' : isAbove ? 'above' : isCut ? 'cut' : 'whole';
    if (state === 'whole') opened.set(node, level);
    const below =
      state === 'whole' ? edges.map((each) => grow(invert ? each.from : each.to, each.constraint, level + 1)) : [];
    return { ...shortForm(node), constraint, state, packages: below };
  };
  return (root, spec) => grow(root, spec, 0);
}

/** Packages that nothing which was asked for leads to: those that nothing needs, and of a circle the first. */
function unwanted({ nodes, wanted }: Graph): Node[] {
  const reached = new Set(wanted.flatMap((each) => each.nodes));
  const follow = (): void => {
    for (const node of reached) for (const { to } of node.needs) reached.add(to);
  };
  follow();
  const found: Node[] = [];
  const take = (fits: (node: Node) => boolean): void => {
    for (const node of nodes) {
      if (node.record === undefined || reached.has(node) || !fits(node)) continue;
      found.push(node);
      reached.add(node);
      follow();
    }
  };
  take(({ neededBy }) => neededBy.length === 0);
  take(() => true);
  return found;
}
