import type { Manifest } from '../channel/manifest/manifest.js';
import { NOARCH } from '../conda/channel/channel.js';
import { isVirtualPackageName } from '../conda/channel/names.js';
import { parseClient } from '../conda/plan/target.js';
import { isPython } from '../conda/record/records.js';
import { dependencyName, parseDependency } from '../conda/spec/dependency.js';
import { parseMatchSpec, specMatches, withText } from '../conda/spec/match-spec.js';
import type { MatchSpec } from '../conda/spec/match-spec.js';
import { compareVersions } from '../conda/spec/version.js';
import type { Asked } from './asked.js';

/** A package as one platform sees it. A virtual one (`__glibc`) is the machine's: it has no file. */
export interface Node {
  name: string;
  version: string;
  build: string;
  build_number: number;
  /** Both undefined of a virtual package. */
  subdir: string | undefined;
  fn: string | undefined;
  /** Sorted by name; the newest first where several packages satisfy one entry. */
  needs: Edge[];
  neededBy: Edge[];
}

export interface Edge {
  from: Node;
  to: Node;
  /** The entry of `depends`, as published; `pip` where a client adds it to python. */
  constraint: string;
}

/** What a platform of a channel folder sees, and how it hangs together. */
export interface Graph {
  subdir: string;
  nodes: readonly Node[];
  /** What was asked for, with the packages that satisfy it here. */
  wanted: readonly { spec: string; nodes: readonly Node[] }[];
}

/** An entry of `depends` that can't be read leads nowhere; one under a condition (CEP 43) is taken as if it held. */
export function graphOf({ manifest, packages }: Asked, subdir: string): Graph {
  const profile = manifest?.profiles.find((each) => each.subdir === subdir);
  const seen = packages.filter((each) => each.subdir === subdir || each.subdir === NOARCH);
  const byName = new Map<string, Node[]>();
  const add = (node: Node): Node => {
    const key = node.name.toLowerCase();
    const list = byName.get(key);
    if (list === undefined) byName.set(key, [node]);
    else list.push(node);
    return node;
  };
  const nodes = seen.map((each) => {
    const { name, version, build, build_number } = each.record;
    const { subdir, fn } = each;
    return add({ name, version, build, build_number, subdir, fn, needs: [], neededBy: [] });
  });
  for (const { name, version, build } of profile?.virtual_packages ?? []) add(virtual(name, version, build));
  for (const list of byName.values()) list.sort(newestFirst);
  const satisfying = (spec: MatchSpec): Node[] =>
    (byName.get(spec.name) ?? []).filter((node) => specMatches(withoutPlace(spec), node));
  const link = (from: Node, constraint: string, targets: readonly Node[]): void => {
    for (const to of targets) {
      if (to === from) continue;
      const edge = { from, to, constraint };
      from.needs.push(edge);
      to.neededBy.push(edge);
    }
  };
  seen.forEach((each, at) => {
    const from = nodes[at]!;
    for (const text of each.record.depends) {
      const { spec } = parseDependency(text);
      if (spec === undefined) continue;
      // What the machine has is not known of a folder of others.
      const isUnknown = spec.name.startsWith('__') && profile === undefined;
      const unknown = () => byName.get(spec.name) ?? [add(virtual(spec.name, '', ''))];
      link(from, text, isUnknown ? unknown() : satisfying(spec));
    }
    if (
      isPython(each.record) &&
      addsPip(profile) &&
      !each.record.depends.some((text) => dependencyName(text) === 'pip')
    )
      link(from, 'pip', byName.get('pip') ?? []);
  });
  for (const { needs, neededBy } of nodes) {
    needs.sort((a, b) => byText(a.to.name, b.to.name) || newestFirst(a.to, b.to));
    neededBy.sort((a, b) => byText(a.from.name, b.from.name) || newestFirst(a.from, b.from));
  }
  const wanted = (manifest?.specs ?? []).map((spec) => {
    const parsed = parseMatchSpec(spec);
    const isElsewhere = parsed.subdir !== undefined && parsed.subdir !== subdir && parsed.subdir !== NOARCH;
    return { spec, nodes: isElsewhere ? [] : satisfying(parsed) };
  });
  return { subdir, nodes: [...byName.values()].flat().sort(byNameAndAge), wanted };
}

/** What a person names: a MatchSpec, or a virtual package by its name. Throws E_SPEC. */
export function packageSpec(text: string): MatchSpec {
  const name = text.trim().toLowerCase();
  return isVirtualPackageName(name) ? withText({ name }) : parseMatchSpec(text);
}

export function nodesOf({ nodes }: Graph, spec: MatchSpec): Node[] {
  return nodes.filter((node) => specMatches(spec, node));
}

export function byNameAndAge(a: Node, b: Node): number {
  return byText(a.name, b.name) || newestFirst(a, b);
}

/** conda and its like do; of an unknown client it is taken to be one of them, as the proof does. */
function addsPip(profile: Manifest['profiles'][number] | undefined): boolean {
  const client = profile?.client ?? null;
  return client === null || parseClient(client).injectsPip;
}

/** It is one channel, seen from one platform. */
function withoutPlace(spec: MatchSpec): MatchSpec {
  return spec.subdir === undefined ? spec : { ...spec, subdir: undefined };
}

function virtual(name: string, version: string, build: string): Node {
  return { name, version, build, build_number: 0, subdir: undefined, fn: undefined, needs: [], neededBy: [] };
}

function newestFirst(a: Node, b: Node): number {
  return compareVersions(b.version, a.version) || b.build_number - a.build_number || byText(a.build, b.build);
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
