import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { reportText } from '../../../src/cli/reporter/report-text.js';
import { LONGEST_LINE } from '../../../src/cli/reporter/printable.js';
import { createReporter } from '../../../src/cli/reporter/reporter.js';
import { RepackError } from '../../../src/base/errors.js';
import { createRedactor } from '../../../src/base/redact.js';
import type { JobReport } from '../../../src/jobs/job-report.js';
import { Secret } from '../../../src/base/secret.js';
import type { TextSink } from '../../../src/runtime/terminal.js';
import { fakeClock } from '../../helpers/runtime.js';

const ESC = '\u001B';
const TOKEN = 'xx-0123456789-sentinel';

interface SetUp {
  tty?: boolean;
  /** Where only one of the two streams is a terminal. */
  ttyOf?: 'out' | 'err';
  json?: boolean;
  quiet?: boolean;
  debug?: boolean;
  columns?: number;
  doing?: string;
}

function setUp(options: SetUp = {}) {
  const written = { out: '', err: '', log: '' };
  const isTty = (key: 'out' | 'err'): boolean => options.tty === true || options.ttyOf === key;
  const sink = (key: 'out' | 'err'): TextSink => ({
    write: (text) => void (written[key] += text),
    interactive: isTty(key),
    columns: options.columns ?? (isTty(key) ? 100 : 0),
    rows: isTty(key) ? 30 : 0,
    colours: isTty(key),
  });
  const redactor = createRedactor();
  redactor.register(new Secret(TOKEN));
  const clock = fakeClock();
  const reporter = createReporter({
    terminal: { stdout: sink('out'), stderr: sink('err'), readStdin: async () => '' },
    redactor,
    clock,
    json: options.json ?? false,
    quiet: options.quiet ?? false,
    debug: options.debug ?? false,
    doing: options.doing,
    log: { path: '/var/log/x.log', write: (text) => void (written.log += text), close: async () => undefined },
  });
  return { reporter, written, clock };
}

it('lines of several labels take the place of the command’s own, which does not come between them again', () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  const { reporter, written, clock } = setUp({ tty: true, doing: 'update' });
  const waits = (): string => {
    written.err = '';
    clock.advance(2000);
    vi.advanceTimersByTime(1000);
    return written.err;
  };
  expect(waits()).toContain('update  2 s');
  const lines = reporter.liveLines()!;
  expect(waits()).toBe('');
  lines.event('acme', { type: 'stage-started', stage: 'solve', detail: 'linux-64' });
  expect(waits()).toMatch(/acme: solve: linux-64 +2 s$/);
  reporter.emit({ type: 'note', message: '1 of 2: other: done' });
  expect(written.err.endsWith(`\r${ESC}[J1 of 2: other: done\n`)).toBe(true);
  expect(waits()).not.toContain('update');
  lines.end('acme');
  expect(waits()).toBe('');
});

it.each([{}, { tty: true, json: true }, { tty: true, quiet: true }])(
  'nobody watches: %j, no lines of labels',
  (how) => {
    expect(setUp(how).reporter.liveLines()).toBeUndefined();
  },
);

describe('what an interrupted command says', () => {
  const says = (options: SetUp, code: 'E_INTERRUPTED' | 'E_LOCKED'): string => {
    const { reporter, written } = setUp(options);
    reporter.error(new RepackError(code, { what: 'Interrupted by SIGINT', hint: 'Run again when you like.' }));
    return written.err;
  };

  it('takes the place of the echo of Ctrl-C on a terminal, and only there', () => {
    expect(says({ tty: true }, 'E_INTERRUPTED').startsWith(`\r${ESC}[K${ESC}[31merror:`)).toBe(true);
    for (const options of [{}, { tty: true, json: true }, { tty: true, quiet: true }])
      expect(says(options, 'E_INTERRUPTED')).not.toContain('\r');
    expect(says({ tty: true }, 'E_LOCKED')).not.toContain('\r');
  });
});

