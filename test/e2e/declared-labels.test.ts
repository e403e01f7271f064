import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { changesBetween, snapshot } from '../../scripts/lib/snapshot.js';
import type { Manifest } from '../../src/channel/manifest/manifest.js';
import { openDeclaredWorkplace, type DeclaredWorkplace } from '../helpers/declared.js';
import { startOurs, type Ran } from '../helpers/programs.js';
import { expectRefusal } from '../helpers/refusals.js';
import { TOKEN } from '../helpers/upstream.js';

const SLOW = 120_000;

let work: DeclaredWorkplace;
beforeAll(async () => {
  work = await openDeclaredWorkplace(['bank-1', 'bank-2', 'ziraat']);
});
afterAll(() => work.close());

const manifestOf = (label: string): Manifest =>
  JSON.parse(readFileSync(join(work.root, label, 'manifest.json'), 'utf8')) as Manifest;

const ours = (args: readonly string[], cwd = work.root): Promise<Ran> => work.run('repackenv', args, { cwd });

const DEFAULTS = `defaults:
  all: {subdirs: linux-64, token_env: CONDA_TOKEN}
  bank: {packages: [ratingpro, pytho]}
`;
const LABELS = `${DEFAULTS}labels:
  bank-1: {from: bank}
  bank-2: {from: bank, packages: [ratingpro]}
  ziraat:
    packages_file: ziraat.txt
`;

