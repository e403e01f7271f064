import { buildNumber, packageAt } from '../channel/compare-channels.js';
import type { Manifest } from '../channel/manifest/manifest.js';
import { NOARCH } from '../conda/channel/channel.js';
import { isVirtualPackageName, pathOf } from '../conda/channel/names.js';
import { parseClient } from '../conda/plan/target.js';
import { isPython } from '../conda/record/records.js';
import type { PackageRecord } from '../conda/record/records.js';
import { dependencyName, parseDependency } from '../conda/spec/dependency.js';
import { parseMatchSpec, specMatches, withText } from '../conda/spec/match-spec.js';
import type { MatchSpec } from '../conda/spec/match-spec.js';
import { compareVersions } from '../conda/spec/version.js';
import type { AskedChannel } from './asked.js';
import type { WhyStep } from './schema.js';

/** A package as one platform sees it. A virtual one (`__glibc`) is the machine's: it has no file. */
export interface Node {
  name: string;
  version: string;
  build: string;
  /** Parsed when it is asked for; undefined of a virtual package, as `subdir` and `fn`. */
  readonly record: PackageRecord | undefined;
  readonly build_number: number;
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

/**
 * Of a label folder all packages, each entry of `depends` leading to all that satisfy it. Of a mirror or a channel of others the newest of each
 * name and what is the newest that these need. An entry that can't be read leads nowhere; one under a condition (CEP 43) is taken as if it held.
 */
export function graphOf({ manifest, packages }: AskedChannel, subdir: string): Graph {
  const profile = manifest?.profiles.find((each) => each.subdir === subdir);
  const whole = (manifest?.specs.length ?? 0) > 0;
  const byName = new Map<string, Node[]>();
  const add = (node: Node): Node => {
    const list = byName.get(node.name.toLowerCase());
    if (list === undefined) byName.set(node.name.toLowerCase(), [node]);
    else list.push(node);
    return node;
  };
  for (const each of packages) {
    const parts = each.subdir === subdir || each.subdir === NOARCH ? packageAt(pathOf(each)) : undefined;
    if (parts === undefined) continue;
    const { name, version, build } = parts;
    add({
      name,
      version,
      build,
      subdir: each.subdir,
      fn: each.fn,
      needs: [],
      neededBy: [],
      get record() {
        return each.record;
      },
      get build_number() {
        return each.record.build_number;
      },
    });
  }
  for (const { name, version, build } of profile?.virtual_packages ?? []) add(virtual(name, version, build));
  for (const list of byName.values()) list.sort(newestFirst);

  const satisfying = (spec: MatchSpec): Node[] => {
    const fits = (node: Node): boolean => specMatches(withoutPlace(spec), node);
    const list = byName.get(spec.name) ?? [];
    return whole ? list.filter(fits) : list.filter((node) => node.subdir === undefined || fits(node)).slice(0, 1);
  };
  const nodes = new Set([...byName.values()].flatMap((list) => (whole ? list : list.slice(0, 1))));
  const link = (from: Node, constraint: string, targets: readonly Node[]): void => {
    for (const to of targets) {
      if (to === from) continue;
      const edge = { from, to, constraint };
      from.needs.push(edge);
      to.neededBy.push(edge);
      nodes.add(to);
    }
  };
  for (const from of nodes) {
    const { record } = from;
    for (const text of record?.depends ?? []) {
      const { spec } = parseDependency(text);
      if (spec === undefined) continue;
      // What the machine has is known only where a profile says it.
      if (spec.name.startsWith('__') && profile === undefined && !byName.has(spec.name))
        add(virtual(spec.name, '', ''));
      link(from, text, satisfying(spec));
    }
    if (record === undefined || !isPython(record) || !addsPip(profile)) continue;
    if (!record.depends.some((text) => dependencyName(text) === 'pip')) link(from, 'pip', byName.get('pip') ?? []);
  }
  for (const { needs, neededBy } of nodes) {
    needs.sort((a, b) => byNameAndAge(a.to, b.to));
    neededBy.sort((a, b) => byNameAndAge(a.from, b.from));
  }
  const wanted = (manifest?.specs ?? []).map((spec) => {
    const parsed = parseMatchSpec(spec);
    const isElsewhere = parsed.subdir !== undefined && parsed.subdir !== subdir && parsed.subdir !== NOARCH;
    return { spec, nodes: isElsewhere ? [] : satisfying(parsed) };
  });
  return { subdir, nodes: [...nodes].sort(byNameAndAge), wanted };
}

/** What a person names: a MatchSpec, or a virtual package by its name. Throws E_SPEC. */
export function packageSpec(text: string): MatchSpec {
  const name = text.trim().toLowerCase();
  return isVirtualPackageName(name) ? withText({ name }) : parseMatchSpec(text);
}

export function nodesOf({ nodes }: Graph, spec: MatchSpec): Node[] {
  return nodes.filter((node) => specMatches(spec, node));
}

/** As reports have it. */
export function shortForm({ name, version, build, subdir }: Node): Omit<WhyStep, 'constraint'> {
  return { name, version, build, subdir: subdir ?? null };
}

function byNameAndAge(a: Node, b: Node): number {
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
  return {
    name,
    version,
    build,
    build_number: 0,
    record: undefined,
    subdir: undefined,
    fn: undefined,
    needs: [],
    neededBy: [],
  };
}

/** By the build string, so that no record is parsed. */
function newestFirst(a: Node, b: Node): number {
  const [first, second] = [a, b].map(({ build }) => buildNumber(build)) as [number, number];
  return compareVersions(b.version, a.version) || second - first || byText(a.build, b.build);
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
