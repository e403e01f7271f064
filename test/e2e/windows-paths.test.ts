import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PROJECT_ROOT } from '../../scripts/lib/layers.js';
import { describeWithLayers } from '../helpers/layers.js';
import { openWorkplace, runOurs, type Workplace } from '../helpers/programs.js';
import { flatUpstream, keepWineServer, NODE_EXE, runBatch, windows } from '../helpers/wine.js';

const SLOW = 600_000;

describeWithLayers(['wine'], 'paths under Windows (wine)', () => {
  let dir: string;
  let work: Workplace;
  beforeAll(async () => {
    keepWineServer();
    work = await openWorkplace();
    const ran = await work.update();
    expect(ran.exitCode, ran.stderr).toBe(0);
    dir = realpathSync(mkdtempSync(join(tmpdir(), 'repackenv-paths-')));
    mkdirSync(join(dir, 'cwd'));
  }, SLOW);
  afterAll(async () => {
    rmSync(dir, { recursive: true, force: true });
    await work.close();
  });

  /** Runs one line of a batch file; gives the code of cmd /c and what the program printed. */
  async function batch(line: string, env: Record<string, string> = {}): Promise<[number | null, string]> {
    const lines = ['@echo off', `${line} >"${windows(join(dir, 'case.txt'))}" 2>&1`];
    // Names beyond ASCII come over in the encoding of the locale.
    const all = { LC_ALL: 'C.UTF-8', ...env };
    const code = await runBatch(lines, { dir, name: 'case', cwd: join(dir, 'cwd'), outputs: ['case.txt'], env: all });
    return [code, readFileSync(join(dir, 'case.txt'), 'utf8')];
  }

  const deep = Array.from({ length: 12 }, (_, at) => `a folder of some length ${at}`).join('/');
  it.each([
    ['blanks', 'my repos  of 2026'],
    ['accents', 'dépôts für Zürich'],
    ['an exclamation mark', 'repos! now!'],
    ['a caret', 'a^b ^^c'],
    ['an ampersand', 'this & that&echo'],
    ['brackets', 'Program Files (x86) [a]'],
    ['an equals sign, a semicolon, a comma', 'a=b;c,d'],
    ['quotes of others', "it's `this`"],
    ['more than 260 characters', deep],
  ])(
    '%s in the place of the folder, of the medium and of the program: from a variable',
    async (_title, name) => {
      const place = join(dir, 'p', name);
      mkdirSync(join(place, 'repos'), { recursive: true });
      cpSync(work.labelDir, join(place, 'repos/halkbank'), { recursive: true, preserveTimestamps: true });
      cpSync(join(work.root, '.repackenv'), join(place, 'repos/.repackenv'), { recursive: true });
      // cmd.exe itself starts no batch file whose path is longer.
      const tools = name === deep ? join(dir, 'tools') : join(place, 'tools');
      mkdirSync(tools, { recursive: true });
      symlinkSync(PROJECT_ROOT, join(tools, 'repackenv'));
      const program = windows(join(tools, 'repackenv/bin/repackenv.cmd'));
      const env = { CASE: windows(place), PROGRAM: program };
      const [code, said] = await batch('"%PROGRAM%" verify "%CASE%\\repos\\halkbank"', env);
      expect(said).toContain('everything is as it should be');
      expect(said).toContain(`${windows(join(place, 'repos/halkbank'))}: label halkbank, generation 1`);
      expect(code).toBe(0);
      const [exported, told] = await batch('"%PROGRAM%" export "%CASE%\\repos\\halkbank" --to "%CASE%\\medium"', env);
      expect(told).toContain('halkbank: generation 1 is in');
      expect(exported).toBe(0);
      expect(readdirSync(join(place, 'medium'))).toContain('halkbank-g1.tar');
      expect(readdirSync(join(dir, 'cwd'))).toEqual([]);
      const taken = await runOurs('repackenv', ['import', join(place, 'medium'), '--root', join(place, 'site')], {
        home: work.home,
      });
      expect(taken.exitCode, taken.stderr).toBe(0);
    },
    SLOW,
  );

  it.each([
    // What wine does with % here is its own: it reads it twice, as behind call.
    ['typed', '"', 'this & a^b!', 'this & a^b!'],
    ['typed behind call: % four times, and no ^', 'call "', '100%%%% & ab!', '100% & ab!'],
  ])(
    '%s',
    async (_title, before, typed, name) => {
      cpSync(work.labelDir, join(dir, name), { recursive: true, preserveTimestamps: true });
      const program = windows(join(PROJECT_ROOT, 'bin/repackenv.cmd'));
      const [, said] = await batch(`${before}${program}" verify "${windows(dir)}\\${typed}"`);
      expect(said).toContain(`${windows(join(dir, name))}: label halkbank`);
      expect(said).toContain('everything is as it should be');
    },
    SLOW,
  );

  it(
    'a share that is not there is named as one',
    async () => {
      const program = windows(join(PROJECT_ROOT, 'bin/repackenv.cmd'));
      const [code, said] = await batch(`"${program}" verify "\\\\nosuchserver\\repos & more\\halkbank"`);
      expect(said).toContain('\\\\nosuchserver\\repos & more\\halkbank');
      expect(code).toBe(2);
    },
    SLOW,
  );

  it(
    'the single repackenv.exe, which needs no node, delivers, verifies and says its failure',
    { tags: ['long'], timeout: SLOW },
    async () => {
      await flatUpstream(dir);
      const exe = join(dir, 'the exe/repackenv.exe');
      const file = NODE_EXE.slice('Z:'.length).replaceAll('\\', '/');
      execFileSync(process.execPath, ['scripts/executable.mjs', '--node', file, '--out', exe], {
        cwd: PROJECT_ROOT,
        stdio: 'pipe',
      });
      const options = `--base-url file:///Z:${dir}/upstream --owner prometeia --channel pkgs/main --engine embedded --subdir win-64 --cache-dir "${windows(join(dir, 'exe cache'))}"`;
      const update = `"${windows(exe)}" update-offline-repo halkbank none "${windows(join(dir, 'exe repos'))}" ratingpro "numpy>=1.26,<2" ${options}`;
      const none = { REPACKENV_NODE: '', PATH: '/nowhere' };
      const [code, said] = await batch(update, none);
      expect(said).toContain('halkbank: generation 1 is published');
      expect(code).toBe(0);
      const [, again] = await batch(update, none);
      expect(again).toContain('nothing new; generation 1 stays, 0 bytes written');
      const [sound, verified] = await batch(
        `"${windows(exe)}" verify "${windows(join(dir, 'exe repos/halkbank'))}"`,
        none,
      );
      expect(verified).toContain('everything is as it should be');
      expect(sound).toBe(0);
      const [failed, error] = await batch(update.replace('ratingpro', 'nosuchpackage'), none);
      expect(error).toContain('[E_PACKAGE_NOT_FOUND]');
      expect(failed).toBe(3);
      const here = await runOurs('repackenv', ['verify', join(dir, 'exe repos/halkbank')], { home: work.home });
      expect(here.exitCode, here.stdout).toBe(0);
    },
  );
});
