import { plural } from '../../base/plural.js';
import type { RepackEvent } from '../../base/events.js';
import type { Clock } from '../../runtime/clock.js';
import type { TextSink } from '../../runtime/terminal.js';
import { STAGE_TITLES } from './event-text.js';
import { durationText, formatBytes } from './format.js';
import { oneLine } from './printable.js';

const FRAME_MS = 100;
/** What says nothing for so long is drawn again with its seconds, each second. */
const QUIET_MS = 900;
const TICK_MS = 100;

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

/** `clean`: makes a text fit to be printed. `idle`: what is said of work that tells nothing of itself. */
export function progressLine(sink: TextSink, clock: Clock, clean: (text: string) => string, idle = ''): ProgressLine {
  const status = statusText(clock);
  const frame = frames(clock);
  let drawn = '';
  let text = idle;
  let after: string | undefined;
  let since = clock.monotonic();
  let [heard, ticked] = [since, since];
  let timer = idle === '' ? undefined : setInterval(tick, TICK_MS).unref();
  const draw = (more = ''): void => {
    const line = `${fitted(clean(text), widthOf(sink) - more.length)}${more}`;
    sink.write(`${erased(sink, [drawn], LINE)}${line}`);
    drawn = line;
  };
  // What says nothing for a while (a solve, an engine at work, a proof) still moves: by the seconds since the step began.
  function tick(): void {
    const now = clock.monotonic();
    if (now - Math.max(heard, ticked) < QUIET_MS) return;
    ticked = now;
    if (after !== undefined) [text, since, after] = [after || idle, heard, undefined];
    if (text !== '') draw(secondsText(now - since));
  }
  return {
    event(event) {
      const ends = (event.type === 'stage-finished' && event.stage !== 'index') || event.type === 'acquire-finished';
      if (ends) [text, since, after] = [idle, clock.monotonic(), undefined];
      const said = status(event);
      if (said === undefined) return;
      heard = clock.monotonic();
      if (said.whole) since = heard;
      ({ text, after } = said);
      timer ??= setInterval(tick, TICK_MS).unref();
      if (frame(said.whole)) draw();
    },
    end() {
      clearInterval(timer);
      timer = undefined;
      text = '';
    },
    clear() {
      if (drawn === '') return;
      sink.write(erased(sink, [drawn], LINE));
      drawn = '';
    },
  };
}

/** Erases from the cursor to the end of the line, of the screen. */
const LINE = '\u001B[K';
const SCREEN = '\u001B[J';

function secondsText(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 100 ? `  ${seconds} s` : `  ${durationText(seconds)}`;
}

/**
 * Takes lines away that were drawn last. A terminal that became narrower has broken them: how many rows they take is asked anew each time.
 */
function erased(sink: TextSink, lines: readonly string[], one = SCREEN): string {
  const rows = lines.reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / widthOf(sink, 0))), 0);
  const up = Math.min(rows, heightOf(sink)) - 1;
  return up > 0 ? `\r\u001B[${up}A${SCREEN}` : `\r${one}`;
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

/** Lines that do not fit on the screen are counted. A label that says nothing for a while shows the seconds since its step began. */
export function liveLines(sink: TextSink, clock: Clock, clean: (text: string) => string): LiveLines {
  interface Line {
    says: ReturnType<typeof statusText>;
    text: string;
    after: string | undefined;
    since: number;
    heard: number;
  }
  const labels = new Map<string, Line>();
  const frame = frames(clock);
  let drawn: string[] = [];
  let timer: NodeJS.Timeout | undefined;

  const clear = (): void => {
    if (drawn.length === 0) return;
    sink.write(erased(sink, drawn));
    drawn = [];
  };
  const lineOf = ([label, line]: [string, Line], width: number): string => {
    const now = clock.monotonic();
    const isQuiet = now - line.heard >= QUIET_MS;
    if (isQuiet && line.after) Object.assign(line, { text: line.after, since: line.heard, after: undefined });
    const more = isQuiet ? secondsText(now - line.since) : '';
    return `${fitted(clean(`${label}: ${line.text}`), width - more.length)}${more}`;
  };
  const draw = (): void => {
    clear();
    const width = widthOf(sink);
    const most = Math.max(1, heightOf(sink) - 2);
    const all = [...labels].map((each) => lineOf(each, width));
    const more = all.length - most;
    drawn = more > 0 ? [...all.slice(0, most), fitted(`… and ${more} more`, width)] : all;
    if (drawn.length > 0) sink.write(drawn.join('\r\n'));
  };

  return {
    event(label, event) {
      const now = clock.monotonic();
      const line = labels.get(label) ?? { says: statusText(clock), text: 'begins', after: '', since: now, heard: now };
      const isNew = !labels.has(label);
      labels.set(label, line);
      timer ??= setInterval(draw, QUIET_MS).unref();
      const said = line.says(event);
      if (said !== undefined)
        Object.assign(line, { text: said.text, after: said.after, heard: now }, said.whole ? { since: now } : {});
      if (frame(isNew || drawn.length === 0)) draw();
    },
    end(label) {
      if (!labels.delete(label)) return;
      if (labels.size === 0) {
        clearInterval(timer);
        timer = undefined;
      }
      draw();
    },
    clear,
  };
}

/** `whole`: a step begins or ends, which is worth a frame. `after`: what is said once the step, which may be over, has said nothing for a while. */
interface Said {
  text: string;
  whole: boolean;
  after?: string;
}

