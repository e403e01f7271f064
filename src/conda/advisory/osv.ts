import { pypiName } from '../channel/names.js';
import { isObject, member } from '../../base/json.js';
import { compareVersions } from '../spec/version.js';

/** One advisory in the OSV form (ossf.github.io/osv-schema), as far as packages of conda are judged by it. */
export interface Advisory {
  /** The CVE that it is of, where it names one; else its own id. */
  id: string;
  aliases: string[];
  summary: string | undefined;
  affected: Affected[];
}

interface Affected {
  /** `conda/openssl`, `pypi/jinja2`: type and name of a purl. */
  package: string;
  ranges: { kind: 'introduced' | 'fixed' | 'last_affected' | 'limit'; version: string }[][];
  versions: string[];
}

/** A package as an advisory knows it. */
export interface AdvisedPackage {
  name: string;
  version: string;
  /** As conda-forge states them: what it is called elsewhere. */
  purls?: unknown;
}

/**
 * The advisories in a JSON value: one, a list, or an answer of osv.dev (`vulns`). Withdrawn ones, and what is about other kinds of packages, are
 * left out. Undefined: it is none. Never throws.
 */
export function advisoriesIn(value: unknown): Advisory[] | undefined {
  const vulns = member(value, 'vulns');
  const list = Array.isArray(value) ? value : Array.isArray(vulns) ? vulns : [value];
  const found: Advisory[] = [];
  for (const each of list) {
    const [id, affected] = [member(each, 'id'), member(each, 'affected')];
    if (typeof id !== 'string' || !(affected === undefined || Array.isArray(affected))) return undefined;
    if (typeof member(each, 'withdrawn') === 'string') continue;
    const [summary, aliases] = [member(each, 'summary'), texts(member(each, 'aliases'))];
    const ids = [id, ...aliases];
    const known = ids.find((text) => /^CVE-\d+-\d+$/.test(text)) ?? id;
    found.push({
      id: known,
      aliases: ids.filter((text) => text !== known),
      summary: typeof summary === 'string' ? summary : undefined,
      affected: (affected ?? []).flatMap(affectedIn),
    });
  }
  return found;
}

/** Does it say that this version has the flaw? Versions are compared by conda's order. */
export function isAffected({ affected }: Advisory, pkg: AdvisedPackage): boolean {
  const names = namesOf(pkg);
  return affected.some((each) => names.includes(each.package) && hasFlaw(each, pkg.version));
}

/** Those of many that a package is affected by, found by its names. */
export function advisoryBook(advisories: readonly Advisory[]): (pkg: AdvisedPackage) => Advisory[] {
  const byName = new Map<string, Set<Advisory>>();
  for (const advisory of advisories)
    for (const each of advisory.affected)
      byName.set(each.package, (byName.get(each.package) ?? new Set()).add(advisory));
  return (pkg) => {
    const about = new Set(namesOf(pkg).flatMap((name) => Array.from(byName.get(name) ?? [])));
    return [...about].filter((advisory) => isAffected(advisory, pkg));
  };
}

function hasFlaw({ ranges, versions }: Affected, version: string): boolean {
  if (ranges.length === 0 && versions.length === 0) return true;
  if (versions.some((each) => compareVersions(each, version) === 0)) return true;
  return ranges.some((events) => {
    let flawed = false;
    for (const event of events) {
      const order = event.version === '0' ? -1 : compareVersions(event.version, version);
      if (event.kind === 'introduced' ? order <= 0 : event.kind === 'last_affected' ? order < 0 : order <= 0)
        flawed = event.kind === 'introduced';
    }
    return flawed;
  });
}

/** By its name in conda; on PyPI by what its record states, else by the same name. */
function namesOf({ name, purls }: AdvisedPackage): string[] {
  const pypi = purlNames(purls);
  return [`conda/${name.toLowerCase()}`, ...(pypi.length > 0 ? pypi : [`pypi/${pypiName(name)}`])];
}

function affectedIn(value: unknown): Affected[] {
  const [pkg, ranges] = [member(value, 'package'), member(value, 'ranges')];
  const name = purlName(member(pkg, 'purl')) ?? ecosystemName(member(pkg, 'ecosystem'), member(pkg, 'name'));
  if (name === undefined) return [];
  // Commits say nothing of a version.
  const judged = (Array.isArray(ranges) ? ranges : []).filter((each) => member(each, 'type') !== 'GIT');
  const versions = texts(member(value, 'versions'));
  const onlyCommits = judged.length === 0 && versions.length === 0 && Array.isArray(ranges) && ranges.length > 0;
  return onlyCommits ? [] : [{ package: name, ranges: judged.map(eventsIn), versions }];
}

const KINDS = ['introduced', 'fixed', 'last_affected', 'limit'] as const;

function eventsIn(range: unknown): Affected['ranges'][number] {
  const events = member(range, 'events');
  return (Array.isArray(events) ? events : [])
    .filter(isObject)
    .flatMap((event) =>
      KINDS.flatMap((kind) => {
        const version = event[kind];
        return typeof version === 'string' ? [{ kind, version }] : [];
      }),
    )
    .sort((a, b) => (a.version === '0' ? -1 : b.version === '0' ? 1 : compareVersions(a.version, b.version)));
}

/** `pypi/flask`, `conda/flask`: each purl of a record that names one of these. */
export function purlNames(purls: unknown): string[] {
  return texts(purls).flatMap((purl) => purlName(purl) ?? []);
}

function purlName(purl: unknown): string | undefined {
  const [, type, name] =
    typeof purl === 'string' ? (/^pkg:(conda|pypi)\/(?:[^/@?#]+\/)*([^/@?#]+)/i.exec(purl) ?? []) : [];
  return type === undefined || name === undefined ? undefined : named(type.toLowerCase(), name);
}

function ecosystemName(ecosystem: unknown, name: unknown): string | undefined {
  if (typeof ecosystem !== 'string' || typeof name !== 'string') return undefined;
  if (/^pypi\b/i.test(ecosystem)) return named('pypi', name);
  return /^(?:conda|anaconda)\b/i.test(ecosystem) ? named('conda', name) : undefined;
}

function named(type: string, name: string): string {
  return `${type}/${type === 'pypi' ? pypiName(name) : name.toLowerCase()}`;
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
}