describe('plain output', () => {
  it('carries a date on each line and no escape where nobody watches', () => {
    const { reporter, written } = setUp();
    reporter.emit({ type: 'note', message: 'packages: a' });
    reporter.emit({ type: 'warning', message: 'w' });
    reporter.emit({ type: 'acquire-progress', bytes: 5 });
    expect(written.err).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d packages: a\n\d{4}-.* warning: w\n$/);
    expect(written.err).not.toContain('\u001B');
    expect(written.out).toBe('');
  });

  it.each([
    [true, 'http://h:4711/acme\n'],
    [false, ''],
  ])('with --quiet a server says where it is only on a port that it chose (%s)', (chosen, out) => {
    const { reporter, written } = setUp({ quiet: true });
    reporter.emit({ type: 'listening', url: 'http://h:4711/acme', port: 4711, chosen });
    expect(written).toMatchObject({ out, err: '' });
  });

  it('names with --quiet what makes the exit code 1, once', () => {
    const { reporter, written } = setUp({ quiet: true });
    const told = { code: 'told', message: 'by an event', exit: true };
    reporter.emit({ type: 'finding', finding: told });
    reporter.result('text\n', {
      findings: [
        told,
        { code: 'corrupt', message: 'a.conda', exit: true },
        { code: 'note', message: 'n', exit: false },
      ],
    });
    expect(written.out).toBe('');
    expect(written.err.match(/finding .*/g)).toEqual(['finding told: by an event', 'finding corrupt: a.conda']);
  });

  it('says only warnings and errors with --quiet', () => {
    const { reporter, written } = setUp({ quiet: true });
    reporter.emit({ type: 'note', message: 'n' });
    reporter.emit({ type: 'warning', message: 'careful' });
    reporter.result('the end\n', {});
    reporter.error(new RepackError('E_ROOT', { what: 'no root' }));
    expect(written.out).toBe('');
    expect(written.err).toMatch(/careful[\s\S]*no root/);
    expect(written.err).not.toContain('n\n2');
  });

  it('I6 says nothing with --quiet when another run holds the label: the exit code does', () => {
    const quiet = setUp({ quiet: true });
    quiet.reporter.error(new RepackError('E_LOCKED', { what: 'another run' }));
    expect(quiet.written).toMatchObject({ out: '', err: '' });
    const plain = setUp();
    plain.reporter.error(new RepackError('E_LOCKED', { what: 'another run' }));
    expect(plain.written.err).toContain('another run');
  });

  it('J1 J4 keeps the token out of events, results and errors, with causes and stacks at --debug too', () => {
    const { reporter, written } = setUp({ debug: true });
    reporter.emit({ type: 'debug', message: `asked https://h/t/${TOKEN}/x` });
    reporter.result(`text ${TOKEN}\n`, { url: TOKEN });
    reporter.error(
      new RepackError('E_UPSTREAM', { what: `w ${TOKEN}`, where: TOKEN, cause: new Error(`inner ${TOKEN}`) }),
    );
    reporter.error(new TypeError(`bug ${TOKEN}`));
    expect(written.out + written.err).not.toContain(TOKEN);
    expect(written.err).toContain('inner <TOKEN>');
    expect(written.err).toContain('[E_BUG]');
  });
});

describe('errors', () => {
  it('are what, where, what to do, code last, without a stack', () => {
    const { reporter, written } = setUp();
    const parts = { what: 'It broke', where: '/srv/x', hint: 'Mend it', details: ['one', 'two'] };
    reporter.error(new RepackError('E_DISK', parts));
    expect(written.err).toBe('error: It broke\n  where: /srv/x\n    one\n    two\n  what to do: Mend it\n  [E_DISK]\n');
  });
});

