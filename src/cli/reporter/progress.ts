import type { RepackEvent } from '../../base/events.js';
import type { Clock } from '../../runtime/clock.js';
import type { TextSink } from '../../runtime/terminal.js';
import { formatBytes } from './format.js';
import { oneLine } from './printable.js';

const FRAME_MS = 100;
const TICK_MS = 1000;

/**
 * One status line that is drawn again in place: stage, artifacts, bytes, rate. Plain writes to a terminal, since every
 * measured library either colours pipes or hides the cursor (CONTRIBUTING, "Dependencies").
 */
export interface ProgressLine {
  event(event: RepackEvent): void;
  /** Takes the line away, so that other text can be written; the next event draws it again. */
  clear(): void;
  /** Nothing is at work any more: it is not drawn again. */
  end?(): void;
}

/** `clean`: makes a text fit to be printed. */
export function progressLine(sink: TextSink, clock: Clock, clean: (text: string) => string): ProgressLine {
  const status = statusText(clock);
  const frame = frames(clock);
  let shown = false;
  let text = '';
  let since = 0;
  let heard = 0;
  let timer: NodeJS.Timeout | undefined;
  const draw = (more = ''): void => {
    sink.write(`\r\u001B[K${fitted(clean(text), widthOf(sink) - more.length)}${more}`);
    shown = true;
  };
  // What says nothing for a while (a solve, an engine at work, a proof) still moves: by the seconds since the step began.
  const tick = (): void => {
    const now = clock.monotonic();
    if (text !== '' && now - heard >= TICK_MS) draw(`  ${Math.round((now - since) / 1000)} s`);
  };
  return {
    event(event) {
      if (event.type === 'stage-finished' || event.type === 'acquire-finished') text = '';
      const said = status(event);
      if (said === undefined) return;
      heard = clock.monotonic();
      if (said.whole) since = heard;
      ({ text } = said);
      timer ??= setInterval(tick, TICK_MS).unref();
      if (frame(said.whole)) draw();
    },
    end() {
      clearInterval(timer);
      timer = undefined;
    },
    clear() {
      if (!shown) return;
      sink.write('\r\u001B[K');
      shown = false;
    },
  };
}

/** Status lines of several labels, one below the other, drawn again in place. */
export interface LiveLines {
  /** Says what a label is at. */
  event(label: string, event: RepackEvent): void;
  /** The label has no line any more. */
  end(label: string): void;
  /** Takes all lines away, so that other text can be written; the next event draws them again. */
  clear(): void;
}

/**
 * A terminal that becomes narrower breaks the lines that stand on it: how many rows they take is asked anew each time they are taken away. Lines
 * that do not fit on the screen are counted.
 */
export function liveLines(sink: TextSink, clock: Clock, clean: (text: string) => string): LiveLines {
  const labels = new Map<string, { says: ReturnType<typeof statusText>; text: string }>();
  const frame = frames(clock);
  let drawn: string[] = [];

  const clear = (): void => {
    if (drawn.length === 0) return;
    const rows = drawn.reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / widthOf(sink, 0))), 0);
    const up = Math.min(rows, heightOf(sink)) - 1;
    sink.write(`\r${up > 0 ? `\u001B[${up}A` : ''}\u001B[J`);
    drawn = [];
  };
  const draw = (): void => {
    clear();
    const width = widthOf(sink);
    const most = Math.max(1, heightOf(sink) - 2);
    const all = [...labels].map(([label, { text }]) => fitted(clean(`${label}: ${text}`), width));
    const more = all.length - most;
    drawn = more > 0 ? [...all.slice(0, most), fitted(`… and ${more} more`, width)] : all;
    if (drawn.length > 0) sink.write(drawn.join('\r\n'));
  };

  return {
    event(label, event) {
      const line = labels.get(label) ?? { says: statusText(clock), text: 'begins' };
      const isNew = !labels.has(label);
      labels.set(label, line);
      const said = line.says(event);
      if (said !== undefined) line.text = said.text;
      if (frame(isNew || drawn.length === 0)) draw();
    },
    end(label) {
      if (!labels.delete(label)) return;
      draw();
    },
    clear,
  };
}

/** What a line says after each event; undefined: nothing else than before. `whole`: a step begins or ends, which is worth a frame. */
function statusText(clock: Clock): (event: RepackEvent) => { text: string; whole: boolean } | undefined {
  let total = { artifacts: 0, bytes: 0 };
  let done = { artifacts: 0, bytes: 0 };
  let startedAt = 0;
  const transfer = (whole: boolean): { text: string; whole: boolean } => {
    const seconds = (clock.monotonic() - startedAt) / 1000;
    const rate = seconds > 0.2 ? `, ${formatBytes(Math.round(done.bytes / seconds))}/s` : '';
    const share = total.bytes > 0 ? Math.min(1, done.bytes / total.bytes) : 1;
    const bar = '#'.repeat(Math.round(share * 20)).padEnd(20, '.');
    return {
      text: `fetch [${bar}] ${done.artifacts}/${total.artifacts} artifacts, ${formatBytes(done.bytes)} of ${formatBytes(total.bytes)}${rate}`,
      whole,
    };
  };
  return (event) => {
    if (event.type === 'stage-started') return { text: `${event.stage}: ${event.detail ?? '…'}`, whole: true };
    if (event.type === 'progress') {
      const text = `${event.stage}: ${formatBytes(event.bytes)} of ${formatBytes(event.of)}`;
      return { text, whole: event.bytes === event.of };
    }
    if (event.type === 'acquire-total') {
      total = { artifacts: event.artifacts, bytes: event.bytes };
      done = { artifacts: 0, bytes: 0 };
      startedAt = clock.monotonic();
      return transfer(true);
    }
    if (event.type === 'acquire-progress') {
      done.bytes += event.bytes;
      return transfer(false);
    }
    if (event.type === 'artifact-acquired') {
      done.artifacts += 1;
      return transfer(done.artifacts === total.artifacts);
    }
    return undefined;
  };
}

/** Whether it is time to draw again: not more often than a person sees, unless it is forced. */
function frames(clock: Clock): (force: boolean) => boolean {
  let last = -Infinity;
  return (force) => {
    const now = clock.monotonic();
    if (!force && now - last < FRAME_MS) return false;
    last = now;
    return true;
  };
}

/** A terminal that does not tell its size (a serial line) is taken to have the usual one. The last column stays free. */
function widthOf({ columns }: TextSink, free = 1): number {
  return (columns > 1 ? columns : 80) - free;
}

function heightOf({ rows }: TextSink): number {
  return rows > 1 ? rows : 24;
}

function fitted(text: string, width: number): string {
  return oneLine(text).slice(0, width);
}
