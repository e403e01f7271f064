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
  return columns(name, threeTimes(cold), threeTimes(unchanged), peak === 0 ? '' : `${(peak / 1e6).toFixed(0)} MB`);
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
