import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { condaUser } from '../helpers/conda-user.js';
import { describeWithLayers, layerPath } from '../helpers/layers.js';
import { runProgram } from '../../scripts/lib/run-program.js';
import { openWorkplace, type Workplace } from '../helpers/programs.js';
import { FOR_CONDA43, openRealWorkplace } from '../helpers/real-upstream.js';

/** The URL of the folder in its place, as INSTALL.md says. */
function placed(work: Workplace, name: string): string {
  const text = readFileSync(join(work.root, name), 'utf8');
  return text.replaceAll('file:///CHANNEL-FOLDER', pathToFileURL(work.labelDir).href);
}

/** Paths of an explicit lock, sorted. */
const pathsOf = (text: string): string[] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('file:'))
    .map((line) => line.replace(/#.*/, ''))
    .sort();

describeWithLayers(['conda-lock'], 'conda-lock 4.0.3 and the lock beside a label folder', () => {
  let work: Workplace;
  beforeAll(async () => {
    work = await openWorkplace();
    const ran = await work.update({ args: ['--subdir', 'win-64'] });
    expect(ran.exitCode, ran.stderr).toBe(0);
    writeFileSync(join(work.root, 'conda-lock.yml'), placed(work, 'halkbank.conda-lock.yml'));
  });
  afterAll(() => work.close());

  it('renders what the explicit files name, for each platform', async () => {
    const options = { home: work.home, cwd: work.root };
    const args = ['render', '-k', 'explicit', '-p', 'linux-64', '-p', 'win-64', 'conda-lock.yml'];
    const ran = await runProgram(layerPath('conda-lock'), args, options);
    expect(ran.exitCode, ran.stderr).toBe(0);
    for (const platform of ['linux-64', 'win-64']) {
      const rendered = readFileSync(join(work.root, `conda-${platform}.lock`), 'utf8');
      const paths = pathsOf(rendered);
      expect(paths.length).toBeGreaterThan(5);
      expect(paths).toEqual(pathsOf(placed(work, `halkbank.${platform}.explicit.txt`)));
    }
  });
});

describeWithLayers(['conda-lock', 'conda43', 'upstream-bz2'], 'conda-lock install with conda 4.3.16, offline', () => {
  let work: Workplace;
  beforeAll(async () => {
    work = await openRealWorkplace('bz2');
    const ran = await work.update({ args: [...FOR_CONDA43, '--index', 'bz2'] });
    expect(ran.exitCode, ran.stderr).toBe(0);
    writeFileSync(join(work.root, 'conda-lock.yml'), placed(work, 'halkbank.conda-lock.yml'));
  });
  afterAll(() => work.close());

  it('installs the very packages, and asks nobody', async () => {
    const user = condaUser(join(work.dir, 'site-admin'));
    const prefix = join(work.dir, 'environment');
    const requests = work.upstream.requests.length;
    const args = ['install', '--conda', layerPath('conda43'), '-p', prefix, 'conda-lock.yml'];
    const ran = await runProgram(layerPath('conda-lock'), args, { home: user.home, cwd: work.root });
    expect(ran.exitCode, ran.stdout + ran.stderr).toBe(0);
    expect(existsSync(join(prefix, 'conda-meta', 'ratingpro-2.4.1-py_0.json'))).toBe(true);
    expect(work.upstream.requests.length).toBe(requests);
  }, 300_000);
});
