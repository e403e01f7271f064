import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { byteProgress } from '../../../src/base/byte-progress.js';
import type { RepackEvent } from '../../../src/base/events.js';
import { progressLine } from '../../../src/cli/reporter/progress.js';
import { colouredReport } from '../../../src/cli/reporter/sections.js';
import { memorySink, tellEach } from '../../../src/gateway/repodata/memory-sink.js';
import { nodeTerminal } from '../../../src/runtime/terminal.js';
import { fakeClock } from '../../helpers/runtime.js';

const ESC = '\u001B';

function line(columns = 200, idle = '') {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  const at = { columns };
  const written: string[] = [];
  const clock = fakeClock();
  const sink = {
    write: (text: string) => void written.push(text),
    interactive: true,
    rows: 24,
    colours: false,
    get columns() {
      return at.columns;
    },
  };
  const progress = progressLine(sink, clock, (text) => text, idle);
  /** What is drawn after it, without what takes the line before away. */
  const says = (event: RepackEvent, ms = 1000): string => {
    clock.advance(ms);
    progress.event(event);
    return (written.at(-1) ?? '').replace(`\r${ESC}[K`, '');
  };
  const waits = (ms: number): string => {
    written.length = 0;
    clock.advance(ms);
    vi.advanceTimersByTime(1000);
    return written.join('').replace(`\r${ESC}[K`, '');
  };
  return { says, waits, at, written, progress };
}

const index = (what: string, bytes: number, of: number): RepackEvent => ({
  type: 'progress',
  stage: 'index',
  what,
  bytes,
  of,
});

describe('the progress line', () => {
  it('indexes that come at the same time: all bytes, rate, time left, each; then what goes on', () => {
    const { says } = line();
    says({ type: 'stage-started', stage: 'solve', detail: 'linux-64 with conda 26' });
    says(index('a/linux-64', 1e6, 9e6));
    expect(says(index('a/linux-64', 3e6, 9e6))).toBe('index: 3.0 MB of 9.0 MB, 2.0 MB/s, 3 s left  a/linux-64');
    expect(says(index('a/noarch', 1e6, 5e6))).toMatch(
      /^index: 4\.0 MB of 14 MB, .*left {2}a\/linux-64 3\.0 MB of 9\.0 MB, a\/noarch 1\.0 MB of 5\.0 MB$/,
    );
    expect(says(index('a/noarch', 2e6, 0))).toMatch(/^index: 5\.0 MB, \d.*\/s {2}/);
    says(index('a/noarch', 5e6, 5e6));
    expect(says(index('a/linux-64', 9e6, 9e6))).toBe('index: reading a/linux-64, reading a/noarch');
    expect(says({ type: 'stage-finished', stage: 'index' }, 200)).toBe('solve: linux-64 with conda 26');
  });

  it('a rate of the last seconds, not of all', () => {
    const { says } = line();
    says({ type: 'acquire-total', artifacts: 2, bytes: 1e9 });
    says({ type: 'acquire-progress', bytes: 500e6 });
    let drawn = '';
    for (let second = 0; second < 10; second += 1) drawn = says({ type: 'acquire-progress', bytes: 1e6 });
    expect(drawn).toBe('fetch [##########..........] 0/2 artifacts, 510 MB of 1.0 GB, 1.0 MB/s, 8 min 10 s left');
  });

  it('names what has come last', () => {
    const { says } = line();
    says({ type: 'acquire-total', artifacts: 1, bytes: 2e6 });
    const acquired = { fn: 'a-1-0.conda', subdir: 'noarch', bytes: 2e6, source: 'download' } as const;
    expect(says({ type: 'artifact-acquired', ...acquired })).toContain('1/1 artifact, 0 B of 2.0 MB  a-1-0.conda');
  });

  it('work that says nothing of itself moves from its first second, and rests when it has ended', () => {
    const { waits, progress, says } = line(200, 'verify');
    expect(waits(1000)).toBe('verify  1 s');
    expect(waits(1000)).toBe('verify  2 s');
    expect(says({ type: 'progress', stage: 'read', bytes: 2e9, of: 0, what: 'a.conda' })).toContain('read: 2.0 GB');
    // Nobody says which file was the last to be read.
    expect(waits(1000)).toBe('verify  1 s');
    says({ type: 'stage-started', stage: 'medium', detail: 'checking a' });
    expect(says({ type: 'progress', stage: 'medium', bytes: 1e9, of: 2e9 })).toContain('medium: 1.0 GB of 2.0 GB');
    expect(waits(5000)).toContain('medium: 1.0 GB of 2.0 GB');
    says({ type: 'progress', stage: 'medium', bytes: 2e9, of: 2e9 });
    expect(waits(2000)).toBe('medium: checking a  2 s');
    says({ type: 'stage-finished', stage: 'prove' });
    expect(waits(150_000)).toBe('verify  2 min 30 s');
    progress.end!();
    expect(waits(5000)).toBe('');
  });

  it.each([80, 120])('never wider than %i columns, and narrowing leaves nothing behind', (columns) => {
    const { says, at, written, progress } = line(columns);
    says({ type: 'stage-started', stage: 'prove', detail: 'x'.repeat(300) });
    expect(written.at(-1)).toHaveLength(`\r${ESC}[K`.length + columns - 3);
    at.columns = 30;
    const rows = Math.ceil((columns - 3) / 30);
    progress.clear();
    expect(written.at(-1)).toBe(`\r${ESC}[${rows - 1}A${ESC}[J`);
  });

  it('is written ten times a second at most', () => {
    const { says, written } = line();
    says({ type: 'acquire-total', artifacts: 1, bytes: 1e9 });
    written.length = 0;
    for (let each = 0; each < 1000; each += 1) says({ type: 'acquire-progress', bytes: 1e3 }, 1);
    expect(written.length).toBeLessThanOrEqual(10);
  });
});