describe('declared labels, by the installed program', () => {
  beforeEach(() => {
    rmSync(work.root, { recursive: true, force: true });
    mkdirSync(work.root);
    writeFileSync(join(work.root, 'ziraat.txt'), 'pytho\n');
    work.declare(LABELS);
  });

  it(
    'makes one, some, all; finds ROOT from a folder below it; finds nothing new the second time',
    async () => {
      mkdirSync(join(work.root, 'below/deep'), { recursive: true });
      const one = await ours(['update', 'bank-2'], join(work.root, 'below/deep'));
      expect(one.exitCode, one.stderr).toBe(0);
      expect(one.stderr).toContain(`ROOT is ${work.root}, by the labels in its repackenv.yml`);
      expect(manifestOf('bank-2')).toMatchObject({ specs: ['ratingpro'], subdirs: ['linux-64', 'noarch'] });
      expect(existsSync(join(work.root, 'bank-1'))).toBe(false);

      const some = await ours(['update', 'bank-*', '--root', work.root], work.home);
      expect(some.exitCode, some.stderr).toBe(0);
      expect(some.stderr).toContain(`ROOT is ${work.root}`);
      expect(manifestOf('bank-1').specs).toEqual(['pytho', 'ratingpro']);
      expect(existsSync(join(work.root, 'ziraat'))).toBe(false);

      const all = await work.run('repackenv', ['update', '--all'], { env: { REPACKENV_ROOT: work.root } });
      expect(all.exitCode, all.stderr).toBe(0);
      expect(all.stderr).toContain(`ROOT is ${work.root}, from REPACKENV_ROOT`);
      expect(manifestOf('ziraat').specs).toEqual(['pytho']);

      const before = snapshot(work.root);
      const plan = await ours(['plan', '--all']);
      expect(plan.exitCode, plan.stderr).toBe(0);
      expect(changesBetween(before, snapshot(work.root))).toEqual([]);
      const again = await ours(['update', 'ziraat', '--dry-run']);
      expect(again.exitCode, again.stderr).toBe(0);
    },
    SLOW,
  );

  it.each([
    [
      'a name that is none',
      ['update', 'halkbnk'],
      ['"halkbnk" is no declared label', 'For a package say --label LABEL'],
    ],
    ['a near name', ['plan', 'bank-3'], ['Did you mean bank-1?']],
    ['a package', ['update', '--root', 'ROOT', 'ratingpro'], ['For a package say --label LABEL']],
    ['a pattern that fits none', ['update', 'zz*'], ['No declared label fits "zz*"']],
    ['all and some', ['update', '--all', 'bank-1'], ['--all is every declared label']],
    ['all and one', ['update', '--all', '--label', 'bank-1'], ['--all is every declared label']],
    [
      'all and those that failed',
      ['update', '--all', '--failed'],
      ['--failed alone takes those whose last update failed'],
    ],
    ['a ROOT that is not there', ['update', 'bank-1', '--root', 'ROOTX'], ['X/repackenv.yml', 'is it the right ROOT?']],
    ['all of that', ['update', '--all', '--root', 'ROOTX'], ['No label is declared', 'X/repackenv.yml']],
    ['nothing', ['update'], ['LABEL is missing', '--all']],
  ])('refuses %s', async (_name, args, says) => {
    const ran = await ours(args.map((arg) => arg.replace(/^ROOT/, work.root)));
    expectRefusal(ran, { code: 'E_USAGE', says });
  });

  it('refuses --all where no ROOT is found, or none is declared there', async () => {
    expectRefusal(await ours(['update', '--all'], work.home), { code: 'E_USAGE', says: ['ROOT is missing'] });
    work.declare('');
    expectRefusal(await ours(['update', '--all', '--root', work.root]), {
      code: 'E_USAGE',
      says: ['No label is declared'],
    });
  });

  it.each([
    ['an unknown key', 'labels:\n  bank-1:\n    pakages: [x]\n', ['line 8, column 5', 'Did you mean "packages"?']],
    ['a tab', 'labels:\n\tbank-1: {}\n', ['line 7, column 1', 'A tab stands']],
    ['a label twice', 'labels:\n  a: {}\n  a: {}\n', ['line 8, column 3', 'there twice, first on line 7']],
    ['twins', 'labels:\n  a: {}\n  A: {}\n', ['line 8, column 3', 'differ only by case']],
    [
      'a circle',
      'defaults:\n  a: {from: b}\n  b: {from: a}\nlabels: {x: {from: a}}\n',
      ['line 7, column 13', 'a -> b -> a'],
    ],
    ['a token', `labels:\n  a: {token_env: ${TOKEN}}\n`, ['line 7, column 18']],
  ])('refuses a file with %s, and touches nothing', async (_name, text, says) => {
    work.declare(text);
    const before = snapshot(work.root);
    expectRefusal(await ours(['update', '--all', '--root', work.root]), { code: 'E_CONFIG', says });
    // The seed's command reads the same file.
    const seeds = await work.run('update-offline-repo', ['halkbank', 'none', work.root, 'pytho']);
    expectRefusal(seeds, { code: 'E_CONFIG', says });
    expect(changesBetween(before, snapshot(work.root))).toEqual([]);
  });

  it('refuses labels in the user’s file and in one that --config names', async () => {
    const xdg = join(work.dir, 'xdg');
    mkdirSync(join(xdg, 'repackenv'), { recursive: true });
    writeFileSync(join(xdg, 'repackenv/repackenv.yml'), 'labels: {a: {}}\n');
    const elsewhere = join(work.dir, 'elsewhere');
    const users = await work.run('repackenv', ['update', '--all', '--root', elsewhere], {
      env: { XDG_CONFIG_HOME: xdg },
    });
    expectRefusal(users, { code: 'E_CONFIG', says: ['can’t stand in this file', join(elsewhere, 'repackenv.yml')] });
    const named = await ours([
      'update',
      '--all',
      '--root',
      work.root,
      '--config',
      join(xdg, 'repackenv/repackenv.yml'),
    ]);
    expectRefusal(named, { code: 'E_CONFIG', says: [join(work.root, 'repackenv.yml')] });
  });

  it(
    'goes on with the others where one fails, with the highest exit code',
    async () => {
      rmSync(join(work.root, 'ziraat.txt'));
      work.declare(
        `${LABELS}  notok: {token_env: NOT_SET, packages: [pytho]}\n  worse: {packages: [pytho 1.9 extra words]}\n`,
      );
      const ran = await ours(['update', '--all']);
      expect(ran.exitCode, ran.stderr).toBe(2);
      expect(ran.stderr).toMatch(/ziraat\.txt[^]*\[E_SPEC_FILE\]/);
      expect(ran.stderr).toMatch(/NOT_SET is not set[^]*\[E_TOKEN\]/);
      expect(ran.stderr).toMatch(/repackenv\.yml, line 15, column 22[^]*\[E_SPEC\]/);
      expect(manifestOf('bank-1').generation).toBe(1);
      expect(manifestOf('bank-2').generation).toBe(1);
    },
    SLOW,
  );

  it(
    'tells what an edit takes away, and refuses what an accident looks like (D16)',
    async () => {
      const first = await ours(['update', 'bank-1']);
      expect(first.exitCode, first.stderr).toBe(0);
      const refused = async (text: string, says: string[], args: string[] = []) => {
        work.declare(text);
        const before = snapshot(join(work.root, 'bank-1'));
        const ran = await ours(['update', 'bank-1', ...args]);
        expectRefusal(ran, { code: 'E_ASKS_LESS', says });
        expect(changesBetween(before, snapshot(join(work.root, 'bank-1')))).toEqual([]);
      };
      const one = (packages: string, more = '') =>
        `defaults:\n  all: {token_env: CONDA_TOKEN, ${more === '' ? 'subdirs: linux-64' : more}}\nlabels:\n  bank-1: {packages: ${packages}}\n`;
      await refused(one('[]'), ['The list of packages of bank-1 is empty']);
      await refused(one('[tzdata]'), ['would leave: package pytho', '--drop']);
      await refused(one('[ratingpro, pytho]', 'subdirs: win-64'), ['would leave: all of linux-64']);

      work.declare(one('[pytho]'));
      const less = await ours(['update', 'bank-1']);
      expect(less.exitCode, less.stderr).toBe(0);
      expect(less.stderr).toContain('no longer declared, and leaving: ratingpro');
      expect(manifestOf('bank-1').specs).toEqual(['pytho']);

      work.declare(one('[tzdata]'));
      const dropped = await ours(['update', 'bank-1', '--drop', 'pytho']);
      expect(dropped.exitCode, dropped.stderr).toBe(0);
      expect(manifestOf('bank-1').specs).toEqual(['tzdata']);

      work.declare('labels:\n  bank-1: {token_env: CONDA_TOKEN}\n');
      const open = await ours(['update', 'bank-1']);
      expect(open.exitCode, open.stderr).toBe(0);
      expect(open.stderr).toContain('packages as in generation 3');
      expect(open.stdout).toContain('nothing new');
    },
    SLOW,
  );

  it('shows what is in force for a label, and where it is from', async () => {
    const ran = await ours(['update', 'bank-2', '--show-config', '--client', 'conda 4.12']);
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(ran.stdout).toMatch(/^# label: bank-2$/m);
    expect(ran.stdout).toMatch(/^# packages: \["ratingpro"\] {2}# labels: bank-2, line 11$/m);
    expect(ran.stdout).toMatch(/^# token: env:CONDA_TOKEN {2}# defaults: all, line 7$/m);
    expect(ran.stdout).toMatch(/^subdirs: +\["linux-64"\] +# defaults: all, line 7$/m);
    expect(ran.stdout).toMatch(/^client: +"conda 4\.12" +# command line$/m);
    expect(ran.stdout).toMatch(/^owner: +"prometeia" +# .*repackenv\.yml$/m);
  });

  it(
    'goes by the file as it was at the start, and tells of a label that is taken out of it',
    async () => {
      const env = { CONDA_TOKEN: TOKEN, TMPDIR: work.tmp };
      const running = startOurs('repackenv', ['update', '--all'], { home: work.home, cwd: work.root, env });
      expect(await running.says('ROOT is')).toBe(true);
      work.declare(`${DEFAULTS}labels:\n  bank-2: {packages: [pytho]}\n`);
      const ran = await running.ended;
      expect(ran.exitCode, ran.stderr).toBe(0);
      expect(manifestOf('bank-1').specs).toEqual(['pytho', 'ratingpro']);
      expect(manifestOf('bank-2').specs).toEqual(['ratingpro']);

      const before = snapshot(join(work.root, 'bank-1'));
      const next = await ours(['plan', '--all', '--drop', 'ratingpro']);
      expect(next.exitCode, next.stderr).toBe(0);
      expect(next.stderr).toContain('published and not declared, left as they are: bank-1, ziraat');
      expect(changesBetween(before, snapshot(join(work.root, 'bank-1')))).toEqual([]);
    },
    SLOW,
  );
});
