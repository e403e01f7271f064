import { isRepackError } from '../../base/errors.js';
import type { Finding } from '../../base/findings.js';
import type { EventSink, RepackEvent } from '../../base/events.js';
import type { Redactor } from '../../base/redact.js';
import type { Clock } from '../../runtime/clock.js';
import type { Terminal } from '../../runtime/terminal.js';
import { errorData, errorText } from './error-text.js';
import { eventText } from './event-text.js';
import { durationText, localTimestamp } from './format.js';
import type { LogFile } from './log-file.js';
import { oneLine, printable } from './printable.js';
import { liveLines, progressLine, type LiveLines, type ProgressLine } from './progress.js';
import { colouredReport, findingText } from './sections.js';

/**
 * The only place from which text reaches a person; every text passes the redactor first, and its control characters are shown. Those that a
 * terminal acts on are added here.
 */
export interface Reporter extends EventSink {
  /**
   * The end of a command: text for people, data for `--json`. With `--quiet` the text stays away, but not those of
   * `data.findings` that make the exit code 1, unless an event has told them.
   *
   * `answer`: the command did nothing but answer, and its exit code can't: the text comes with `--quiet` too. `whenQuiet`: what comes then,
   * among the errors.
   */
  result(text: string, data: Record<string, unknown>, options?: { answer: boolean; whenQuiet?: string }): void;
  error(error: unknown): void;
  /** Lines of several labels, from now on in the place of its own status line; undefined where nobody watches. */
  liveLines(): LiveLines | undefined;
  /** Text that is asked for as such, uncut: `--show-config`. */
  print(text: string): void;
}

export interface ReporterOptions {
  terminal: Terminal;
  redactor: Redactor;
  clock: Clock;
  json: boolean;
  quiet: boolean;
  debug: boolean;
  log: LogFile | undefined;
  /** What is said of work that says nothing of itself, `verify`; empty for what asks, or waits. */
  doing?: string | undefined;
  /** One of the labels that are at work: in front of each line, and in each event of `--json`. Its report goes to the log. */
  label?: { name: string; lines: LiveLines | undefined } | undefined;
}

const JSON_PROGRESS_MS = 1000;