it('bytes are told in steps that grow, and none of little work', () => {
  const events: RepackEvent[] = [];
  const rt = { events: { emit: (event: RepackEvent) => void events.push(event) } };
  const small = byteProgress(rt, { stage: 'read' });
  for (let each = 0; each < 15; each += 1) small(1e6, 'a');
  expect(events).toEqual([]);
  const large = byteProgress(rt, { stage: 'read', of: 100e9 });
  for (let each = 0; each < 100_000; each += 1) large(1e6, 'a');
  expect(events.length).toBeLessThan(400);
  expect(events.at(-1)).toEqual({ type: 'progress', stage: 'read', what: 'a', bytes: 100e9, of: 100e9 });
});

it('an index is told of some fifty times, a small one never; one that begins anew too', async () => {
  const told: number[] = [];
  const sink = tellEach(memorySink(), (bytes) => void told.push(bytes));
  await sink.write(Buffer.alloc(60_000));
  expect(told).toEqual([]);
  for (let each = 0; each < 1000; each += 1) await sink.write(Buffer.alloc(64_000));
  expect(told.length).toBeLessThan(200);
  await sink.restart();
  expect(sink.size).toBe(0);
  await sink.write(Buffer.alloc(100_000));
  expect(told.at(-1)).toBe(100_000);
});

it('colour says what is added, what leaves, what is found', () => {
  const text =
    'acme: done\n  added       1\n    a 1 0\n  removed     1\n    b 1 0\n  kept        3\n  findings    1\n    x: y\n';
  const green = (each: string): string => `${ESC}[32m${each}${ESC}[0m`;
  const red = (each: string): string => `${ESC}[31m${each}${ESC}[0m`;
  const yellow = (each: string): string => `${ESC}[33m${each}${ESC}[0m`;
  expect(colouredReport(text).split('\n')).toEqual([
    'acme: done',
    green('  added       1'),
    green('    a 1 0'),
    red('  removed     1'),
    red('    b 1 0'),
    '  kept        3',
    yellow('  findings    1'),
    yellow('    x: y'),
    '',
  ]);
});

it.each([
  [true, {}, true],
  [true, { NO_COLOR: '1' }, false],
  [true, { NO_COLOR: '' }, true],
  [true, { TERM: 'dumb' }, false],
  [true, { FORCE_COLOR: '0' }, false],
  [false, {}, false],
  [false, { FORCE_COLOR: '1' }, true],
  [false, { FORCE_COLOR: '1', NO_COLOR: '1' }, true],
])('a terminal: %s, with %j: colours %s', (isTTY, env, colours) => {
  const stream = { isTTY, on: () => undefined, write: () => true } as unknown as NodeJS.WriteStream;
  const stdin = {} as NodeJS.ReadStream;
  const terminal = nodeTerminal({ stdout: stream, stderr: stream, stdin, env, onOutputLost: () => undefined });
  expect(terminal.stdout.colours).toBe(colours);
});
