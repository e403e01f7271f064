import type { Measured } from './bench-flows.js';

/** Seconds; `peakRss` in bytes. */
export type Spread = { min: number; median: number; max: number; peakRss?: number | undefined };

export type Figures = Spread & { steps: Map<string, Spread> };

/** Of the whole and of each of its steps. */
export function figures(runs: readonly Measured[]): Figures {
  const names = [...(runs[0]?.steps.keys() ?? [])];
  const steps = names.map((name) => [name, spread(runs.map(({ steps: each }) => each.get(name) ?? 0))] as const);
  const peaks = runs.flatMap(({ peakRss }) => (peakRss === undefined ? [] : [peakRss]));
  return {
    ...spread(runs.map(({ seconds }) => seconds)),
    peakRss: peaks.length === 0 ? undefined : Math.max(...peaks),
    steps: new Map(steps),
  };
}

/** One line of the table; without figures its heading. */
export function timesLine(name: string, cold?: Spread, unchanged?: Spread): string {
  if (cold === undefined || unchanged === undefined) return columns(name, 'cold', 'unchanged', 'peak memory');
  const peak = Math.max(cold.peakRss ?? 0, unchanged.peakRss ?? 0);
  return columns(name, threeTimes(cold), threeTimes(unchanged), peak === 0 ? '' : megabytes(peak));
}

type Ratio = [ours: Spread, theirs: Spread, aim: number];

export function ratioLine(name: string, cold: Ratio, unchanged: Ratio): string {
  return columns(
    name,
    ...[cold, unchanged].map(([ours, theirs, aim]) => {
      const ratio = ours.median / theirs.median;
      return `${ratio.toFixed(3)} (aim ${aim}: ${ratio <= aim ? 'met' : 'missed'})`;
    }),
  );
}

/** Seconds; `peakRss` in bytes, of the hungriest process that was started here, undefined where nothing tells. */
export type Sample = { seconds: number; peakRss?: number | undefined };

type Taken = { name: string; phases: ReadonlyMap<string, readonly Sample[]> };

/** Phases below each other, in each the contenders; for those beside the first: what it takes of their time. */
export function contestTable(title: string, taken: readonly Taken[]): string {
  const phases = [...new Set(taken.flatMap((each) => [...each.phases.keys()]))];
  return [
    contestLine(title, 'seconds: min, median, max', 'peak memory', 'ours to theirs (by round)'),
    ...phases.map((phase) => [`  ${phase}`, ...contestRows(taken, phase)].join('\n')),
  ].join('\n');
}

function contestRows(taken: readonly Taken[], phase: string): string[] {
  const rows = taken.flatMap(({ name, phases }) => {
    const samples = phases.get(phase);
    return samples === undefined ? [] : [{ name, samples, figures: spread(samples.map(({ seconds }) => seconds)) }];
  });
  return rows.map((row) => {
    const peak = Math.max(...row.samples.map(({ peakRss }) => peakRss ?? 0));
    const ratio = row === rows[0] ? '' : contestRatio(rows[0]!, row);
    return contestLine(`    ${row.name}`, threeTimes(row.figures), peak === 0 ? '' : megabytes(peak), ratio);
  });
}

type Row = { samples: readonly Sample[]; figures: Spread };

/** The ratio of the medians, and the least and the most that one round gave: they tell how quiet the machine was. */
function contestRatio(ours: Row, theirs: Row): string {
  const ofMedians = ours.figures.median / theirs.figures.median;
  const each = spread(
    ours.samples.map(({ seconds }, round) => seconds / (theirs.samples[round]?.seconds ?? Number.NaN)),
  );
  return `${ofMedians.toFixed(2)} (${each.min.toFixed(2)}-${each.max.toFixed(2)})`;
}

function contestLine(name: string, times: string, memory: string, ratio: string): string {
  return `${name.padEnd(46)}${times.padStart(26)}${memory.padStart(14)}${ratio.padStart(28)}`.trimEnd();
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}

function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (index: number): number => sorted[index] ?? Number.NaN;
  const half = (sorted.length - 1) / 2;
  return { min: at(0), median: (at(Math.floor(half)) + at(Math.ceil(half))) / 2, max: at(sorted.length - 1) };
}

function threeTimes({ min, median, max }: Spread): string {
  return [min, median, max].map((each) => each.toFixed(2).padStart(7)).join('');
}

function columns(name: string, ...cells: readonly string[]): string {
  return [name.padEnd(32), ...cells.map((cell) => cell.padStart(24))].join('').trimEnd();
}
