import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openDeclaredWorkplace, type DeclaredWorkplace } from '../helpers/declared.js';

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

  it('one locked by another run and one held: the others go on, exit code 6; --quiet says nothing of them', async () => {
    const lock = join(work.root, '.repackenv', 'bank-2', 'lock');
    for (const name of readdirSync(lock)) if (Number(name) > 0) writeFileSync(join(lock, name, 'note'), '');
    const held = { schema: 1, generation: 1, since: '2026-11-20T00:00:00.000Z', why: 'the site is frozen' };
    writeFileSync(join(work.root, '.repackenv', 'bank-4', 'hold.json'), JSON.stringify(held));
    const top = Math.max(...readdirSync(lock).map(Number)) + 1;
    mkdirSync(join(lock, String(top)));
    // Whoever that is can't be judged, and is waited for.
    writeFileSync(join(lock, String(top), 'owner.json'), '{');
    work.upstream.setGeneration(2);
    const quiet = await update('bank-*', '--quiet');
    expect(quiet).toMatchObject({ exitCode: 6, stdout: '', stderr: '' });
    expect([generationOf('bank-2'), generationOf('bank-4')]).toEqual([1, 1]);
    expect(generationOf('bank-1')).toBe(2);
    const { exitCode, stdout } = await update('bank-[124]'.replace('[124]', '*'));
    expect(exitCode).toBe(6);
    expect(stdout).toMatch(/^bank-1 +2 .* nothing$/m);
    expect(stdout).toMatch(/^bank-2 .*\[E_LOCKED\]$/m);
    expect(stdout).toMatch(/^bank-4 +1 .* held at generation 1 since 2026-11-20.*: the site is frozen$/m);
    writeFileSync(join(lock, String(top), 'released.json'), '{}');
  });
});
