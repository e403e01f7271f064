import { dependencyName } from '../../conda/spec/dependency.js';
import type { MatchSpec } from '../../conda/spec/match-spec.js';
import { specMatches } from '../../conda/spec/match-spec.js';
import type { InstalledRecord } from '../prefix-records.js';

/**
 * What an environment lacks, judged by its records and not by what the engine said (B5): specs that nothing satisfies, then packages
 * whose dependencies are not there (a link step that was cut short). Empty: it is complete.
 */
export function whatIsMissing(records: readonly InstalledRecord[], specs: readonly MatchSpec[]): string[] {
  const unsatisfied = specs
    .filter((spec) => !spec.name.startsWith('__') && !records.some((record) => specMatches(spec, record)))
    .map((spec) => spec.text);
  const names = new Set(records.map((record) => record.name.toLowerCase()));
  const holes = records.flatMap((record) =>
    record.depends
      .filter((text) => !isOptional(text))
      .map(dependencyName)
      .filter((name) => name !== '' && !name.startsWith('__') && !names.has(name))
      .map((name) => `${name} (needed by ${record.fn})`),
  );
  return [...unsatisfied, ...new Set(holes)];
}

/** CEP 43: a conditional dependency may be absent rightly; features of old packages (`mkl@`) are no packages. */
function isOptional(text: string): boolean {
  return /;\s*if\s|\sif\s|\[.*when=|@/.test(text);
}
