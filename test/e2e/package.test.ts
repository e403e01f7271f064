import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PROJECT_ROOT } from '../../scripts/lib/layers.js';
import { openWorkplace, type Workplace } from '../helpers/programs.js';

/** What `npm pack` makes, installed as `repackenv help install` says for a machine without a line. */
describe('the npm package', () => {
  let work: Workplace;
  let bin: string;
  beforeAll(async () => {
    work = await openWorkplace();
    execFileSync('npm', ['pack', '--ignore-scripts', '--pack-destination', work.dir], {
      cwd: PROJECT_ROOT,
      stdio: 'pipe',
    });
    const tarball = readdirSync(work.dir).find((name) => name.endsWith('.tgz'))!;
    // What it needs is in the file.
    const place = ['--global', '--prefix', join(work.dir, 'opt'), '--offline', '--no-audit', '--no-fund'];
    execFileSync('npm', ['install', ...place, join(work.dir, tarball)], { stdio: 'pipe' });
    bin = join(work.dir, 'opt', 'lib', 'node_modules', 'repackenv', 'bin');
  });
  afterAll(() => work.close());

  it('updates with the embedded solver, both encoders and the site’s files, and verifies', async () => {
    const updated = await work.update({ bin, args: ['--index', 'bz2', '--site-files', 'on'] });
    expect(updated.exitCode, updated.stderr).toBe(0);
    expect(readdirSync(work.root)).toEqual(expect.arrayContaining(['halkbank.verify.sh', 'halkbank.verify.ps1']));
    expect(readdirSync(join(work.labelDir, 'noarch'))).toEqual(expect.arrayContaining(['repodata.json.bz2']));
    expect((await work.run('repackenv', ['verify', work.labelDir], { bin })).exitCode).toBe(0);
    expect((await work.run('repackenv', ['engines', '--json'], { bin })).exitCode).toBe(0);
  });

  it('puts both programs where a PATH finds them, and prints the manual', () => {
    const path = `${join(work.dir, 'opt', 'bin')}:${process.env['PATH']}`;
    const sh = (line: string): string => execFileSync('sh', ['-c', line], { env: { PATH: path }, encoding: 'utf8' });
    expect(sh('repackenv --version')).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(sh('update-offline-repo --help')).toContain('LABEL TOKEN ROOT');
    expect(sh('repackenv help install')).toContain('# install: ');
  });

  it('is the same file when it is packed again', () => {
    const again = join(work.dir, 'again');
    mkdirSync(again);
    execFileSync('npm', ['pack', '--ignore-scripts', '--pack-destination', again], {
      cwd: PROJECT_ROOT,
      stdio: 'pipe',
    });
    const [name] = readdirSync(again);
    expect(readFileSync(join(again, name!)).equals(readFileSync(join(work.dir, name!)))).toBe(true);
  });

  it('has the licences of what is bundled into it', () => {
    const text = readFileSync(join(bin, '..', 'dist', 'src', 'THIRD-PARTY-LICENSES.txt'), 'utf8');
    const { devDependencies } = JSON.parse(readFileSync(join(PROJECT_ROOT, 'package.json'), 'utf8')) as {
      devDependencies: Record<string, string>;
    };
    for (const name of ['commander', 'undici', 'zod']) expect(text).toContain(`${name} ${devDependencies[name]} (MIT)`);
  });
});
