import { mkdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import process from 'node:process';
import { Stryker } from '@stryker-mutator/core';
import { PROJECT_ROOT } from './layers.js';
import { EQUIVALENT, MUTATION_GROUPS, type MutationGroup } from './mutation-groups.js';

interface FileScore {
  file: string;
  mutants: number;
  killed: number;
  /** `names.ts:12:3 ConditionalExpression: true`. */
  survivors: string[];
  /** Killed since it hung, or seemed to. */
  hung: string[];
}

/** Percent of the mutants of each group. */
const LEAST = 85;
const REPORTS = join(PROJECT_ROOT, 'dist', 'mutation');

/** Prints a table by file, and what no test noticed; of `files` only, where some are named (`FILE` or `FILE:10-20`). Gives back whether enough was noticed. */
export async function mutateGroups(names: readonly string[], files: readonly string[]): Promise<boolean> {
  const groups = names.length === 0 ? Object.keys(MUTATION_GROUPS) : names;
  const unknown = groups.find((name) => !Object.hasOwn(MUTATION_GROUPS, name));
  if (unknown !== undefined)
    throw new Error(`There is no group ${unknown}; there are ${Object.keys(MUTATION_GROUPS).join(', ')}`);
  console.log('| file | mutants | noticed | score | seconds of its group |\n| --- | ---: | ---: | ---: | ---: |');
  const scores: FileScore[] = [];
  const low: string[] = [];
  for (const name of groups) {
    const begun = Date.now();
    const group = await mutate(name, MUTATION_GROUPS[name]!, files);
    const seconds = Math.round((Date.now() - begun) / 1000);
    for (const score of group) console.log(row(score, seconds));
    scores.push(...group);
    if (percent(sum(group)) < LEAST) low.push(name);
  }
  const all = sum(scores);
  console.log(row(all, ''));
  const known = new Set(Object.keys(EQUIVALENT));
  const [told, open] = [true, false].map((is) => all.survivors.filter((each) => known.has(withoutPlace(each)) === is));
  console.log(`\nNot noticed:\n${open!.join('\n')}`);
  console.log(`\nNoticed, for it hung:\n${all.hung.join('\n')}`);
  console.log(`\nNot to be noticed:\n${told!.map((each) => `${each} (${EQUIVALENT[withoutPlace(each)]})`).join('\n')}`);
  for (const each of all.survivors) known.delete(withoutPlace(each));
  const stale = [...known].filter((each) => scores.some(({ file }) => each.startsWith(`${file} `)));
  if (stale.length > 0) console.log(`\nNoticed now, so it has no place among EQUIVALENT:\n${stale.join('\n')}`);
  if (low.length > 0) console.log(`\nLess than ${LEAST} % noticed: ${low.join(', ')}`);
  return low.length === 0;
}

/** As EQUIVALENT names it. */
function withoutPlace(survivor: string): string {
  return survivor.replace(/:\d+:\d+ /, ' ');
}

function sum(scores: readonly FileScore[]): FileScore {
  return {
    file: 'all',
    mutants: scores.reduce((all, { mutants }) => all + mutants, 0),
    killed: scores.reduce((all, { killed }) => all + killed, 0),
    survivors: scores.flatMap(({ survivors }) => survivors),
    hung: scores.flatMap(({ hung }) => hung),
  };
}

function percent({ killed, mutants }: FileScore): number {
  return mutants === 0 ? 100 : (100 * killed) / mutants;
}

function row(score: FileScore, seconds: number | string): string {
  return `| ${score.file} | ${score.mutants} | ${score.killed} | ${percent(score).toFixed(1)} % | ${seconds} |`;
}

/**
 * One run of Stryker. Results are kept in dist/mutation: where neither a mutant nor its tests changed, it is not run again (nor, at the top of a module, where tests were added: then take its file in dist/mutation away).
 */
async function mutate(name: string, { files, tests }: MutationGroup, only: readonly string[]): Promise<FileScore[]> {
  mkdirSync(REPORTS, { recursive: true });
  // Not `testFiles`: with it, Stryker 9.6.1 never switches on what is changed at the top of a module.
  process.env.REPACKENV_MUTATION_TESTS = tests.join(' ');
  const results = await new Stryker({
    mutate: [...(only.length === 0 ? files : only)],
    testRunner: 'kept-vitest',
    vitest: { configFile: 'test/vitest.config.ts', related: false },
    coverageAnalysis: 'perTest',
    plugins: [
      '@stryker-mutator/vitest-runner',
      join(PROJECT_ROOT, 'scripts', 'kept-runner.mjs'),
      join(PROJECT_ROOT, 'scripts', 'ignore-wording.mjs'),
    ],
    ignorers: ['wording'],
    ignorePatterns: ['/*', '!/src', '!/test', '!/scripts', '!/bin', '!/package.json', '!/tsconfig.json', '!/dist'],
    concurrency: Number(process.env.REPACKENV_MUTATION_WORKERS ?? 2),
    // A busy machine makes no mutant hang: one that hangs counts as noticed.
    timeoutMS: 120_000,
    dryRunTimeoutMinutes: 60,
    incremental: true,
    incrementalFile: join(REPORTS, `${name}.json`),
    cleanTempDir: 'always',
    reporters: [],
    logLevel: 'error' as NonNullable<ConstructorParameters<typeof Stryker>[0]['logLevel']>,
    allowConsoleColors: false,
  }).runMutationTest();
  const scores = new Map<string, FileScore>();
  for (const { fileName, status, location, mutatorName, replacement = '' } of results) {
    const file = relative(PROJECT_ROOT, fileName).replaceAll('\\', '/');
    if (status === 'Ignored' || (only.length > 0 && !only.some((each) => each.replace(/:[\d:-]+$/, '') === file)))
      continue;
    const score = scores.get(file) ?? { file, mutants: 0, killed: 0, survivors: [], hung: [] };
    scores.set(file, score);
    score.mutants += 1;
    const mutant = `${file}:${location.start.line}:${location.start.column} ${mutatorName}: ${replacement}`;
    if (status === 'Killed' || status === 'Timeout') score.killed += 1;
    else score.survivors.push(mutant);
    if (status === 'Timeout') score.hung.push(mutant);
  }
  return [...scores.values()];
}
