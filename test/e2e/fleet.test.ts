import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { snapshot } from '../../scripts/lib/snapshot.js';
import { openDeclaredWorkplace, type DeclaredWorkplace } from '../helpers/declared.js';
import { startOurs } from '../helpers/programs.js';
import { TOKEN } from '../helpers/upstream.js';

const LABELS = Array.from({ length: 6 }, (_, i) => `bank-${i + 1}`);
const INDEX = /repodata\.json/;
const ARTIFACT = /\.(conda|tar\.bz2)$/;

let work: DeclaredWorkplace;
beforeAll(async () => {
  work = await openDeclaredWorkplace(LABELS);
});
afterAll(() => work.close());

const declared = (packages: Readonly<Record<string, string>> = {}): string =>
  [
    'defaults:',
    '  all:',
    '    token_env: CONDA_TOKEN',
    '    subdirs: [linux-64]',
    'labels:',
    ...LABELS.map((label) => `  ${label}: { packages: [${packages[label] ?? 'ratingpro, pytho'}] }`),
    '',
  ].join('\n');

const update = (...args: string[]) => work.run('repackenv', ['update', '--root', work.root, ...args]);
const generationOf = (label: string): number | undefined => {
  const file = join(work.root, label, 'manifest.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { generation: number }).generation : undefined;
};
const rowsOf = (stdout: string): string[] => stdout.split('\n').filter((line) => line.startsWith('bank-'));
const bytesAnswered = (pattern: RegExp): string[] =>
  work.upstream.requests
    .filter(({ method, path, status }) => method === 'GET' && status === 200 && pattern.test(path))
    .map(({ path }) => path);
const leftovers = (): string[] => [
  ...(existsSync(join(work.cache, 'runs')) ? readdirSync(join(work.cache, 'runs')) : []),
  ...readdirSync(join(work.cache, 'store', 'tmp')),
  ...readdirSync(work.tmp).filter((name) => !name.startsWith('node')),
];

describe('several labels in one run', () => {
  const logs = (): string[] =>
    readdirSync(join(work.dir, 'logs'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.log'))
      .map((name) => name.replace(/^.*-update-/, ''))
      .sort();

  beforeEach(() => work.upstream.requests.splice(0));

  it('--all: one that can’t be solved stops no other; each index and artifact once; a table, logs, the highest exit code', async () => {
    work.declare(declared({ 'bank-3': 'alib, blib=2.0' }));
    const { exitCode, stdout, stderr } = await update('--all', '--jobs', '6', '--log-dir', join(work.dir, 'logs'));
    expect(exitCode).toBe(3);
    expect(rowsOf(stdout).map((row) => row.split(/\s+/)[0])).toEqual(LABELS);
    expect(stdout).toMatch(/^bank-1 +1 .* added/m);
    expect(stdout).toMatch(/^bank-3 +- .*failed: .*\[E_UNSOLVABLE\]$/m);
    expect(stdout).toMatch(/^6 labels: 5 published, 1 failed; .* downloaded, [\d.]+ s$/m);
    expect(stderr).toMatch(/bank-3: error: /);
    for (const pattern of [INDEX, ARTIFACT]) {
      const asked = bytesAnswered(pattern);
      expect(asked.length).toBe(new Set(asked).size);
    }
    expect(LABELS.map(generationOf)).toEqual([1, 1, undefined, 1, 1, 1]);
    expect(logs()).toEqual([...LABELS.map((label) => `${label}.log`), 'update.log']);
    const file = readdirSync(join(work.dir, 'logs'), { recursive: true, encoding: 'utf8' }).find((name) =>
      name.endsWith('bank-3.log'),
    )!;
    expect(readFileSync(join(work.dir, 'logs', file), 'utf8')).toContain('E_UNSOLVABLE');
    expect(leftovers()).toEqual([]);
  });

  it('--failed: those of the last run that failed, and when none is left, none', async () => {
    work.declare(declared());
    const before = await update('bank-1', 'bank-2');
    expect(before.exitCode).toBe(0);
    const { exitCode, stdout, stderr } = await update('--failed');
    expect([exitCode, stdout, stderr]).toEqual([0, expect.stringContaining('bank-3: generation 1'), expect.anything()]);
    expect(stdout).not.toContain('bank-1');
    const again = await update('--failed');
    expect(again).toMatchObject({ exitCode: 0, stdout: '', stderr: expect.stringContaining('nothing to do') });
  });

  it('--json: each event has its label, each label its report, and one report comes last', async () => {
    work.declare(declared({ 'bank-3': 'alib, blib=2.0' }));
    const { exitCode, stdout } = await update('bank-1', 'bank-3', '--json');
    expect(exitCode).toBe(3);
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const last = lines.at(-1)!;
    expect(last).toMatchObject({ type: 'report', job: 'update', root: work.root, exitCode: 3 });
    expect(last['labels']).toMatchObject([
      { label: 'bank-1', state: 'unchanged', generation: 1, exitCode: 0 },
      { label: 'bank-3', state: 'failed', exitCode: 3, error: { code: 'E_UNSOLVABLE' } },
    ]);
    expect(lines.filter(({ type }) => type === 'report')).toHaveLength(1);
    expect(lines.filter(({ type }) => type === 'label-report')).toMatchObject([{ label: 'bank-1' }]);
    expect(lines.filter(({ type }) => type === 'error')).toMatchObject([{ label: 'bank-3', code: 'E_UNSOLVABLE' }]);
    for (const { type, label } of lines)
      if (type === 'stage-started' || type === 'finding') expect(label).toMatch(/^bank-[13]$/);
  });

  it('--quiet: only what went wrong, named by its label, and its row', async () => {
    const { exitCode, stdout, stderr } = await update('bank-*', '--quiet');
    expect([exitCode, stdout]).toEqual([3, '']);
    expect(stderr).toMatch(/^bank-3: error: /);
    expect(rowsOf(stderr.split('[E_UNSOLVABLE]\n').slice(1).join('')).map((row) => row.split(' ')[0])).toEqual([
      'bank-3',
    ]);
    expect(stderr).not.toMatch(/bank-[12456]/);
    work.declare(declared());
    expect(await update('bank-*', '--quiet')).toMatchObject({ exitCode: 0, stdout: '', stderr: '' });
  });

  it('plan --all and --dry-run: the same table, and nothing is written below ROOT', async () => {
    work.upstream.setGeneration(2);
    const before = snapshot(work.root);
    const planned = await work.run('repackenv', ['plan', '--all', '--root', work.root, '--quiet']);
    expect(planned.exitCode).toBe(0);
    expect(planned.stdout).toMatch(/^bank-1 +- .* upgraded/m);
    expect(planned.stdout).toMatch(/^6 labels: 6 planned; .* of packages to travel, /m);
    expect((await update('--all', '--dry-run')).stdout).toMatch(/^bank-6 +- .* upgraded/m);
    expect(snapshot(work.root)).toEqual(before);
    work.upstream.setGeneration(1);
  });

  it('--notify: once for a run in which something changed or failed, with the report and without any token', async () => {
    const program = join(work.dir, 'a folder', 'tell.mjs');
    const told = join(work.dir, 'told');
    mkdirSync(join(work.dir, 'a folder'));
    writeFileSync(
      program,
      `import { appendFileSync, readFileSync } from 'node:fs';
       appendFileSync(${JSON.stringify(told)}, JSON.stringify({ argv: process.argv.slice(2), env: process.env, report: JSON.parse(readFileSync(0, 'utf8')) }) + '\\n');
       if (process.argv[3] === 'fail') { console.error('the mail server is down'); process.exit(4); }`,
    );
    const run = async (command: string, ...args: string[]) => {
      writeFileSync(told, '');
      const ran = await work.run('repackenv', ['update', '--root', work.root, '--notify', command, ...args], {
        env: { OTHER_TOKEN: 'yy-01234567-89ab-4cde-8f01-othertoken', COPY: `x${TOKEN}x`, WEBHOOK: 'https://hook' },
      });
      const text = readFileSync(told, 'utf8');
      for (const secret of [TOKEN, 'othertoken']) expect(text + ran.stdout + ran.stderr).not.toContain(secret);
      return {
        ...ran,
        told: text
          .split('\n')
          .filter(Boolean)
          .map((line) => JSON.parse(line) as Told),
      };
    };
    type Told = { argv: string[]; env: Record<string, string>; report: Record<string, unknown> };
    const node = `${process.execPath} "${program}"`;

    expect((await run(node, '--all')).told).toEqual([]);
    work.declare(`${declared({ 'bank-3': 'alib, blib=2.0' })}  other: { packages: [numpy], token_env: OTHER_TOKEN }\n`);
    const failed = await run(`${node} 'a; touch x' fail $HOME`, 'bank-*');
    expect(failed.exitCode).toBe(3);
    expect(failed.told).toMatchObject([
      {
        argv: ['a; touch x', 'fail', '$HOME'],
        env: { WEBHOOK: 'https://hook' },
        report: { job: 'update', exitCode: 3 },
      },
    ]);
    expect(failed.told[0]!.report['labels']).toHaveLength(6);
    expect(Object.keys(failed.told[0]!.env)).not.toEqual(expect.arrayContaining(['CONDA_TOKEN']));
    expect(failed.stderr).toContain('the program of --notify ended with 4 (the mail server is down)');
    // One label, declared or not, is a run too.
    const one = await run(node, 'bank-3');
    expect(one.told).toMatchObject([{ report: { labels: [{ label: 'bank-3', state: 'failed' }] } }]);
    expect((await run('no-such-program', 'bank-3')).stderr).toContain('could not be started, ENOENT');
    // Whoever reads --json finds the report in the last line.
    const types = (await run('no-such-program', '--all', '--json')).stdout.trim().split('\n');
    expect(types.map((line) => (JSON.parse(line) as { type: string }).type).slice(-2)).toEqual(['warning', 'report']);
    work.declare(declared());
    expect((await run(node, 'bank-3')).told).toEqual([]);
  });

  it('Ctrl-C in the middle: each label as before or as new, nothing temporary, and --failed does the rest', async () => {
    work.upstream.setGeneration(2);
    const args = ['update', '--all', '--root', work.root, '--jobs', '2'];
    const run = startOurs('repackenv', args, { home: work.home, env: { TMPDIR: work.tmp, CONDA_TOKEN: TOKEN } });
    expect(await run.says('1 of 6: ')).toBe(true);
    run.child.kill('SIGINT');
    const { exitCode, stdout, stderr } = await run.ended;
    expect(exitCode).toBe(130);
    expect(stdout).toMatch(/^bank-6 .*interrupted/m);
    expect(stderr).toContain('Interrupted by SIGINT');
    for (const label of LABELS) expect((await work.verify(join(work.root, label))).exitCode).toBe(0);
    expect(LABELS.map(generationOf)).toContain(1);
    expect(leftovers()).toEqual([]);
    expect(await update('--failed')).toMatchObject({ exitCode: 0 });
    expect(LABELS.map(generationOf)).toEqual([2, 2, 2, 2, 2, 2]);
    work.upstream.setGeneration(1);
    expect(await update('--all')).toMatchObject({ exitCode: 0 });
  });

  it.each([
    [['--all', 'bank-1'], '--all is every declared label'],
    [['--all', '--failed'], 'can’t both be meant'],
    [['--failed', '--label', 'bank-1'], '--failed is every declared label'],
    [['--all', '--jobs', '0'], 'must be 1 or more'],
    [['--all', '--jobs', 'many'], '--jobs'],
    [['no-*'], 'No declared label fits'],
  ])('refuses %j', async (args, says) => {
    const { exitCode, stderr } = await update(...args);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining(says)]);
  });

  it('a setting of a run can’t stand below a label', async () => {
    work.declare(`${declared()}  other: { jobs: 3 }\n`);
    const { exitCode, stderr } = await update('--all');
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('jobs')]);
    work.declare(`jobs: 2\n${declared()}`);
    expect((await update('--all')).exitCode).toBe(0);
  });

  it('one locked by another run and one held: the others go on, exit code 6; --quiet says nothing of them', async () => {
    const lock = join(work.root, '.repackenv', 'bank-2', 'lock');
    const now = generationOf('bank-2')!;
    const held = { schema: 1, generation: now, since: '2026-11-20T00:00:00.000Z', why: 'the site is frozen' };
    writeFileSync(join(work.root, '.repackenv', 'bank-4', 'hold.json'), JSON.stringify(held));
    const top = Math.max(...readdirSync(lock).map(Number)) + 1;
    mkdirSync(join(lock, String(top)));
    // Whoever that is can't be judged, and is waited for.
    writeFileSync(join(lock, String(top), 'owner.json'), '{');
    work.upstream.setGeneration(2);
    const quiet = await update('bank-*', '--quiet');
    expect(quiet).toMatchObject({ exitCode: 6, stdout: '', stderr: '' });
    expect(['bank-1', 'bank-2', 'bank-4'].map(generationOf)).toEqual([now + 1, now, now]);
    const { exitCode, stdout } = await update('bank-*');
    expect(exitCode).toBe(6);
    expect(stdout).toMatch(/^bank-1 +\d+ .* nothing$/m);
    expect(stdout).toMatch(/^bank-2 .*\[E_LOCKED\]$/m);
    expect(stdout).toMatch(/^bank-4 +\d+ .* held at generation \d+ since 2026-11-20.*: the site is frozen$/m);
    writeFileSync(join(lock, String(top), 'released.json'), '{}');
  });
});