describe('--json', () => {
  it('is one object a line, the report last, and progress at most once a second', () => {
    const { reporter, written, clock } = setUp({ json: true });
    for (let i = 0; i < 1000; i += 1) {
      reporter.emit({ type: 'acquire-progress', bytes: 65_536 });
      clock.advance(2);
    }
    reporter.emit({ type: 'artifact-acquired', fn: 'a', subdir: 'noarch', bytes: 1, source: 'store' });
    reporter.result('text', { label: 'acme' });
    const lines = written.out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const progress = lines.filter((line) => line['type'] === 'acquire-progress');
    expect(progress.length).toBeLessThanOrEqual(4);
    expect(progress.reduce((sum, line) => sum + Number(line['bytes']), 0)).toBe(65_536_000);
    expect(lines.at(-1)).toEqual({ type: 'report', label: 'acme' });
  });

  it('gives an error as data on standard output and as text on standard error', () => {
    const { reporter, written } = setUp({ json: true });
    reporter.error(new RepackError('E_LOCKED', { what: 'held' }));
    expect(JSON.parse(written.out)).toMatchObject({ type: 'error', code: 'E_LOCKED', exitCode: 6 });
    expect(written.err).toContain('error: held');
  });
});

describe('a finding', () => {
  const finding = { code: 'md5-only', message: 'a is', exit: false };
  const times = (text: string): number => text.split('md5-only: a is').length - 1;
  const report = 'the end\n  findings    1\n    md5-only: a is\n';

  it.each<[string, SetUp, [out: number, err: number]]>([
    ['once on a terminal: in the report', { tty: true }, [1, 0]],
    ['in the file and on the terminal with > file', { ttyOf: 'err' }, [1, 1]],
    ['on the terminal and in the file with 2> file', { ttyOf: 'out' }, [1, 1]],
    ['in both files where nobody watches', {}, [1, 1]],
    ['as it occurs with --debug', { tty: true, debug: true }, [1, 1]],
  ])('is told %s', (_where, options, [out, err]) => {
    const { reporter, written } = setUp(options);
    reporter.emit({ type: 'finding', finding });
    reporter.result(report, { findings: [finding] });
    expect([times(written.out), times(written.err)]).toEqual([out, err]);
    expect(times(written.log)).toBe(1);
    expect(written.log).toContain('(told above)');
  });

  it.each<[string, (reporter: ReturnType<typeof setUp>['reporter']) => void]>([
    ['the run fails', (reporter) => reporter.error(new RepackError('E_ROOT', { what: 'no root' }))],
    ['the report’s list is cut before it', (reporter) => reporter.result('… and 1 more\n', { findings: [finding] })],
    ['a server is up', (reporter) => reporter.emit({ type: 'listening', url: 'http://h/', port: 1, chosen: false })],
  ])('is not lost on a terminal where %s', (_case, then) => {
    const { reporter, written } = setUp({ tty: true });
    reporter.emit({ type: 'finding', finding });
    expect(written.err).toBe('');
    then(reporter);
    expect(times(written.err)).toBe(1);
  });
});

describe('where the artifacts came from', () => {
  const none = { artifacts: 0, bytes: 0 };
  const said = '3 artifacts downloaded, 9 B';
  const finished = {
    type: 'acquire-finished',
    download: { artifacts: 3, bytes: 9 },
    cache: none,
    store: none,
  } as const;
  const times = (text: string): number => text.split(said).length - 1;
  const reported = (reporter: ReturnType<typeof setUp>['reporter']): void =>
    reporter.result(`the end\n  fetched     ${said}\n`, {});

  it.each<[string, SetUp, (reporter: ReturnType<typeof setUp>['reporter']) => void, [out: number, err: number]]>([
    ['once on a terminal: in the report', { tty: true }, reported, [1, 0]],
    ['in both files where nobody watches', {}, reported, [1, 1]],
    ['before an error', { tty: true }, (to) => to.error(new RepackError('E_ROOT', { what: 'no root' })), [0, 1]],
    [
      'once where the report has words of its own',
      { tty: true },
      (to) => to.result(`end\n  fetched     ${said}, of 9\n`, {}),
      [1, 0],
    ],
    ['where the report is silent of it', { tty: true }, (to) => to.result('the end\n', {}), [0, 1]],
  ])('is told %s', (_where, options, then, [out, err]) => {
    const { reporter, written } = setUp(options);
    reporter.emit(finished);
    then(reporter);
    expect([times(written.out), times(written.err)]).toEqual([out, err]);
  });
});