export function createReporter(options: ReporterOptions): Reporter {
  const { terminal, redactor, clock, json, quiet, debug, log, label } = options;
  const before = label === undefined ? '' : `${label.name}: `;
  const named = label === undefined ? {} : { label: label.name };
  // Cut after the redactor: half a token is none that it knows.
  const clean = (text: string): string => printable(redactor.redact(text));
  const watched = terminal.stderr.interactive && !quiet && !json;
  const progress = watched ? progressOf() : undefined;
  const colours = terminal.stderr.colours;
  let lines: LiveLines | undefined;
  const clear = (): void => {
    progress?.clear();
    lines?.clear();
  };

  function progressOf(): ProgressLine | undefined {
    if (label === undefined) return progressLine(terminal.stderr, clock, clean, options.doing);
    const { name, lines: all } = label;
    return all && { event: (event) => all.event(name, event), clear: () => all.clear() };
  }

  const toLog = (text: string): void => log?.write(`${localTimestamp(clock.now())} ${clean(text)}\n`);
  const toStderr = (text: string, colour?: (text: string) => string): void => {
    clear();
    terminal.stderr.write(colours && colour !== undefined ? colour(clean(text)) : clean(text));
  };
  const toStdout = (text: string): void => {
    clear();
    terminal.stdout.write(text);
  };
  const print = (text: string): void => toStdout(printable(redactor.redact(text), { whole: true }));
  const jsonLine = (data: Record<string, unknown>): void => print(`${JSON.stringify(data)}\n`);

  // Transfers tell of every piece; a reader wants to know every second.
  let untold = 0;
  let lastTold = -Infinity;
  const jsonEvent = (event: RepackEvent): void => {
    if (event.type === 'acquire-progress') {
      untold += event.bytes;
      if (clock.monotonic() - lastTold < JSON_PROGRESS_MS) return;
    }
    if (untold !== 0) {
      jsonLine({ time: timeOf(clock), ...named, type: 'acquire-progress', bytes: untold });
      untold = 0;
      lastTold = clock.monotonic();
    }
    if (event.type !== 'acquire-progress') jsonLine({ time: timeOf(clock), ...named, ...event });
  };

  const begun = clock.monotonic();
  /** Whoever sat and watched hears how long it took, where the report does not say it itself. */
  const withTook = (text: string): string => {
    const seconds = Math.round((clock.monotonic() - begun) / 1000);
    if (/, \d+(\.\d)? s\n$/.test(text) || !watched || !terminal.stdout.interactive || seconds < 2) return text;
    return text.replace(/\n/, `\n  took        ${durationText(seconds)}\n`);
  };

  const told = new Set<string>();
  // Where both streams are the same terminal, what the report says too stands there only: told as it occurs, a reader would meet it twice.
  let holds =
    label === undefined && terminal.stdout.interactive && terminal.stderr.interactive && !quiet && !json && !debug;
  let held: RepackEvent[] = [];
  const emit = (event: RepackEvent): void => {
    if (event.type === 'finding') told.add(findingText(event.finding));
    // A server's report is days away.
    if (event.type === 'listening') {
      progress?.end?.();
      release(() => true);
    }
    const line = log === undefined ? undefined : lineOf(event);
    if (line !== undefined && (debug || line.level !== 'debug')) toLog(line.text);
    if (json) {
      if (event.type !== 'debug' || debug) jsonEvent(event);
      return;
    }
    if (holds && reportedText(event) !== undefined) {
      held.push(event);
      if (event.type === 'acquire-finished') progress?.event(event);
    } else show(event);
  };

  const show = (event: RepackEvent): void => {
    // Whoever asked for a free port has no other way to learn which.
    if (quiet && event.type === 'listening' && event.chosen) print(`${event.url}\n`);
    // A server tells of each: only the log file and --debug want to know.
    if (event.type === 'request' && (quiet || !debug)) return void progress?.event(event);
    const line = lineOf(event);
    // On a terminal the progress line says what has only begun.
    const begun = event.type === 'stage-started' || event.type === 'acquire-total';
    if (progress !== undefined && begun && !debug) {
      progress.event(event);
      return;
    }
    // The lines of many labels would run away with the screen.
    const normal = !quiet && (debug || (line?.level === 'normal' && (label === undefined || progress === undefined)));
    if (line !== undefined && (line.level === 'warning' || normal)) {
      // Where nobody watches (cron, a pipe) every line carries its date.
      const date = terminal.stderr.interactive ? '' : `${localTimestamp(clock.now())} `;
      toStderr(`${date}${before}${line.text}\n`, line.level === 'warning' ? yellow : undefined);
    }
    progress?.event(event);
  };

  /** No report is to come that tells them, or not all of them. */
  const release = (which: (said: string) => boolean): void => {
    holds = false;
    for (const event of held) if (which(reportedText(event) ?? '')) show(event);
    held = [];
  };

  const untoldFindings = (findings: unknown): Finding[] =>
    (Array.isArray(findings) ? (findings as Finding[]) : []).filter(
      (finding) => finding.exit === true && !told.has(findingText(finding)),
    );

  return {
    emit,
    result(text, data, { answer, whenQuiet = '' } = { answer: false }) {
      progress?.end?.();
      toLog(`result\n${withoutTold(text, told)}`);
      // Long lists are cut.
      release((said) => !text.includes(said));
      if (json) jsonLine({ type: label === undefined ? 'report' : 'label-report', ...data });
      else if (label === undefined && (!quiet || answer)) {
        const shown = clean(answer ? text : withTook(text));
        toStdout(terminal.stdout.colours ? colouredReport(shown) : shown);
      }
      if (quiet && !json && !answer && whenQuiet !== '') toStderr(whenQuiet);
      if (quiet && !json) for (const finding of untoldFindings(data['findings'])) emit({ type: 'finding', finding });
    },
    error(error) {
      progress?.end?.();
      release(() => true);
      const text = errorText(error, { debug, log: log?.path });
      toLog(text.trimEnd());
      if (json) jsonLine({ type: 'error', ...named, ...errorData(error) });
      // From cron every line is a mail: that another run is at work is in the exit code, and in the log (bad-inputs I6).
      if (quiet && isRepackError(error) && error.code === 'E_LOCKED') return;
      clear();
      // The terminal's echo of Ctrl-C stands where the line was.
      if (watched && isRepackError(error) && error.code === 'E_INTERRUPTED') terminal.stderr.write('\r\u001B[K');
      toStderr(before + text, (plain) => plain.replace(/(^|: )error:/, '$1\u001B[31merror:\u001B[0m'));
    },
    liveLines() {
      if (!watched) return undefined;
      progress?.end?.();
      progress?.clear();
      return (lines = liveLines(terminal.stderr, clock, clean));
    },
    print,
  };
}

/** What the report of a command says of an event; undefined: nothing. */
function reportedText(event: RepackEvent): string | undefined {
  if (event.type === 'finding') return findingText(event.finding);
  // A mirror says it in words of its own.
  return event.type === 'acquire-finished' ? '\n  fetched ' : undefined;
}

/** The report as the log takes it: what stands above in it, with its time, is not repeated. */
function withoutTold(text: string, told: ReadonlySet<string>): string {
  const lines = text.split('\n');
  const first = lines.findIndex((line) => told.has(line.trim()));
  return lines
    .flatMap((line, index) => (!told.has(line.trim()) ? [line] : index === first ? ['    (told above)'] : []))
    .join('\n');
}

/** What `--debug` tells is an engine's own output, with its lines. */
function lineOf(event: RepackEvent): ReturnType<typeof eventText> {
  const line = eventText(event);
  return line === undefined || event.type === 'debug' ? line : { ...line, text: oneLine(line.text) };
}

function yellow(line: string): string {
  return `\u001B[33m${line.trimEnd()}\u001B[0m\n`;
}

function timeOf(clock: Clock): string {
  return new Date(clock.now()).toISOString();
}
