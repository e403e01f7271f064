import { parseDependency } from '../../conda/spec/dependency.js';
import { buildMatches } from '../../conda/spec/build-pattern.js';
import { specMatches } from '../../conda/spec/match-spec.js';
import type { MatchSpec } from '../../conda/spec/match-spec.js';
import type { TargetProfile } from '../../conda/plan/profile.js';
import type { PackageRecord } from '../../conda/record/records.js';
import { versionMatches } from '../../conda/spec/version-spec.js';
import { violation } from './rules.js';
import type { Violation } from './rules.js';

/**
 * Does every dependency of these records find its match among them, or in the profile's virtual packages? `path` is
 * `<subdir>/<fn>`. What can't be read or holds only under a condition (CEP 43) is left to the solver.
 */
export function checkClosure(records: ReadonlyMap<string, PackageRecord>, profile: TargetProfile): Violation[] {
  const byName = new Map<string, PackageRecord[]>();
  for (const record of records.values()) byName.set(record.name, [...(byName.get(record.name) ?? []), record]);
  const satisfied = (spec: MatchSpec) =>
    spec.name.startsWith('__')
      ? hasVirtual(spec, profile)
      : (byName.get(spec.name) ?? []).some((record) => specMatches(spec, record));
  const found: Violation[] = [];
  for (const [path, record] of records) {
    for (const text of record.depends) {
      const { spec, condition } = { condition: undefined, ...parseDependency(text) };
      if (spec === undefined || condition !== undefined || satisfied(spec)) continue;
      found.push(violation('dependency-missing', path, { depends: text, subdir: profile.subdir }));
    }
    const wantsPip = record.name === 'python' && profile.client?.injectsPip === true;
    if (wantsPip && !byName.has('pip')) {
      found.push(violation('pip-missing', path, { subdir: profile.subdir, client: profile.client?.name ?? '' }));
    }
  }
  return found;
}

function hasVirtual(spec: MatchSpec, profile: TargetProfile): boolean {
  return profile.virtualPackages.some(
    ({ name, version, build }) =>
      name === spec.name &&
      (spec.version === undefined || versionMatches(spec.version, version)) &&
      (spec.build === undefined || buildMatches(spec.build, build)),
  );
}
