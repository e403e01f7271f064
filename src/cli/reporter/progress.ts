import type { RepackEvent } from '../../base/events.js';
import type { Clock } from '../../runtime/clock.js';
import type { TextSink } from '../../runtime/terminal.js';
import { formatBytes } from './format.js';
import { oneLine } from './printable.js';

const FRAME_MS = 100;

/**
 * One status line that is drawn again in place: stage, artifacts, bytes, rate. Plain writes to a terminal, since every
 * measured library either colours pipes or hides the cursor (CONTRIBUTING, "Dependencies").
 */
export interface ProgressLine {
  event(event: RepackEvent): void;
  /** Takes the line away, so that other text can be written; the next event draws it again. */
  clear(): void;
}

/** `clean`: makes a text fit to be printed. */
export function progressLine(sink: TextSink, clock: Clock, clean: (text: string) => string): ProgressLine {
  let shown = false;
  let lastDrawn = -Infinity;
  let total = { artifacts: 0, bytes: 0 };
  let done = { artifacts: 0, bytes: 0 };
  let startedAt = 0;

  const clear = (): void => {
    if (!shown) return;
    sink.write('\r\u001B[K');
    shown = false;
  };
  const draw = (text: string, force: boolean): void => {
    const now = clock.monotonic();
    if (!force && now - lastDrawn < FRAME_MS) return;
    lastDrawn = now;
    // A terminal that does not tell its width (a serial line) is taken to have the usual one.
    const width = sink.columns > 1 ? sink.columns : 80;
    sink.write(`\r\u001B[K${oneLine(clean(text)).slice(0, width - 1)}`);
    shown = true;
  };
  const transfer = (force: boolean): void => {
    const seconds = (clock.monotonic() - startedAt) / 1000;
    const rate = seconds > 0.2 ? `, ${formatBytes(Math.round(done.bytes / seconds))}/s` : '';
    const share = total.bytes > 0 ? Math.min(1, done.bytes / total.bytes) : 1;
    const bar = '#'.repeat(Math.round(share * 20)).padEnd(20, '.');
    draw(
      `fetch [${bar}] ${done.artifacts}/${total.artifacts} artifacts, ${formatBytes(done.bytes)} of ${formatBytes(total.bytes)}${rate}`,
      force,
    );
  };

  return {
    event(event) {
      if (event.type === 'stage-started') draw(`${event.stage}: ${event.detail ?? '…'}`, true);
      if (event.type === 'progress') {
        draw(`${event.stage}: ${formatBytes(event.bytes)} of ${formatBytes(event.of)}`, event.bytes === event.of);
      }
      if (event.type === 'acquire-total') {
        total = { artifacts: event.artifacts, bytes: event.bytes };
        done = { artifacts: 0, bytes: 0 };
        startedAt = clock.monotonic();
        transfer(true);
      }
      if (event.type === 'acquire-progress') {
        done.bytes += event.bytes;
        transfer(false);
      }
      if (event.type === 'artifact-acquired') {
        done.artifacts += 1;
        transfer(done.artifacts === total.artifacts);
      }
    },
    clear,
  };
}
