import { NOARCH } from '../conda/channel/channel.js';
import type { Subdir } from '../conda/channel/channel.js';
import { parseDependency } from '../conda/spec/dependency.js';
import { isRepackError } from '../base/errors.js';
import { parseMatchSpec, specMatches, specsFor } from '../conda/spec/match-spec.js';
import type { MatchSpec } from '../conda/spec/match-spec.js';
import type { VirtualPackage } from '../conda/plan/profile.js';
import type { PackageRecord } from '../conda/record/records.js';
import { compareVersions } from '../conda/spec/version.js';

/** A record of one of the channel's indexes, with its place. */
export interface SiteRecord {
  subdir: Subdir;
  fn: string;
  record: PackageRecord;
}

export interface Choice {
  /** The label's, as text. */
  specs: readonly string[];
  subdir: Subdir;
  /** Number of platforms in the channel: with one, everything in it is for that one. */
  platforms: number;
  records: readonly SiteRecord[];
  /** Of the platform's machines; undefined where nobody said: then what asks for one fits. */
  virtual: readonly VirtualPackage[] | undefined;
}

/** Builds that are tried for one platform before it is given up: in a label a name has one, rarely two. */
const MAX_STEPS = 100_000;

/**
 * Which of a label's records make up its environment on one platform: one of each name. Everything in the platform's own subdir is, since a
 * solve of that platform put it there; of noarch what the specs and those need, and `pip` beside python, which conda adds without a
 * record saying so. Where a name has several builds, the one that fits, the platform's own before noarch, then the newest. Undefined
 * where no set fits, or a spec can't be read.
 */
export function chooseRecords({ specs, subdir, platforms, records, virtual }: Choice): SiteRecord[] | undefined {
  const byName = candidatesOf(
    records.filter((each) => runsWith(each, virtual)),
    subdir,
  );
  const wanted = parsed(specs, subdir);
  if (wanted === undefined) return undefined;
  const all = platforms === 1 ? [...byName.keys()] : [];
  const own = records.filter((each) => each.subdir === subdir).map(({ record }) => record.name);
  const beside = byName.has('python') && byName.has('pip') ? ['pip'] : [];
  return search(byName, wanted, [...wanted.map(({ name }) => name), ...own, ...beside, ...all]);
}

/** Packages of noarch come in builds for `__unix` and `__win`. */
function runsWith({ record }: SiteRecord, virtual: Choice['virtual']): boolean {
  if (virtual === undefined) return true;
  return record.depends.every((text) => {
    const { spec } = parseDependency(text);
    if (spec === undefined || !spec.name.startsWith('__')) return true;
    return virtual.some((has) => specMatches(spec, { ...has, build_number: 0 }));
  });
}

function candidatesOf(records: readonly SiteRecord[], subdir: Subdir): Map<string, SiteRecord[]> {
  const byName = new Map<string, SiteRecord[]>();
  for (const each of records) {
    if (each.subdir !== subdir && each.subdir !== NOARCH) continue;
    const { name } = each.record;
    byName.set(name, [...(byName.get(name) ?? []), each]);
  }
  for (const list of byName.values()) list.sort(better);
  return byName;
}

function better(a: SiteRecord, b: SiteRecord): number {
  if ((a.subdir === NOARCH) !== (b.subdir === NOARCH)) return a.subdir === NOARCH ? 1 : -1;
  const newer = compareVersions(b.record.version, a.record.version) || b.record.build_number - a.record.build_number;
  return newer || (a.fn < b.fn ? -1 : 1);
}

function parsed(specs: readonly string[], subdir: Subdir): MatchSpec[] | undefined {
  try {
    return specsFor(specs.map(parseMatchSpec), subdir);
  } catch (error) {
    if (isRepackError(error)) return undefined;
    throw error;
  }
}

/** Depth first with an own stack: a label may have thousands of packages. */
function search(
  byName: ReadonlyMap<string, readonly SiteRecord[]>,
  wanted: readonly MatchSpec[],
  roots: readonly string[],
): SiteRecord[] | undefined {
  const names: string[] = [...new Set(roots)];
  const queued = new Set(names);
  const picked: { each: SiteRecord; next: number; namesBefore: number }[] = [];
  const chosen = new Map<string, SiteRecord>();
  // What the label and those chosen ask of a name.
  const asked = new Map<string, MatchSpec[]>();
  for (const spec of wanted) ask(asked, spec);
  let from = 0;
  for (let steps = 0; steps < MAX_STEPS; steps++) {
    const name = names[picked.length];
    if (name === undefined) {
      if (constraintsHold(chosen)) return [...chosen.values()];
    } else {
      const candidates = byName.get(name) ?? [];
      const at = candidates.findIndex((each, index) => index >= from && fits(each, chosen, asked.get(name) ?? []));
      if (at >= 0) {
        const each = candidates[at]!;
        picked.push({ each, next: at + 1, namesBefore: names.length });
        chosen.set(name, each);
        for (const spec of dependenciesOf(each)) {
          ask(asked, spec);
          if (!queued.has(spec.name)) names.push(spec.name);
          queued.add(spec.name);
        }
        from = 0;
        continue;
      }
    }
    const last = picked.pop();
    if (last === undefined) return undefined;
    chosen.delete(last.each.record.name);
    // The lists are stacks: what it asked last stands last.
    for (const spec of dependenciesOf(last.each)) asked.get(spec.name)!.pop();
    for (const dropped of names.splice(last.namesBefore)) queued.delete(dropped);
    from = last.next;
  }
  return undefined;
}

function ask(asked: Map<string, MatchSpec[]>, spec: MatchSpec): void {
  const list = asked.get(spec.name);
  if (list === undefined) asked.set(spec.name, [spec]);
  else list.push(spec);
}

/** Is what those chosen ask for, and finds what it needs itself as far as that is chosen. */
function fits(each: SiteRecord, chosen: ReadonlyMap<string, SiteRecord>, asked: readonly MatchSpec[]): boolean {
  if (!asked.every((spec) => matches(spec, each))) return false;
  return dependenciesOf(each).every((spec) => {
    const other = chosen.get(spec.name);
    return other === undefined || matches(spec, other);
  });
}

function constraintsHold(chosen: ReadonlyMap<string, SiteRecord>): boolean {
  for (const { record } of chosen.values()) {
    for (const text of record.constrains ?? []) {
      const { spec } = parseDependency(text);
      const other = spec === undefined ? undefined : chosen.get(spec.name);
      if (spec !== undefined && other !== undefined && !matches(spec, other)) return false;
    }
  }
  return true;
}

/** Without virtual packages, which the machine has, and without what holds under a condition only (CEP 43). */
function dependenciesOf({ record }: SiteRecord): MatchSpec[] {
  return record.depends.flatMap((text) => {
    const { spec, condition } = parseDependency(text) as { spec?: MatchSpec; condition?: string };
    return spec === undefined || condition !== undefined || spec.name.startsWith('__') ? [] : [spec];
  });
}

/** A record of noarch says `noarch` where the spec may name the platform, and the channel of a spec is the vendor's: neither counts here. */
function matches(spec: MatchSpec, { record }: SiteRecord): boolean {
  return specMatches(spec, { ...record, subdir: undefined });
}
