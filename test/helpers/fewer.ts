import process from 'node:process';

/** As many as a test tries; a fiftieth where scripts/lib/mutate.ts runs it for each change of the sources. */
export function fewer(count: number): number {
  return process.env['REPACKENV_MUTATION_TESTS'] === undefined ? count : Math.ceil(count / 50);
}
