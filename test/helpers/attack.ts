import process from 'node:process';

const SIZES = ['smoke', 'ci', 'long'] as const;

/** How much a generated attack tries: a little in `npm test`, more in `.ci/run`, all in `npm run attack -- --long`. */
export function attempts(of: Readonly<Record<(typeof SIZES)[number], number>>): number {
  const size = SIZES.find((each) => each === process.env['REPACKENV_ATTACK']) ?? 'smoke';
  return of[size];
}

/** The same each time, unless `npm run attack` gives another: a failure says which (`npm run attack -- --seed N`). */
export const SEED = Number(process.env['REPACKENV_ATTACK_SEED'] ?? 1);

/** Tells `npm run attack` how many cases this one test tried. */
export function noteTried(context: { task: { meta: object } }, tried: number): void {
  Object.assign(context.task.meta, { tried });
}
