import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PROJECT_ROOT } from '../../scripts/lib/layers.js';
import { openWorkplace, type Workplace } from '../helpers/programs.js';

/** What `npm pack` makes, unpacked, with the packages beside it that it says it needs, and no others. */
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
    execFileSync('tar', ['-xzf', tarball], { cwd: work.dir });
    const { dependencies } = JSON.parse(readFileSync(join(work.dir, 'package', 'package.json'), 'utf8')) as {
      dependencies: Record<string, string>;
    };
    for (const name of Object.keys(dependencies)) {
      const to = join(work.dir, 'package', 'node_modules', name);
      mkdirSync(dirname(to), { recursive: true });
      symlinkSync(join(PROJECT_ROOT, 'node_modules', name), to);
    }
    bin = join(work.dir, 'package', 'bin');
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

  it('has the licences of what is bundled into it', () => {
    const text = readFileSync(join(bin, '..', 'dist', 'src', 'THIRD-PARTY-LICENSES.txt'), 'utf8');
    const { devDependencies } = JSON.parse(readFileSync(join(PROJECT_ROOT, 'package.json'), 'utf8')) as {
      devDependencies: Record<string, string>;
    };
    for (const name of ['commander', 'undici', 'zod']) expect(text).toContain(`${name} ${devDependencies[name]} (MIT)`);
  });
});
