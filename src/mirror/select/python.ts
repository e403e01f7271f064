import { parseDependency } from '../../conda/spec/dependency.js';
import { versionMatches } from '../../conda/spec/version-spec.js';
import type { PackageRecord } from '../../conda/record/records.js';

/** Names whose constraint says for which python a build is. */
const PYTHON_NAMES = ['python', 'python_abi'];
const CACHE_LIMIT = 10_000;
const series = new Map<string, string>();

/**
 * Undefined where a record suits one of the pythons (`3.10`), or none at all is asked for; else why it does not: `it needs python
 * 2.7*`. The package `python` itself suits when it is one of them.
 */
export function pythonFits(record: PackageRecord, pythons: readonly string[]): string | undefined {
  if (record.name === 'python') {
    return pythons.some((python) => versionMatches(`${python}.*`, record.version))
      ? undefined
      : `it is python ${record.version}`;
  }
  for (const [text, constraint] of pythonConstraints(record)) {
    if (!pythons.some((python) => constraintTakes(constraint, python))) return `it needs ${text}`;
  }
  return undefined;
}

/** The one python series (`3.10`) that a record is built for; empty where it suits several or needs none. */
export function pythonSeries(record: PackageRecord): string {
  if (record.name === 'python') return /^[0-9]+\.[0-9]+/.exec(record.version)?.[0] ?? '';
  for (const [, constraint] of pythonConstraints(record)) {
    const one = onlySeries(constraint);
    if (one !== '') return one;
  }
  return '';
}

function pythonConstraints(record: PackageRecord): [text: string, constraint: string][] {
  const found: [string, string][] = [];
  for (const text of record.depends) {
    // Most entries begin with another letter: parse only these.
    if (!text.startsWith('python') || !PYTHON_NAMES.some((name) => text.startsWith(name))) continue;
    const { spec } = parseDependency(text);
    if (spec?.version !== undefined && PYTHON_NAMES.includes(spec.name)) found.push([text, spec.version]);
  }
  return found;
}

function onlySeries(constraint: string): string {
  const kept = series.get(constraint);
  if (kept !== undefined) return kept;
  const named = [...constraint.matchAll(/([0-9]+)\.([0-9]+)/g)].map(
    (match) => [Number(match[1]), Number(match[2])] as const,
  );
  const near = new Set(
    named.flatMap(([major, minor]) =>
      [minor - 1, minor, minor + 1].filter((each) => each >= 0).map((each) => `${major}.${each}`),
    ),
  );
  const taken = [...near].filter((python) => constraintTakes(constraint, python));
  const one = taken.length === 1 ? taken[0]! : '';
  if (series.size >= CACHE_LIMIT) series.clear();
  series.set(constraint, one);
  return one;
}

/** Is there a release of the series (`3.10`) that a constraint takes? Asked at its first, and at and behind each that the constraint names. */
function constraintTakes(constraint: string, python: string): boolean {
  const named = [...constraint.matchAll(/[0-9]+(?:\.[0-9]+)+/g)].map((match) => match[0]);
  const inside = named.filter((version) => version === python || version.startsWith(`${python}.`));
  const asked = [`${python}.0`, ...inside.flatMap((version) => [version, `${version}.1`])];
  return asked.some((version) => versionMatches(constraint, version));
}