describe('on a terminal', () => {
  it.each([[100], [0]])('draws one line in place with artifacts, bytes and rate (%i columns)', (columns) => {
    const { reporter, written, clock } = setUp({ tty: true, columns });
    reporter.emit({ type: 'acquire-total', artifacts: 2, bytes: 4_000_000 });
    clock.advance(1000);
    reporter.emit({ type: 'acquire-progress', bytes: 2_000_000 });
    expect(written.err).toContain('0/2 artifacts, 2.0 MB of 4.0 MB, 2.0 MB/s');
    reporter.result('done\n', {});
    expect(written.err.endsWith('\r\u001B[K')).toBe(true);
    expect(written.out).toBe('done\n');
  });
});

describe('the report', () => {
  const report: JobReport = {
    job: 'update',
    label: 'acme',
    labelDir: '/srv/r/acme',
    specs: ['ratingpro', 'numpy>=1.26,<2'],
    subdirs: ['linux-64'],
    channels: [],
    engines: [{ kind: 'embedded', version: '1' }],
    priority: 'strict',
    artifacts: [
      { subdir: 'noarch', fn: 'a-1-0.conda', name: 'a', version: '1', build: '0', size: 1500, channel: null },
    ],
    bytesTotal: 1500,
    changes: {
      added: [{ name: 'a', version: '1', build: '0', subdir: 'noarch', fn: 'a-1-0.conda' }],
      removed: [],
      upgraded: [{ name: 'b', subdir: 'noarch', from: '1', to: '2' }],
      downgraded: [],
      rerecorded: [],
      kept: 7,
      bytesToTravel: 1700,
      bytesOfPackages: 1500,
    },
    leaving: [],
    strangers: ['notes.txt'],
    findings: [{ code: 'md5-only', message: 'a is', exit: false }],
    signature: 'none',
    published: {
      generation: 3,
      because: ['packages', 'channels'],
      manifestSha256: 'x',
      unchanged: false,
      bytesWritten: 1,
      pooled: { files: 2, bytes: 2500 },
      oldestConda: '4.7',
      proof: { checks: [{ name: 'solve', detail: '' }] },
    },
  };

  it('says what changed, what must travel, where it is, and how it is installed', () => {
    const text = reportText(report, false);
    for (const part of [
      'generation 3 is published',
      'because     packages, channels',
      'readable by conda 4.7 and newer, mamba, pixi',
      'signature   none',
      'a 1 0  (noarch)',
      'b 1 -> 2  (noarch)',
      'kept        7',
      'to travel   1.7 kB by rsync or robocopy: 1.5 kB of packages, 200 B of other files',
      'notes.txt',
      'md5-only: a is',
      '/srv/r/acme',
      'channels file:///srv/r/acme',
      "conda install ratingpro 'numpy>=1.26,<2'",
    ]) {
      expect(text).toContain(part);
    }
  });

  it('quotes for cmd.exe on Windows', () => {
    expect(reportText(report, true)).toContain('conda install ratingpro "numpy>=1.26,<2"');
  });

  it('names no solver for a capture', () => {
    const text = reportText({ ...report, engines: [{ kind: 'capture', version: 'unknown' }] }, false);
    expect(text).toContain('taken from  an environment');
    expect(text).not.toMatch(/solved by|unknown/);
  });

  it('says of a plan that nothing was touched', () => {
    const text = reportText({ ...report, job: 'plan', published: undefined }, false);
    expect(text).toContain('would deliver 1 artifact, 1.5 kB');
    expect(text).toContain('not touched');
    expect(text).not.toContain('conda install');
  });
});

