import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { contestTable, outcomes, type Aims, type Outcome, type Sample } from './bench-figures.js';
import { runProgram, type RunOptions, type RunResult } from './run-program.js';

/** One way to do the work that is compared. */
export type Contender = {
  name: string;
  /** Phase -> does and measures it. One after the other, in this order, in a home that is new at the first. */
  phases: Readonly<Record<string, (home: string) => Promise<Sample>>>;
};

export type Contest = {
  title: string;
  /** Ours first, then those beside it; a phase that only some have is compared among these. */
  contenders: readonly Contender[];
  /** Phase -> what ours should take at most, in time and memory, of the first that stands beside it. */
  aims?: Readonly<Record<string, Aims>>;
  /** Before a contender's phases, not measured: fills the new home. */
  before?: (home: string, name: string) => void | Promise<void>;
  /** After them: looks whether all made the same, and throws where they did not. */
  after?: (home: string, name: string) => void | Promise<void>;
};

/** What a part of the bench is given. */
export type Bench = {
  /** Its own, for all that it makes. */
  folder: string;
  rounds: number;
  /** One line for something that can't be measured here. */
  skip: (what: string, why: string) => void;
  /** Of all contests so far. */
  outcomes: Outcome[];
};

/** Rounds are interleaved, and each begins with another contender; prints the table. */
export async function takeContest(contest: Contest, { folder, rounds, outcomes: all }: Bench): Promise<void> {
  const { contenders } = contest;
  const taken = contenders.map(({ name }) => ({ name, phases: new Map<string, Sample[]>() }));
  for (let round = 0; round < rounds; round += 1) {
    for (let turn = 0; turn < contenders.length; turn += 1) {
      const at = (round + turn) % contenders.length;
      const [contender, { phases }] = [contenders[at]!, taken[at]!];
      const home = join(folder, `round-${round + 1}-${at + 1}`);
      await contest.before?.(home, contender.name);
      for (const [phase, measure] of Object.entries(contender.phases)) {
        phases.set(phase, [...(phases.get(phase) ?? []), await measure(home)]);
      }
      await contest.after?.(home, contender.name);
      rmSync(home, { recursive: true, force: true });
    }
  }
  console.log(`\n${contestTable(contest.title, taken)}`);
  all.push(...outcomes(contest, taken));
}

/** Runs programs one after the other; what is measured is their sum. Throws where one does not end with 0. */
export async function measured(...programs: readonly (() => Promise<RunResult>)[]): Promise<Sample> {
  const samples: Sample[] = [];
  for (const start of programs) {
    const { exitCode, stdout, stderr, ...sample } = await start();
    if (exitCode !== 0) throw new Error(`exit ${String(exitCode)}\n${stdout.slice(-2000)}${stderr.slice(-2000)}`);
    samples.push(sample);
  }
  const peaks = samples.flatMap(({ peakRss }) => (peakRss === undefined ? [] : [peakRss]));
  return {
    seconds: samples.reduce((sum, each) => sum + each.seconds, 0),
    processorSeconds: samples.reduce((sum, each) => sum + (each.processorSeconds ?? Number.NaN), 0),
    peakRss: peaks.length === 0 ? undefined : Math.max(...peaks),
  };
}

/** A few lines of shell, as a site admin types them; the values are its `$1`, `$2`… Memory is not told: it is that of its children. */
export function byShell(script: string, values: readonly string[], options: RunOptions): Promise<Sample> {
  return measured(() => runProgram('sh', ['-ec', script, 'sh', ...values], options));
}
