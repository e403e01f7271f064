import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { liveLines, progressLine } from '../../../src/cli/reporter/progress.js';
import { fakeClock } from '../../helpers/runtime.js';

const ESC = '\u001B';
const PIECES = new RegExp(`${ESC}\\[\\d*[AJ]|\\r|\\n|[^${ESC}\\r\\n]+`, 'g');
const UP = new RegExp(`^${ESC}\\[(\\d+)A$`);

/** A terminal that breaks lines anew when its width changes, as most do. */
function screen(columns: number, rows: number) {
  const at = { columns, rows };
  /** Each a line as it was written; the cursor stands in the last row of what is shown, or above it. */
  let lines: string[] = [''];
  let row = 0;
  const wrapped = (): { line: number; text: string }[] =>
    lines.flatMap((text, line) => {
      const count = Math.max(1, Math.ceil(text.length / at.columns));
      return Array.from({ length: count }, (_, part) => ({
        line,
        text: text.slice(part * at.columns, (part + 1) * at.columns),
      }));
    });
  const write = (text: string): void => {
    for (const [piece] of text.matchAll(PIECES)) {
      const up = UP.exec(piece);
      if (up !== null) row -= Number(up[1]);
      else if (piece === '\u001B[J') {
        // From the cursor, at the left edge, to the end.
        const { line, text: rest } = wrapped()[row]!;
        expect(lines[line]!.startsWith(rest)).toBe(true);
        lines = [...lines.slice(0, line), ''];
      } else if (piece === '\n') lines.push('');
      else if (piece !== '\r') lines[lines.length - 1] += piece;
      if (up === null) row = wrapped().length - 1;
    }
  };
  return {
    resize: (width: number) => {
      at.columns = width;
      row = wrapped().length - 1;
    },
    shown: () => lines.filter((line) => line !== ''),
    sink: {
      write,
      interactive: true,
      colours: false,
      get columns() {
        return at.columns;
      },
      get rows() {
        return at.rows;
      },
    },
  };
}

const begins = (detail: string) => ({ type: 'stage-started', stage: 'solve', detail }) as const;

describe('liveLines', () => {
  it('a line for each label at work, none when it has ended; other text stays above', () => {
    const { sink, shown } = screen(80, 24);
    const lines = liveLines(sink, fakeClock(), (text) => text);
    lines.event('a', begins('linux-64'));
    lines.event('b', begins('win-64'));
    expect(shown()).toEqual(['a: solve: linux-64', 'b: solve: win-64']);
    lines.clear();
    sink.write('warning: slow\n');
    lines.event('a', begins('noarch'));
    expect(shown()).toEqual(['warning: slow', 'a: solve: noarch', 'b: solve: win-64']);
    lines.end('a');
    expect(shown()).toEqual(['warning: slow', 'b: solve: win-64']);
    lines.end('b');
    expect(shown()).toEqual(['warning: slow']);
  });

  it.each([
    ['narrower: lines break in two and three', 30],
    ['wider', 200],
  ])('survives a terminal that becomes %s', (_, width) => {
    const { sink, shown, resize } = screen(80, 24);
    sink.write('before\n');
    const clock = fakeClock();
    const lines = liveLines(sink, clock, (text) => text);
    lines.event('a', begins('x'.repeat(70)));
    lines.event('b', begins('y'.repeat(40)));
    resize(width);
    clock.advance(200);
    lines.event('a', begins('linux-64'));
    expect(shown()).toEqual(['before', 'a: solve: linux-64', `b: solve: ${'y'.repeat(40)}`.slice(0, width - 3)]);
  });

  it('counts those that do not fit on the screen, and cuts what is wider', () => {
    const { sink, shown } = screen(20, 5);
    const lines = liveLines(sink, fakeClock(), (text) => text);
    for (const label of ['a', 'b', 'c', 'd', 'e']) lines.event(label, begins('a long name of a subdir'));
    expect(shown()).toEqual(['a: solve: a long ', 'b: solve: a long ', 'c: solve: a long ', '… and 2 more']);
  });

  it('draws no more often than a person sees, and what a step is at once only for a new label', () => {
    const { sink, shown } = screen(80, 24);
    const clock = fakeClock();
    const lines = liveLines(sink, clock, (text) => text);
    lines.event('a', begins('first'));
    lines.event('a', begins('second'));
    expect(shown()).toEqual(['a: solve: first']);
    clock.advance(200);
    lines.event('a', { type: 'debug', message: 'nothing to see' });
    expect(shown()).toEqual(['a: solve: second']);
  });
});

it('a step that says nothing for a while shows the seconds that it takes, until it ends', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  let written = '';
  const write = (text: string): void => void (written += text);
  const clock = fakeClock();
  const line = progressLine({ write, interactive: true, columns: 40, rows: 24, colours: false }, clock, (text) => text);
  const later = async (): Promise<string> => {
    written = '';
    await clock.sleep(3000);
    vi.advanceTimersByTime(1000);
    return written;
  };
  line.event({ type: 'stage-started', stage: 'solve', detail: 'linux-64 with a name that is longer than the line' });
  expect(await later()).toMatch(/Ksolve: linux-64 .* {2}3 s$/);
  expect(written).toHaveLength(`\r${ESC}[K`.length + 37);
  line.event({ type: 'stage-finished', stage: 'solve' });
  expect(await later()).toBe('');
  line.event({ type: 'stage-started', stage: 'prove' });
  line.end!();
  expect(await later()).toBe('');
});
