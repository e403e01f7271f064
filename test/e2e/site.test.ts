// @module-tag long
import { cpSync, existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runProgram, type RunResult } from '../../scripts/lib/run-program.js';
import { changesBetween, snapshot } from '../../scripts/lib/snapshot.js';
import { condaUser, type CondaUser } from '../helpers/conda-user.js';
import { describeWithLayers, layerPath } from '../helpers/layers.js';
import type { Workplace } from '../helpers/programs.js';
import { readmeCommands } from '../helpers/readme.js';
import { FOR_CONDA43, openRealWorkplace, withConda43 } from '../helpers/real-upstream.js';
import { readWhile } from '../helpers/site-reader.js';

const SLOW = 900_000;

/** Works out grades with pandas and numpy, so that more than the presence of the packages is seen. */
const USE = `
import numpy, pandas, pytho, ratingpro
print(ratingpro.__version__, pytho.__version__, numpy.__version__, pandas.__version__, list(ratingpro.rate([9, 0]).grade))
`;

describeWithLayers(['conda43', 'rsync', 'upstream-bz2'], 'a site without internet, with conda 4.3.16', () => {
  let work: Workplace;
  let user: CondaUser;
  let environment: string;
  let site: string;

  beforeAll(async () => {
    work = await openRealWorkplace('bz2');
    user = condaUser(join(work.dir, 'site-admin'));
    environment = user.emptyEnvironment('rating');
    site = join(work.dir, 'site', 'halkbank');
    mkdirSync(site, { recursive: true });
  });
  afterAll(() => work.close());

  /** One of the README's three lines. */
  async function rsync(pass: 1 | 2 | 3, to: string, more: readonly string[] = []): Promise<RunResult> {
    const passes = readmeCommands('rsync', {
      '/srv/repos/halkbank/': `${work.labelDir}/`,
      'site:/repos/halkbank/': `${to}/`,
      '/srv/repos/halkbank.': `${work.labelDir}.`,
      'site:/repos/': `${dirname(to)}/`,
    });
    expect(passes).toHaveLength(3);
    const ran = await runProgram(layerPath('rsync'), [...more, ...passes[pass - 1]!], { home: work.home });
    expect(ran.exitCode, ran.stderr).toBe(0);
    return ran;
  }

  async function conda(args: readonly string[]): Promise<void> {
    const ran = await user.conda(args, { active: environment });
    expect(ran.exitCode, `conda ${args.join(' ')}\n${ran.stdout}\n${ran.stderr}`).toBe(0);
  }

  async function used(): Promise<string> {
    const ran = await user.python(environment, ['-c', USE]);
    expect(ran.stderr).toBe('');
    return ran.stdout.trim();
  }

  it(
    'installs generation 1 by the README’s lines, and the packages work',
    async () => {
      const update = await work.update({ args: [...withConda43(), ...FOR_CONDA43] });
      expect(update.exitCode, update.stderr).toBe(0);
      expect(update.stdout).toMatch(
        /--set offline yes && .* --add channels file:\S+ && .* --remove channels defaults\n {2}conda install pytho ratingpro\n/,
      );
      await rsync(1, site);
      expect([...snapshot(site).keys()].filter((path) => /repodata|manifest|SHA256SUMS/.test(path))).toEqual([]);
      await rsync(2, site);
      expect(changesBetween(work.published(), snapshot(site))).toEqual([]);
      await rsync(3, site);
      for (const name of ['INSTALL.md', 'verify.sh', 'verify.ps1']) expect(existsSync(`${site}.${name}`)).toBe(true);

      const here = { 'file:///repos/halkbank': pathToFileURL(site).href };
      // Those from the folder; over HTTP it is serve's.
      const lines = readmeCommands('conda', here).filter((words) => !words.some((word) => word.startsWith('http:')));
      const titles = ['config --env --set', 'config --env --add', 'install ratingpro pytho', 'config --env --remove'];
      expect(lines.map((words) => words.slice(0, 3).join(' '))).toEqual(titles);
      const configuring = lines.filter(([command]) => command === 'config');
      // Nothing was served to the site.
      const requests = work.upstream.requests.length;
      for (const words of [...configuring, lines[2]!]) await conda(words);
      expect(work.upstream.requests.length).toBe(requests);
      expect(await used()).toBe("2.4.1 1.9 2.0.2 2.2.3 ['A', 'C']");
    },
    SLOW,
  );

  it(
    'F9 brings generation 2 in the README’s two passes: at every instant each index names only files that are there',
    async () => {
      work.upstream.setGeneration(2);
      const oneByOne = join(work.dir, 'site', 'in-one-pass');
      cpSync(site, oneByOne, { recursive: true, preserveTimestamps: true });

      const update = await work.update({ args: [...withConda43(), ...FOR_CONDA43] });
      expect(update.exitCode, update.stderr).toBe(0);
      expect(update.stdout).toContain('ratingpro 2.4.1 -> 2.5.0');

      // So slow that the reader has many looks.
      const slowly = ['--bwlimit=4'];
      const first = await readWhile(site, rsync(1, site, slowly));
      const second = await readWhile(site, rsync(2, site, slowly));
      expect([first.broken, second.broken]).toEqual([[], []]);
      expect(first.rounds + second.rounds).toBeGreaterThan(5);
      // 2 subdirs in 3 encodings, those of noarch before and after; linux-64's are as they were.
      expect([first.contents, second.contents]).toEqual([6, 9]);
      expect(changesBetween(work.published(), snapshot(site))).toEqual([]);

      // The same reader sees what the passes are for.
      const careless = runProgram(
        layerPath('rsync'),
        [...slowly, '-rt', '--delete-before', `${work.labelDir}/`, `${oneByOne}/`],
        { home: work.home },
      );
      expect((await readWhile(oneByOne, careless)).broken).toContain(
        'noarch/repodata.json names ratingpro-2.4.1-py_0.tar.bz2',
      );
    },
    SLOW,
  );

  it(
    'upgrades with conda update ratingpro, offline',
    async () => {
      await conda(['update', 'ratingpro']);
      expect(await used()).toBe("2.5.0 2.0 2.0.2 2.2.3 ['A', 'C']");
    },
    SLOW,
  );

  it('passes repackenv verify and sha256sum at the site', async () => {
    const verified = await work.verify(site);
    expect(verified.exitCode, verified.stdout + verified.stderr).toBe(0);
    const summed = await runProgram('sha256sum', ['--check', '--strict', 'SHA256SUMS'], { home: work.home, cwd: site });
    expect(summed.exitCode, summed.stdout + summed.stderr).toBe(0);
    expect(summed.stdout.trim().split('\n')).toHaveLength(snapshot(site).size - 1);
  });
});
