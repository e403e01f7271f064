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

/** Seconds; `peakRss` in bytes, of the hungriest process that was started here, undefined where nothing tells. */
export type Sample = { seconds: number; peakRss?: number | undefined; processorSeconds?: number | undefined };

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

/** Ours to theirs; `memory` of the peaks, `megabytes` of ours alone. */
export type Aims = { time?: number; memory?: number; megabytes?: number };

/** What one phase of a contest gave: the ratio of the medians with the least and the most of a round, ours to the second contender. */
export type Outcome = {
  work: string;
  beside: string;
  time: Spread;
  memory?: number | undefined;
  /** Of ours. */
  megabytes?: number | undefined;
  aims?: Aims | undefined;
};

export function outcomes(
  { title, aims }: { title: string; aims?: Readonly<Record<string, Aims>> | undefined },
  [ours, theirs]: readonly Taken[],
): Outcome[] {
  return [...(ours?.phases ?? [])].flatMap(([phase, mine]) => {
    const other = theirs?.phases.get(phase);
    if (other === undefined) return [];
    const [ourPeak, theirPeak] = [mine, other].map((each) => Math.max(...each.map(({ peakRss }) => peakRss ?? 0)));
    return [
      {
        // Numbers of what happened to be at hand do not belong to a name.
        work: `${title.replace(/ \([^)]*\)/, '')}: ${phase}`,
        beside: theirs!.name,
        time: ratio(mine, other),
        memory: ourPeak && theirPeak ? ourPeak / theirPeak : undefined,
        ...(ourPeak ? { megabytes: Math.round(ourPeak / 1e6) } : {}),
        aims: aims?.[phase],
      },
    ];
  });
}

export function outcomeKey({ work, beside }: Outcome): string {
  return `${work} | ${beside}`;
}

/** Each is one line; those with an aim first say whether it is met, then what is more than a fifth worse than it was. */
export function outcomeTable(all: readonly Outcome[], last: ReadonlyMap<string, Outcome>): string {
  const line = (...cells: readonly string[]): string =>
    `${cells[0]!.padEnd(58)}${cells[1]!.padEnd(30)}${cells[2]!.padStart(22)}${cells[3]!.padStart(14)}  ${cells[4]!}`.trimEnd();
  return [
    line('work', 'beside', 'ours to theirs', 'memory', 'aim'),
    ...all.map((outcome) => {
      const { work, beside, time } = outcome;
      const spreadOf = `${number(time.median)} (${number(time.min)}-${number(time.max)})`;
      const remarks = [...judge(outcome), ...worse(outcome, last.get(outcomeKey(outcome)))].join('; ');
      return line(work, beside, spreadOf, memoryCell(outcome), remarks);
    }),
  ].join('\n');
}

/** The same for the manual, in Markdown. */
export function pageTable(all: readonly Outcome[]): string {
  const rows = all.map((outcome) => {
    const { work, beside, time, aims } = outcome;
    const cells = [
      work,
      beside,
      `${number(time.median)} (${number(time.min)}-${number(time.max)})`,
      memoryCell(outcome),
      [aims?.time ?? '', aims?.memory ?? '', aims?.megabytes === undefined ? '' : `${aims.megabytes} MB`]
        .filter((aim) => aim !== '')
        .join('; '),
    ];
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  });
  return ['| work | beside | ours to theirs | memory | aim |', '| --- | --- | --- | --- | --- |', ...rows].join('\n');
}

function memoryCell({ memory, megabytes }: Outcome): string {
  const ours = megabytes === undefined ? '' : `${megabytes} MB`;
  return memory === undefined ? ours : `${number(memory)}, ${ours}`;
}

function judge({ time, memory, megabytes, aims }: Outcome): string[] {
  const met = (is: number, aim: number): string => (is <= aim ? 'met' : 'missed');
  return [
    ...(aims?.time === undefined ? [] : [`${aims.time}: ${met(time.median, aims.time)}`]),
    ...(aims?.memory === undefined || memory === undefined
      ? []
      : [`memory ${aims.memory}: ${met(memory, aims.memory)}`]),
    ...(aims?.megabytes === undefined || megabytes === undefined
      ? []
      : [`${aims.megabytes} MB: ${met(megabytes, aims.megabytes)}`]),
  ];
}

/** Noise is no news: also the best round has to be worse than what it was. */
function worse({ time }: Outcome, last: Outcome | undefined): string[] {
  if (last === undefined) return [];
  const more = time.median / last.time.median - 1;
  return more > 0.2 && time.min > last.time.median ? [`WORSE than last: ${number(last.time.median)}`] : [];
}

function number(value: number): string {
  return value.toPrecision(value < 0.1 ? 1 : 2).replace(/e\+1$/, '0');
}

type Row = { samples: readonly Sample[] };

/** The ratio of the medians, and the least and the most that one round gave: they tell how quiet the machine was. */
function contestRatio(ours: Row, theirs: Row): string {
  const { min, median, max } = ratio(ours.samples, theirs.samples);
  return `${median.toFixed(2)} (${min.toFixed(2)}-${max.toFixed(2)})`;
}

function ratio(ours: readonly Sample[], theirs: readonly Sample[]): Spread {
  const each = spread(ours.map(({ seconds }, round) => seconds / (theirs[round]?.seconds ?? Number.NaN)));
  const median = (samples: readonly Sample[]): number => spread(samples.map(({ seconds }) => seconds)).median;
  return { ...each, median: median(ours) / median(theirs) };
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
