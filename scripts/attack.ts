/**
 * npm run attack -- [--smoke | --long] [--group NAME]… [--seed N]
 * npm run attack -- --mutation [--group NAME]… [--file FILE]…
 * npm run attack -- --others PYTHON
 *
 * Runs the attacks of scripts/lib/attack-groups.ts and prints a table: group, tried, held, seconds. --smoke: one test of each slow file, as
 * `npm test`; by itself: all tables, and the cases of `.ci/run`; --long: as many made-up cases as take a night. Ends with 1 where something
 * did not hold, with what repeats it. --mutation: how many changes of the sources a test notices, by file (scripts/lib/mutation-groups.ts);
 * --file: of these only.
 * --others: what other programs keep after kills, damage and on a full disk; a Python that has conda-index, py-rattler or conda-mirror.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { ATTACK_GROUPS } from './lib/attack-groups.js';
import { PROJECT_ROOT } from './lib/layers.js';

interface Assertion {
  fullName: string;
  status: string;
  meta?: { tried?: number };
  failureMessages: string[];
}

const { values } = parseArgs({
  options: {
    smoke: { type: 'boolean', default: false },
    long: { type: 'boolean', default: false },
    mutation: { type: 'boolean', default: false },
    others: { type: 'string' },
    group: { type: 'string', multiple: true, default: [] },
    file: { type: 'string', multiple: true, default: [] },
    seed: { type: 'string' },
  },
});
if (values.mutation) {
  const { mutateGroups } = await import('./lib/mutate.js');
  process.exit((await mutateGroups(values.group, values.file)) ? 0 : 1);
}
if (values.others !== undefined) {
  const { attackOthers } = await import('./lib/attack-others.js');
  await attackOthers(values.others);
  process.exit(0);
}
const groups = values.group.length === 0 ? Object.keys(ATTACK_GROUPS) : values.group;
const size = values.long ? 'long' : values.smoke ? 'smoke' : 'ci';
const seed = values.seed ?? (values.smoke ? '1' : String(Date.now() % 2 ** 31));

const unknown = groups.find((name) => !Object.hasOwn(ATTACK_GROUPS, name));
if (unknown !== undefined) {
  console.error(`There is no group ${unknown}; there are ${Object.keys(ATTACK_GROUPS).join(', ')}`);
  process.exit(2);
}

const VITEST = join(PROJECT_ROOT, 'node_modules', 'vitest', 'vitest.mjs');
const out = mkdtempSync(join(tmpdir(), 'repackenv-attack-'));
const failures: string[] = [];
console.log(
  `seed ${seed}, ${size === 'ci' ? 'as .ci/run' : size}\n\n| group | tried | held | seconds |\n| --- | ---: | ---: | ---: |`,
);
const all = { tried: 0, held: 0, seconds: 0 };
for (const name of groups) {
  const { tried, held, seconds } = attack(name, ATTACK_GROUPS[name]!);
  console.log(`| ${name} | ${tried} | ${held} | ${seconds} |`);
  all.tried += tried;
  all.held += held;
  all.seconds += seconds;
}
if (groups.length > 1) console.log(`| all | ${all.tried} | ${all.held} | ${all.seconds} |`);
rmSync(out, { recursive: true, force: true });
if (failures.length > 0) {
  console.error(`\nDid not hold:\n${failures.join('\n')}`);
  process.exitCode = 1;
}

/** One run of vitest. A test counts as one case, or as many as it noted (`noteTried`). */
function attack(name: string, files: readonly string[]): { tried: number; held: number; seconds: number } {
  const report = join(out, `${name}.json`);
  const begun = Date.now();
  const { status } = spawnSync(
    process.execPath,
    [VITEST, 'run', '--config', 'test/vitest.config.ts', '--reporter=json', `--outputFile=${report}`, ...files],
    {
      cwd: PROJECT_ROOT,
      stdio: 'ignore',
      env: {
        ...process.env,
        REPACKENV_ATTACK: size,
        REPACKENV_ATTACK_SEED: seed,
        ...(values.smoke ? { REPACKENV_FIRST_TESTS: 'yes' } : {}),
      },
    },
  );
  const seconds = Math.round((Date.now() - begun) / 1000);
  const repeat = `npm run attack -- ${size === 'ci' ? '' : `--${size} `}--group ${name} --seed ${seed}`;
  let tests: Assertion[] = [];
  try {
    const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as {
      testResults: { assertionResults: Assertion[] }[];
    };
    tests = testResults.flatMap(({ assertionResults }) => assertionResults);
  } catch {
    // What did not even begin has not held.
  }
  const count = (status: string): number =>
    tests.filter((test) => test.status === status).reduce((sum, { meta }) => sum + (meta?.tried ?? 1), 0);
  const failed = tests.filter((test) => test.status === 'failed');
  for (const test of failed) {
    const why = test.failureMessages.join('\n').split('\n').slice(0, 8).join('\n    ');
    failures.push(`- ${name}: ${test.fullName}\n    ${why}\n  again: ${repeat}`);
  }
  if (status !== 0 && failed.length === 0)
    failures.push(`- ${name}: the tests ended with ${status}\n  again: ${repeat}`);
  const held = count('passed');
  return { tried: held + count('failed') + (status !== 0 && failed.length === 0 ? 1 : 0), held, seconds };
}
