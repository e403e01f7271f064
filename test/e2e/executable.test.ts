import { execFile, execFileSync } from 'node:child_process';
import { readFileSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PROJECT_ROOT } from '../../scripts/lib/layers.js';
import { openWorkplace, type Ran, type Workplace } from '../helpers/programs.js';
import { TOKEN } from '../helpers/upstream.js';

/** Made and run as `repackenv help install` says for a machine without Node: nothing is on PATH, no file of the checkout is asked for. */
describe('the single executable', { tags: ['long'] }, () => {
  let work: Workplace;
  let file: string;
  beforeAll(async () => {
    work = await openWorkplace();
    file = join(work.dir, 'opt', 'repackenv');
    execFileSync(process.execPath, ['scripts/executable.mjs', '--out', file], { cwd: PROJECT_ROOT, stdio: 'pipe' });
    symlinkSync(file, join(work.dir, 'opt', 'update-offline-repo'));
  });
  afterAll(() => work.close());

  function run(
    program: string,
    args: readonly string[],
  ): Promise<Pick<Ran, 'stdout' | 'stderr'> & { exitCode: number }> {
    const env = { PATH: '/nowhere', HOME: work.home, TMPDIR: work.tmp, CONDA_TOKEN: TOKEN };
    return new Promise((resolve) => {
      execFile(program, args, { env, cwd: work.dir }, (error, stdout, stderr) =>
        resolve({ exitCode: error === null ? 0 : Number(error.code), stdout, stderr }),
      );
    });
  }

  const update = (): string[] =>
    `halkbank env:CONDA_TOKEN ${work.root} ratingpro pytho --base-url ${work.upstream.url} --owner prometeia --channel pkgs/main
    --engine embedded --subdir linux-64 --index bz2 --site-files on --cache-dir ${work.cache}`.split(/\s+/);

  it('makes the folder that the program of the checkout makes: solver, both encoders, papers, scripts for the site', async () => {
    const updated = await run(join(work.dir, 'opt', 'update-offline-repo'), update());
    expect(updated.exitCode, updated.stderr).toBe(0);
    expect(updated.stdout).toContain('solved by   embedded');
    expect(readdirSync(work.root)).toEqual(expect.arrayContaining(['halkbank.verify.sh', 'halkbank.verify.ps1']));
    const again = await work.update({ args: ['--index', 'bz2', '--site-files', 'on', '--recheck'] });
    expect(again.exitCode, again.stderr).toBe(0);
    expect(again.stdout).toContain('nothing new; generation 1 stays, 0 bytes written');
  });

  it('is both programs: by the name it is called by, or by its first argument', async () => {
    const other = await run(file, ['update-offline-repo', ...update()]);
    expect(other.exitCode, other.stderr).toBe(0);
    expect(other.stdout).toContain('nothing new; generation 1 stays');
    expect((await run(file, ['verify', work.labelDir])).stdout).toContain('everything is as it should be');
  });

  it.each([
    [['--version'], 0, /^\d+\.\d+\.\d+\n$/],
    [['help', 'install'], 0, /^# install: /],
    [['nonsense'], 2, /\[E_USAGE\]/],
    [['verify', '/nowhere'], 2, /There is no such folder/],
    [['work', '--queue', 'redis://127.0.0.1:1', '--root', '.'], 2, /single executable can’t have them/],
  ])('%j ends with %i', async (args, exitCode, says) => {
    const ran = await run(file, args);
    expect(ran.stdout + ran.stderr).toMatch(says);
    expect(ran.exitCode).toBe(exitCode);
  });

  it('names itself, not a node, where it says how to start it again', async () => {
    const ran = await run(file, ['init', work.root, '--scheduler', 'cron']);
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(readFileSync(join(work.dir, 'repackenv.cron'), 'utf8')).toContain(
      `${file} update --all --root ${work.root}`,
    );
  });
});