/** What a line says after each event; undefined: nothing else than before. */
function statusText(clock: Clock): (event: RepackEvent) => Said | undefined {
  let stage = '';
  let total = { artifacts: 0, bytes: 0 };
  let done = { artifacts: 0, bytes: 0 };
  let latest = '';
  let speed = speedOf(clock);
  const indexes = new Map<string, { bytes: number; of: number }>();

  const transfer = (whole: boolean): Said => {
    const share = total.bytes > 0 ? Math.min(1, done.bytes / total.bytes) : 1;
    const bar = '#'.repeat(Math.round(share * 20)).padEnd(20, '.');
    const far = `${done.artifacts}/${plural(total.artifacts, 'artifact')}, ${farText(done.bytes, total.bytes)}`;
    const name = latest === '' ? '' : `  ${latest}`;
    return { text: `fetch [${bar}] ${far}${speed(done.bytes, total.bytes)}${name}`, whole };
  };
  const ofIndexes = (): Said => {
    const files = [...indexes.values()];
    const bytes = files.reduce((sum, each) => sum + each.bytes, 0);
    // One whose size is not known leaves that of all unknown.
    const of = files.some((each) => each.of === 0) ? 0 : files.reduce((sum, each) => sum + each.of, 0);
    const ways = [...indexes].map(([what, each]) =>
      each.bytes === each.of
        ? `reading ${what}`
        : `${what}${files.length === 1 ? '' : ` ${farText(each.bytes, each.of)}`}`,
    );
    const whole = files.every((each) => each.bytes === each.of);
    const sum = whole ? '' : `${farText(bytes, of)}${speed(bytes, of)}  `;
    return { text: `index: ${sum}${ways.join(', ')}`, whole };
  };

  return (event) => {
    switch (event.type) {
      case 'stage-started':
        stage = `${STAGE_TITLES[event.stage]}: ${event.detail ?? '…'}`;
        return { text: stage, whole: true };
      case 'stage-finished':
        if (event.stage !== 'index' || indexes.size === 0) return undefined;
        for (const [what, { bytes, of }] of indexes) if (bytes === of) indexes.delete(what);
        return indexes.size > 0 ? ofIndexes() : { text: stage, whole: false };
      case 'progress': {
        const { what = '', bytes, of } = event;
        if (event.stage === 'index') {
          if (indexes.size === 0) speed = speedOf(clock);
          indexes.set(what, { bytes, of });
          return ofIndexes();
        }
        const name = what === '' ? '' : `  ${what}`;
        const text = `${STAGE_TITLES[event.stage]}: ${farText(bytes, of)}${speed(bytes, of)}${name}`;
        // Of what is read nobody says that it was the last.
        return { text, whole: bytes === of, ...(of === 0 || bytes === of ? { after: stage } : {}) };
      }
      case 'acquire-total':
        total = { artifacts: event.artifacts, bytes: event.bytes };
        done = { artifacts: 0, bytes: 0 };
        latest = '';
        speed = speedOf(clock, true);
        return transfer(true);
      case 'acquire-progress':
        done.bytes += event.bytes;
        return transfer(false);
      case 'artifact-acquired':
        done.artifacts += 1;
        latest = event.fn;
        return transfer(done.artifacts === total.artifacts);
      default:
        return undefined;
    }
  };
}

/** `12 MB of 38 MB`; `of` 0: not known. */
function farText(bytes: number, of: number): string {
  return of > 0 ? `${formatBytes(bytes)} of ${formatBytes(of)}` : formatBytes(bytes);
}

const SPEED_MS = 5000;
/** In a shorter time nothing is said of how fast it goes. */
const LEAST_MS = 500;

/** `, 5.1 MB/s, 6 s left`, by the last seconds; empty as long as that is not known. To be asked as bytes come; `fromNow`: none has yet. */
function speedOf(clock: Clock, fromNow = false): (bytes: number, of: number) => string {
  let marks = fromNow ? [{ at: clock.monotonic(), bytes: 0 }] : [];
  return (bytes, of) => {
    const at = clock.monotonic();
    if (bytes < (marks.at(-1)?.bytes ?? 0)) marks = [];
    if (marks.length === 0 || at - marks.at(-1)!.at >= FRAME_MS) marks.push({ at, bytes });
    while (marks.length > 1 && at - marks[1]!.at > SPEED_MS) marks.shift();
    const [first] = marks;
    const [ms, came] = [at - first!.at, bytes - first!.bytes];
    if (ms < LEAST_MS || came <= 0) return '';
    const rate = `, ${formatBytes(Math.round((came / ms) * 1000))}/s`;
    return of > bytes ? `${rate}, ${durationText(Math.ceil(((of - bytes) * ms) / came / 1000))} left` : rate;
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

/** The last column, and what a terminal shows of Ctrl-C (`^C`) behind the line: broken in two, it would be left behind. */
const FREE = 3;

/** A terminal that does not tell its size (a serial line) is taken to have the usual one. */
function widthOf({ columns }: TextSink, free = FREE): number {
  return (columns > 1 ? columns : 80) - free;
}

function heightOf({ rows }: TextSink): number {
  return rows > 1 ? rows : 24;
}

function fitted(text: string, width: number): string {
  return oneLine(text).slice(0, width);
}
