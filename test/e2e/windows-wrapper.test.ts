import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PROJECT_ROOT } from '../../scripts/lib/layers.js';
import { snapshot, type Snapshot } from '../../scripts/lib/snapshot.js';
import type { Manifest } from '../../src/channel/manifest/manifest.js';
import { describeWithLayers } from '../helpers/layers.js';
import { runOurs } from '../helpers/programs.js';
import { flatUpstream, keepWineServer, runBatch, windows } from '../helpers/wine.js';

const SLOW = 600_000;

describe.each(['update-offline-repo', 'repackenv'])('bin/%s.cmd', (name) => {
  const text = readFileSync(join(PROJECT_ROOT, `bin/${name}.cmd`), 'latin1');

  it('has Windows line ends and nothing but ASCII: cmd.exe reads it in any code page', () => {
    expect(text.replaceAll('\r\n', '')).not.toMatch(/[\r\n]|[^ -~]/);
    expect(text.endsWith('\r\n')).toBe(true);
  });

  it('H5 quotes every path, and hands the arguments on as they are', () => {
    expect(text).toContain(`"%REPACKENV_NODE%" "%~dp0${name}.js" %*\r\n`);
    // With delayed expansion `!` would go from "numpy!=2".
    expect(text).toContain('setlocal DisableDelayedExpansion');
    expect(text).toMatch(/exit \/b %REPACKENV_EXIT%\r\n$/);
  });
});

/** What a batch file wrote of one call. */
interface Called {
  exitCode: number;
  stdout: string;
  stderr: string;
}