describe('texts of strangers', () => {
  const nasty = 'a\u001B[2Jb\u009B31mc\u0007d\re\u202Ef';
  const plain = String.raw`a\u001b[2Jb\u009b31mc\u0007d\u000de\u202ef`;
  const say: Record<string, (reporter: ReturnType<typeof setUp>['reporter'], text: string) => void> = {
    note: (reporter, message) => reporter.emit({ type: 'note', message }),
    warning: (reporter, message) => reporter.emit({ type: 'warning', message }),
    debug: (reporter, message) => reporter.emit({ type: 'debug', message }),
    finding: (reporter, message) => reporter.emit({ type: 'finding', finding: { code: 'x', message, exit: true } }),
    stage: (reporter, detail) => reporter.emit({ type: 'stage-started', stage: 'solve', detail }),
    error: (reporter, what) =>
      reporter.error(new RepackError('E_RECORD', { what, where: what, hint: what, details: [what] })),
    bug: (reporter, text) => reporter.error(new Error(text)),
    result: (reporter, text) => reporter.result(`${text}\n`, { text }),
    print: (reporter, text) => reporter.print(text),
  };
  const ways = [{}, { tty: true }, { json: true }, { debug: true }, { quiet: true }] satisfies SetUp[];
  const cases = Object.entries(say).flatMap(([name, call]) => ways.map((way) => [name, way, call] as const));

  it.each(cases)('%s with %j: control characters are shown, never sent', (name, way, call) => {
    const { reporter, written } = setUp(way);
    call(reporter, nasty);
    // Colours and the progress line are ours.
    // oxlint-disable-next-line no-control-regex
    const sent = (written.out + written.err).replace(/\u001B\[(?:\d\dm|0m|K)|\r(?=\u001B\[K)/g, '');
    for (const text of [sent, written.log]) expect(text).not.toMatch(/[^\P{Cc}\n]|\u202E/u);
    if (way.json === true) {
      const line = written.out.split('\n')[0]!;
      if (line !== '' && name !== 'print') expect(JSON.stringify(JSON.parse(line))).toContain('[2Jb');
    } else if (written.out + written.err !== '') expect(written.out + written.err).toContain(plain);
  });

  it('a line feed of theirs begins no line; those of our hints do', () => {
    const { reporter, written } = setUp({ tty: true });
    const two = 'a\nerror: forged';
    reporter.emit({ type: 'warning', message: two });
    reporter.emit({ type: 'finding', finding: { code: 'x', message: two, exit: true } });
    reporter.error(new RepackError('E_RECORD', { what: two, where: two, details: [two], hint: 'one\ntwo' }));
    expect(written.err).not.toMatch(/^error: forged/m);
    expect(written.err).toContain('  what to do: one\n    two\n');
  });

  it('are cut in display, behind the redactor, and whole in --json', () => {
    const text = `${'x'.repeat(LONGEST_LINE - 10)}${TOKEN}${'y'.repeat(800_000)}`;
    const shown = setUp();
    shown.reporter.error(new RepackError('E_RECORD', { what: text }));
    expect(shown.written.err.length).toBeLessThan(LONGEST_LINE + 100);
    expect(shown.written.err).toMatch(/… \(\d+ more characters\)\n {2}\[E_RECORD\]\n$/);
    expect(shown.written.err + shown.written.log).not.toContain(TOKEN.slice(0, 5));
    const json = setUp({ json: true });
    json.reporter.error(new RepackError('E_RECORD', { what: text }));
    expect((JSON.parse(json.written.out) as { what: string }).what).toHaveLength(text.length - TOKEN.length + 7);
  });
});
