import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import fc from 'fast-check';

const SIZES = ['smoke', 'ci', 'long'] as const;
type Sizes = Readonly<Record<(typeof SIZES)[number], number>>;

/** How much a generated attack tries: a little in `npm test`, more in `.ci/run`, all in `npm run attack -- --long`. */
export function attempts(of: Sizes): number {
  const size = SIZES.find((each) => each === process.env['REPACKENV_ATTACK']) ?? 'smoke';
  return of[size];
}

/** The same each time, unless `npm run attack` gives another: a failure says which (`npm run attack -- --seed N`). */
export const SEED = Number(process.env['REPACKENV_ATTACK_SEED'] ?? 1);

type Context = { task: { meta: object } };

/** Tells `npm run attack` how many cases this one test tried. */
export function noteTried(context: Context, tried: number): void {
  Object.assign(context.task.meta, { tried });
}

/** Cases made up by `arbitrary`, behind those that once failed. One that fails is shrunk and kept. */
export async function holdsForAny<Case>(
  context: Context,
  { name, cases, sizes }: { name: string; cases: fc.Arbitrary<Case>; sizes: Sizes },
  holds: (given: Case) => Promise<void>,
): Promise<void> {
  const kept = keptCases<Case>(name);
  const numRuns = attempts(sizes) + kept.length;
  noteTried(context, numRuns);
  const examples = kept.map((each): [Case] => [each]);
  const ran = await fc.check(fc.asyncProperty(cases, holds), { seed: SEED, numRuns, examples });
  if (!ran.failed) return;
  if (ran.counterexample !== null) keepCase(name, ran.counterexample[0]);
  throw new Error(`seed ${SEED}, kept in test/attack/cases/${name}.json: ${fc.defaultReportMessage(ran)}`, {
    cause: ran.errorInstance,
  });
}

/** The same for a list of cases. */
export async function holdsForEach<Case>(
  context: Context,
  { name, cases }: { name: string; cases: readonly Case[] },
  holds: (given: Case) => Promise<void>,
): Promise<void> {
  const all = [...keptCases<Case>(name), ...cases];
  noteTried(context, all.length);
  for (const each of all) {
    try {
      await holds(each);
    } catch (error) {
      keepCase(name, each);
      throw new Error(
        `seed ${SEED}, kept in test/attack/cases/${name}.json: ${JSON.stringify(each)}: ${String(error)}`,
        {
          cause: error,
        },
      );
    }
  }
}

const fileOf = (name: string): URL => new URL(`../attack/cases/${name}.json`, import.meta.url);

/** What failed once and is mended: tried first, each time. */
function keptCases<Case>(name: string): Case[] {
  try {
    return JSON.parse(readFileSync(fileOf(name), 'utf8'), (_key, value: unknown) =>
      isBytes(value) ? new Uint8Array(Buffer.from(value.base64, 'base64')) : value,
    ) as Case[];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function keepCase<Case>(name: string, found: Case): void {
  const written = (value: unknown): string =>
    JSON.stringify(value, (_key, each: unknown) =>
      each instanceof Uint8Array ? { base64: Buffer.from(each).toString('base64') } : each,
    );
  const kept = new Set([...keptCases<Case>(name), found].map(written));
  mkdirSync(new URL('.', fileOf(name)), { recursive: true });
  writeFileSync(fileOf(name), `[\n  ${[...kept].join(',\n  ')}\n]\n`);
}

function isBytes(value: unknown): value is { base64: string } {
  return typeof value === 'object' && value !== null && 'base64' in value && typeof value.base64 === 'string';
}
