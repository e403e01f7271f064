import { appendFileSync, cpSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COMMANDS } from '../../src/cli/commands/index.js';
import { openWorkplace, type Workplace } from '../helpers/programs.js';

/** In order: later lines use what earlier ones made. `answer`: on standard output, the same as without --quiet. */
const TABLE: readonly {
  run: string;
  exitCode?: number;
  out?: 'answer';
  err?: RegExp;
}[] = [
  { run: 'plan --label halkbank --root ROOT UP ratingpro', out: 'answer' },
  { run: 'update --label halkbank --root ROOT UP ratingpro' },
  { run: 'update --label halkbank --root ROOT UP ratingpro --dry-run', out: 'answer' },
  { run: 'verify ROOT/halkbank' },
  { run: 'verify BROKEN', exitCode: 1, err: /digest/ },
  { run: 'doctor ROOT/halkbank' },
  { run: 'doctor BROKEN', exitCode: 1, err: /corrupt|digest/ },
  { run: 'diff ROOT/halkbank ROOT/halkbank' },
  // As of cmp: the exit code is the answer.
  { run: 'diff ROOT/halkbank DIR/other', exitCode: 1 },
  { run: 'why python ROOT/halkbank', out: 'answer' },
  { run: 'tree ROOT/halkbank --depth 1', out: 'answer' },
  { run: 'find python ROOT', out: 'answer' },
  { run: 'notes ROOT/halkbank ROOT/halkbank', out: 'answer' },
  { run: 'licenses ROOT/halkbank', out: 'answer' },
  { run: 'export ROOT/halkbank --to DIR/usb' },
  { run: 'delta ROOT/halkbank --since ROOT/halkbank/manifest.json --to DIR/usb2' },
  { run: 'import DIR/usb --root DIR/site --dry-run', out: 'answer' },
  { run: 'import DIR/usb --root DIR/site' },
  { run: 'merge DIR/other DIR/site/halkbank --dry-run', out: 'answer' },
  { run: 'mirror -f DIR/mirror.yml CACHE --explain ratingpro', out: 'answer' },
  { run: 'mirror -f DIR/mirror.yml CACHE --dry-run', out: 'answer' },
  { run: 'mirror -f DIR/mirror.yml CACHE' },
  { run: 'clean -f DIR/mirror.yml CACHE --dry-run', out: 'answer' },
  { run: 'clean --root ROOT CACHE --dry-run', out: 'answer' },
  { run: 'clean --root ROOT CACHE' },
  { run: 'history ROOT/halkbank', out: 'answer' },
  { run: 'labels --root ROOT', out: 'answer' },
  { run: 'received ROOT/halkbank/manifest.json --site ankara --root ROOT' },
  { run: 'hold ROOT/halkbank --why audit' },
  { run: 'release ROOT/halkbank' },
  { run: 'rollback ROOT/halkbank --to 9', exitCode: 2, err: /E_GENERATION/ },
  { run: 'policy check ROOT/halkbank --policy DIR/house.yml', out: 'answer' },
  { run: 'push ROOT/halkbank DIR/pushed' },
  { run: 'work --root ROOT', exitCode: 2, err: /^error: / },
  { run: 'init ROOT' },
  { run: 'engines', out: 'answer' },
  { run: 'schema', out: 'answer' },
  { run: 'help', out: 'answer' },
  { run: 'completion bash', out: 'answer' },
  { run: 'capture ROOT --prefix DIR/no-such-env', exitCode: 2, err: /^error: / },
  { run: 'serve DIR/no-such-folder', exitCode: 2, err: /^error: / },
];

describe('--quiet', () => {
  let work: Workplace;
  beforeAll(async () => {
    work = await openWorkplace();
    const other = join(work.dir, 'for-other');
    expect((await work.update({ root: other, packages: ['ratedocs', 'ratingpro'] })).exitCode).toBe(0);
    cpSync(join(other, 'halkbank'), join(work.dir, 'other'), { recursive: true });
    cpSync(join(other, 'halkbank'), join(work.dir, 'broken'), { recursive: true });
    const noarch = join(work.dir, 'broken', 'noarch');
    appendFileSync(
      join(
        noarch,
        readdirSync(noarch).find((name) => name.endsWith('.conda'))!,
      ),
      'x',
    );
    writeFileSync(join(work.dir, 'house.yml'), 'deny: {packages: [nosuch]}\n');
    writeFileSync(
      join(work.dir, 'mirror.yml'),
      `channels: [${work.upstream.url}/pkgs/main]\nplatforms: [linux-64]\nmirror_dir: ${join(work.dir, 'mirrors', 'main')}\n`,
    );
  });
  afterAll(() => work.close());

  const typed = (run: string, more: readonly string[]): string[] => {
    const places = { DIR: work.dir, ROOT: work.root, BROKEN: join(work.dir, 'broken') };
    const up = `--token-env CONDA_TOKEN --owner prometeia --base-url ${work.upstream.url} --channel ${work.upstream.url}/pkgs/main --engine embedded --subdir linux-64 CACHE`;
    const whole = run.replace('UP', up).replace('CACHE', `--cache-dir ${work.cache}`);
    return [
      ...whole.split(' ').map((word) => word.replace(/^[A-Z]+/, (name) => places[name as 'DIR'] ?? name)),
      ...more,
    ];
  };

  it('has a line for every command', () => {
    expect([...new Set(TABLE.map(({ run }) => run.split(' ')[0]!))].sort()).toEqual(
      COMMANDS.map(({ name }) => name).sort(),
    );
  });

  it.each(TABLE)('$run: $out', async ({ run, exitCode = 0, out, err }) => {
    const loud = out === undefined ? undefined : await work.run('repackenv', typed(run, []));
    const ran = await work.run('repackenv', typed(run, ['--quiet']));
    expect(ran.exitCode, ran.stdout + ran.stderr).toBe(exitCode);
    const untimed = (text: string): string => text.replaceAll(/T[\d:.]+Z/g, '');
    expect(untimed(ran.stdout)).toBe(untimed(loud?.stdout ?? ''));
    if (out !== undefined) expect(ran.stdout).toMatch(/\S/);
    if (err === undefined) expect(ran.stderr).toBe('');
    else expect(ran.stderr).toMatch(err);
  });
});