describeWithLayers(['wine'], 'H5 H7 the batch files under Windows (wine)', () => {
  let dir: string;
  let program: string;
  let root: string;
  const results = new Map<string, Called>();
  let names: string[];
  /** Which lines of the batch file came to their turn. */
  let trail: string;

  /** Options as they are typed; a folder with blanks wherever one can be. */
  const options = (): string =>
    `--base-url file:///Z:${dir}/upstream --owner prometeia --channel pkgs/main --engine embedded --subdir win-64 --cache-dir "${windows(join(dir, 'ca che'))}"`;

  beforeAll(async () => {
    dir = realpathSync(mkdtempSync(join(tmpdir(), 'repackenv-wine-')));
    keepWineServer();
    await flatUpstream(dir);
    root = join(dir, 'my repos');
    mkdirSync(join(dir, 'my tools'));
    symlinkSync(PROJECT_ROOT, join(dir, 'my tools/repackenv'));
    program = called('update-offline-repo');
    const other = called('repackenv');
    const carried = { usb: `"${windows(join(dir, 'u s b'))}"`, site: `"${windows(join(dir, 'the site'))}"` };
    const mirrorFile = join(dir, 'mir ror.yml');
    const mirrorLines = [
      `channels: [file:///Z:${dir}/upstream/pkgs/main]`,
      'platforms: [win-64]',
      `mirror_dir: ${windows(join(dir, 'mir/main'))}`,
    ];
    // As an editor on Windows saves it.
    writeFileSync(mirrorFile, mirrorLines.map((line) => `${line}\r\n`).join(''));
    const mirror = `"${windows(mirrorFile)}" --cache-dir "${windows(join(dir, 'ca che'))}"`;
    const target = `none "${windows(root)}"`;
    const calls: [string, string][] = [
      ['first', `${program} halkbank ${target} ratingpro "numpy>=1.26,<2" "pytho!=1.8" ${options()}`],
      ['again', `${program} halkbank ${target} ratingpro "numpy>=1.26,<2" "pytho!=1.8" ${options()}`],
      ['export', `${other} export "${windows(join(root, 'halkbank'))}" --to ${carried.usb} --part-size 40kB`],
      ['import', `${other} import ${carried.usb} --root ${carried.site}`],
      ['verify', `${other} verify "${windows(join(dir, 'the site', 'halkbank'))}"`],
      ['mirror', `${other} mirror -f ${mirror}`],
      ['mirror again', `${other} mirror -f ${mirror}`],
      ['usage', `${program} "a\\..\\b" ${target} ratingpro ${options()}`],
    ];
    names = calls.map(([name]) => name);
    const lines = ['@echo off', ...calls.flatMap(([name, line]) => linesOf(name, line)), 'exit /b 17'];
    mkdirSync(join(dir, 'cwd'));
    const exitCode = await run(
      'caller',
      lines,
      names.map((each) => `${each}.err`),
    );
    expect(exitCode, 'the batch file went on to its end').toBe(17);
    trail = readFileSync(join(dir, 'trail.txt'), 'latin1');
    for (const [name] of calls)
      results.set(name, { exitCode: Number(readFileSync(join(dir, `${name}.exit`), 'latin1')), ...printed(name) });
  }, SLOW);
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  function linesOf(name: string, line: string): string[] {
    const at = (extension: string): string => windows(join(dir, `${name}.${extension}`));
    return [
      `${line} >"${at('out')}" 2>"${at('err')}"`,
      `>"${at('exit')}" echo %ERRORLEVEL%`,
      `>>"${windows(join(dir, 'trail.txt'))}" echo ${name}`,
    ];
  }

  function printed(name: string): { stdout: string; stderr: string } {
    return {
      stdout: readFileSync(join(dir, `${name}.out`), 'utf8'),
      stderr: readFileSync(join(dir, `${name}.err`), 'utf8'),
    };
  }

  function run(name: string, lines: readonly string[], outputs: readonly string[]): Promise<number | null> {
    return runBatch(lines, { dir, name, cwd: join(dir, 'cwd'), outputs });
  }

  const called = (name: string): string => `call "${windows(join(dir, `my tools/repackenv/bin/${name}.cmd`))}"`;
  const result = (name: string): Called => results.get(name)!;

  it('publishes, with blanks in the paths of ROOT, cache and program', () => {
    const { exitCode, stdout, stderr } = result('first');
    expect(exitCode, stderr).toBe(0);
    expect(stdout).toContain('halkbank: generation 1 is published');
    expect(stdout).toContain(`folder      ${windows(join(root, 'halkbank'))}`);
    expect(stdout).toMatch(/add channels file:\/\/\/Z:\/\S+my%20repos\/halkbank\r?\n/);
    // What is copied out of the output must work in cmd.exe.
    expect(stdout).toContain('conda install "numpy>=1.26,<2" "pytho!=1.8" ratingpro');
  });

  it('A11 A12 < > ! arrive as they were typed: no redirection, no expansion', () => {
    const manifest = JSON.parse(readFileSync(join(root, 'halkbank/manifest.json'), 'utf8')) as Manifest;
    expect(manifest.specs).toEqual(['numpy>=1.26,<2', 'pytho!=1.8', 'ratingpro']);
    expect(readdirSync(join(dir, 'cwd'))).toEqual([]);
  });

  it('D7 a second run has nothing to do', () => {
    const { exitCode, stdout, stderr } = result('again');
    expect(exitCode, stderr).toBe(0);
    expect(stdout).toContain('nothing new; generation 1 stays, 0 bytes written');
  });

  it('%ERRORLEVEL% tells a failure to a batch file', () => {
    expect(result('usage').stderr).toContain('[E_LABEL]');
    // wine's call makes 1 of every failure; Windows' call keeps the code.
    expect([1, 2]).toContain(result('usage').exitCode);
  });

  it('H7 a batch file that starts it with call goes on behind it', () => {
    expect(trail.trim().split(/ *\r?\n/)).toEqual(names);
  });

  it('repackenv.cmd carries the folder over a stick: byte for byte the sender’s', () => {
    for (const name of ['export', 'import', 'verify']) expect(result(name).exitCode, result(name).stderr).toBe(0);
    expect(result('export').stdout).toMatch(/full set for noarch, win-64, [2-9] parts/);
    expect(digests(snapshot(join(dir, 'the site/halkbank')))).toEqual(digests(snapshot(join(root, 'halkbank'))));
    expect(result('verify').stdout).toContain('everything is as it should be');
  });

  it('repackenv.cmd keeps a mirror, whose file has CRLF and backslashes, and writes nothing the second time', () => {
    for (const name of ['mirror', 'mirror again']) expect(result(name).exitCode, result(name).stderr).toBe(0);
    expect(result('mirror').stdout).toContain('main: generation 1 is published');
    expect(result('mirror again').stdout).toContain('main: nothing new; generation 1 stays, 0 bytes written');
    expect(existsSync(join(dir, 'mir/main/win-64/numpy-2.0.2-py39_0.conda'))).toBe(true);
  });

  it.each([
    ['a wrong label', '', '"a\\..\\b"', 'ratingpro', 2, '[E_LABEL]'],
    ['an unknown package', '', 'halkbank', 'nosuchpackage', 3, '[E_PACKAGE_NOT_FOUND]'],
    ['no node', '@set "REPACKENV_NODE=nosuchnode"', 'halkbank', 'ratingpro', 2, 'node was not found'],
  ])(
    'H7 %s: the exit code is that of cmd /c, too',
    async (_title, before, label, spec, exitCode, says) => {
      const line = `${program.replace('call ', '@')} ${label} none "${windows(root)}" ${spec} ${options()} 2>"${windows(join(dir, 'tail.err'))}"`;
      expect(await run('tail', [before, line], ['tail.err'])).toBe(exitCode);
      expect(readFileSync(join(dir, 'tail.err'), 'utf8')).toContain(says);
    },
    SLOW,
  );

  it(
    'makes the same folder as on Linux, byte by byte but for the channels’ addresses',
    async () => {
      const args = [
        '--base-url',
        `file://${dir}/upstream`,
        '--owner',
        'prometeia',
        '--channel',
        'pkgs/main',
        '--engine',
        'embedded',
        '--subdir',
        'win-64',
      ];
      const here = join(dir, 'linux');
      const ran = await runOurs(
        'update-offline-repo',
        [...args, '--', 'halkbank', 'none', here, 'ratingpro', 'numpy>=1.26,<2', 'pytho!=1.8'],
        {
          home: join(dir, 'home'),
        },
      );
      expect(ran.exitCode, ran.stderr).toBe(0);
      expect(digests(snapshot(join(root, 'halkbank')))).toEqual(digests(snapshot(join(here, 'halkbank'))));
      const verified = await runOurs('repackenv', ['verify', join(root, 'halkbank')], { home: join(dir, 'home') });
      expect(verified.exitCode, verified.stdout).toBe(0);
    },
    SLOW,
  );

  it('leaves nothing of the runs behind', () => {
    expect(readdirSync(join(dir, 'ca che/runs'))).toEqual([]);
    const state = [...snapshot(join(root, '.repackenv/halkbank')).keys()];
    expect(state.filter((path) => /^(staging|journal)/.test(path))).toEqual([]);
    expect(existsSync(join(root, 'a'))).toBe(false);
  });
});

function digests(files: Snapshot): Record<string, string> {
  // manifest.json and three of the papers state the channels' addresses, and SHA256SUMS what is left of them.
  const own = [...files].filter(([path]) => path.includes('/') && !/^papers\/(?!CHANGES\.md)/.test(path));
  return Object.fromEntries(own.map(([path, { sha256, size }]) => [path, `${sha256} ${size}`]));
}
