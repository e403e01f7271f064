import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runProgram } from '../../scripts/lib/run-program.js';
import { makePackage } from '../../scripts/lib/sample-upstream.js';
import { changesBetween, filesThatContain, snapshot } from '../../scripts/lib/snapshot.js';
import type { Finding } from '../../src/base/findings.js';
import { condaUser, type CondaUser } from '../helpers/conda-user.js';
import { describeWithLayers, layerPath } from '../helpers/layers.js';
import type { Ran, Workplace } from '../helpers/programs.js';
import {
  delivered,
  eventsOf,
  folderOfChannel,
  FOR_CONDA43,
  openRealWorkplace,
  recordsIn,
  reportOf,
} from '../helpers/real-upstream.js';
import { expectRefusal } from '../helpers/refusals.js';
import { TOKEN } from '../helpers/upstream.js';

const SLOW = 600_000;
const INDEXER = fileURLToPath(new URL('../helpers/conda-index.py', import.meta.url));

/** Hotfixed; private; md5 only; of a lower channel; of the label only. */
const ASKED = ['ratemodels', 'ratekeys', 'oldmath', 'alib', 'halkdata'];
const INSTALLED = [
  'alib 1.0',
  'blib 1.0',
  'bothways 1.0',
  'halkdata 2024.6',
  'numpy 2.0.2',
  'oldmath 0.3',
  'pip 24.2',
  'python 3.9.18',
  'ratekeys 1.1',
  'ratemodels 0.7',
  'setuptools 72.1.0',
  'wheel 0.44.0',
];

// One environment for all tests, which add to it: they run in this order.
describeWithLayers(['conda43', 'upstream-bz2'], 'capture of an environment that conda 4.3.16 made', () => {
  let work: Workplace;
  let user: CondaUser;
  let environment: string;

  beforeAll(async () => {
    work = await openRealWorkplace('bz2');
    user = condaUser(join(work.dir, 'user'));
    const { url } = work.upstream;
    const owner = `${url}/t/${TOKEN}/prometeia`;
    user.configure({
      channels: [`${owner}/label/halkbank`, owner, `${url}/pkgs/main`],
      default_channels: [],
      channel_priority: true,
    });
    environment = join(user.envsDir, 'halkbank');
    const created = await user.conda(['create', '--prefix', environment, ...ASKED]);
    expect(created.exitCode, created.stdout + created.stderr).toBe(0);
    mkdirSync(work.home, { recursive: true });
  }, SLOW);
  afterAll(() => work.close());

  function capture(
    args: readonly string[],
    options: { root?: string; cwd?: string; token?: boolean } = {},
  ): Promise<Ran> {
    const { root = work.root, cwd = work.home, token = true } = options;
    const owner = [
      '--base-url',
      work.upstream.url,
      '--owner',
      'prometeia',
      ...(token ? ['--token-env', 'CONDA_TOKEN'] : []),
    ];
    return work.run(
      'repackenv',
      ['capture', root, ...owner, '--cache-dir', work.cache, ...FOR_CONDA43, '--json', ...args],
      { cwd },
    );
  }

  const mainrepo = (): string => join(work.dir, 'mainrepo');

  /** A package that no channel has, put into the environment from a file. */
  async function installLocal(name: string): Promise<string> {
    const made = await makePackage({
      name,
      version: '1.0',
      format: 'tar.bz2',
      files: { [`share/${name}.txt`]: `${name}\n` },
    });
    // conda 4.3 takes no path with a blank for a file.
    const file = join(work.dir, 'local-files', made.distFilename);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, made.bytes);
    const installed = await user.conda(['install', '--prefix', environment, file]);
    expect(installed.exitCode, installed.stdout + installed.stderr).toBe(0);
    return file;
  }

  it(
    '--prefix: everything installed, with the records that the channels publish, bytes out of the package cache',
    async () => {
      const rehearsed = await capture(['--prefix', environment, '--dry-run']);
      expect(rehearsed.exitCode, rehearsed.stdout + rehearsed.stderr).toBe(0);
      expect(reportOf(rehearsed)).toMatchObject({ job: 'plan', label: 'halkbank' });
      expect(delivered(reportOf(rehearsed))).toEqual(INSTALLED);
      expect(readdirSync(work.dir)).not.toContain(basename(work.root));
      const before = work.upstream.requests.length;
      const ran = await capture(['--prefix', environment]);
      expect(ran.exitCode, ran.stdout + ran.stderr).toBe(0);
      const report = reportOf(ran);
      expect(report.label).toBe('halkbank');
      expect(delivered(report)).toEqual(INSTALLED);
      const sources = eventsOf(ran).filter(({ type }) => type === 'artifact-acquired');
      expect(sources.map(({ source }) => source)).toEqual(INSTALLED.map(() => 'cache'));
      expect(work.upstream.requests.slice(before).filter(({ path }) => path.endsWith('.tar.bz2'))).toEqual([]);
      for (const { subdir, fn, channel } of report.artifacts) {
        expect(recordsIn(work.labelDir, subdir)[fn], fn).toEqual(
          recordsIn(folderOfChannel(work, channel!), subdir)[fn],
        );
      }
      // The environment's own record says what conda 4.3 made of it: with a token, without the hotfix's origin.
      expect(filesThatContain(environment, TOKEN).length).toBeGreaterThan(0);
      expect(filesThatContain(work.root, TOKEN)).toEqual([]);
      expect(readdirSync(work.home)).not.toContain('tgfolder.txt');
      expect((await work.verify()).exitCode).toBe(0);
    },
    SLOW,
  );

  it(
    'the seed’s form: envinfo.json of the active environment in, tgfolder.txt out; the second time nothing is touched',
    async () => {
      const cwd = await folderWithEnvinfo(environment);
      const first = await capture([], { root: mainrepo(), cwd });
      expect(first.exitCode, first.stdout + first.stderr).toBe(0);
      const folder = join(mainrepo(), 'halkbank');
      expect(readFileSync(join(cwd, 'tgfolder.txt'), 'utf8')).toBe(`${join(folder, 'linux-64')}\n`);
      expect(digests(folder)).toEqual(digests(work.labelDir));
      expect(reportOf(first).channels.map((url) => url.slice(work.upstream.url.length))).toEqual([
        '/prometeia/label/halkbank',
        '/prometeia',
        '/pkgs/main',
      ]);

      const before = snapshot(folder);
      const second = await capture([], { root: mainrepo(), cwd });
      expect(second.exitCode, second.stdout + second.stderr).toBe(0);
      expect(reportOf(second)).toMatchObject({
        label: 'halkbank',
        published: { generation: 1, unchanged: true, bytesWritten: 0 },
      });
      expect(changesBetween(before, snapshot(folder))).toEqual([]);
    },
    SLOW,
  );

  it(
    'F10 an old wrapper’s conda index over it: the next capture ends with 0, says so, and puts the index back',
    async () => {
      const labelDir = join(mainrepo(), 'halkbank');
      const before = snapshot(labelDir);
      const cwd = join(work.dir, 'wrapper-active');
      const folder = readFileSync(join(cwd, 'tgfolder.txt'), 'utf8').trim();
      const indexed = await runProgram(join(dirname(layerPath('conda43')), 'python'), [INDEXER, folder], {
        home: user.home,
      });
      expect(indexed.exitCode, indexed.stderr).toBe(0);
      const changed = ['linux-64/repodata.json', 'linux-64/repodata.json.bz2'];
      expect(changesBetween(before, snapshot(labelDir)).map((line) => line.replace(/ +/, ' '))).toEqual([
        'added linux-64/.index.json',
        ...changed.map((path) => `changed ${path}`),
      ]);
      expect((await work.verify(labelDir)).exitCode).toBe(1);

      const ran = await capture([], { root: mainrepo(), cwd });
      expect(ran.exitCode, ran.stdout + ran.stderr).toBe(0);
      expect(findingsOf(ran, 'index-rewritten').map(({ subject }) => subject)).toEqual(
        changed.map((path) => join(labelDir, path)),
      );
      expect(digests(labelDir)).toEqual([...before].map(([path, { sha256 }]) => [path, sha256]));
      expect(reportOf(ran).published?.generation).toBe(1);
      // Those who synchronised in between must see the difference.
      const after = snapshot(labelDir);
      for (const path of changed) expect(after.get(path)!.mtimeMs).toBeGreaterThan(before.get(path)!.mtimeMs);
      expect((await work.verify(labelDir)).exitCode).toBe(0);
    },
    SLOW,
  );

  it(
    'a package from a local file is delivered with the record it bears, and listed as unpublished',
    async () => {
      await installLocal('localtool');
      const ran = await capture(['--prefix', environment]);
      expect(ran.exitCode, ran.stdout + ran.stderr).toBe(0);
      expect(delivered(reportOf(ran))).toEqual([...INSTALLED, 'localtool 1.0'].sort());
      const { subdir, fn, channel } = reportOf(ran).artifacts.find(({ name }) => name === 'localtool')!;
      expect([`${subdir}/${fn}`, channel]).toEqual(['noarch/localtool-1.0-0.tar.bz2', null]);
      expect(findingsOf(ran, 'unpublished').map(({ subject }) => subject)).toEqual([`${subdir}/${fn}`]);
      expect(recordsIn(work.labelDir, subdir)[fn]).toMatchObject({
        name: 'localtool',
        version: '1.0',
        build_number: 0,
      });
      expect((await work.verify()).exitCode).toBe(0);
    },
    SLOW,
  );

  it(
    'what pip installed is listed, and the exit code is 1; the rest is delivered',
    async () => {
      const source = join(work.dir, 'handmade');
      mkdirSync(source);
      writeFileSync(
        join(source, 'setup.py'),
        "from setuptools import setup\nsetup(name='handmade', version='0.2', py_modules=['handmade'])\n",
      );
      writeFileSync(join(source, 'handmade.py'), 'x = 1\n');
      const pip = [
        '-m',
        'pip',
        'install',
        '--quiet',
        '--no-index',
        '--no-deps',
        '--no-build-isolation',
        '--disable-pip-version-check',
        source,
      ];
      const installed = await user.python(environment, pip);
      expect(installed.exitCode, installed.stdout + installed.stderr).toBe(0);

      const ran = await capture(['--prefix', environment]);
      expect(ran.exitCode, ran.stderr).toBe(1);
      expect(findingsOf(ran, 'pip-installed').map(({ message }) => message)).toEqual([
        expect.stringContaining('handmade 0.2'),
      ]);
      expect(delivered(reportOf(ran))).toEqual([...INSTALLED, 'localtool 1.0'].sort());
    },
    SLOW,
  );

  it(
    'archives that are nowhere: exit code 4 with all names at once, and the folder stays',
    async () => {
      const files = ['localtool-1.0-0.tar.bz2', 'localdata-1.0-0.tar.bz2'];
      const local = await installLocal('localdata');
      rmSync(dirname(local), { recursive: true });
      // The channel still has this one.
      for (const fn of [...files, 'oldmath-0.3-0.tar.bz2']) rmSync(join(user.pkgsDir, fn), { force: true });
      const before = snapshot(work.labelDir);
      const ran = await capture(['--prefix', environment, '--cache-dir', join(work.dir, 'fresh-cache')]);
      expectRefusal(ran, { code: 'E_ARTIFACT_MISSING', says: files });
      expect(ran.exitCode).toBe(4);
      const named = new Set(ran.stderr.match(/[\w.-]+\.tar\.bz2/g));
      expect([...named].sort()).toEqual([...files].sort());
      expect(changesBetween(before, snapshot(work.labelDir))).toEqual([]);
    },
    SLOW,
  );

  it(
    'no environment is active: E_NO_ACTIVE_ENV, and nothing is written',
    async () => {
      const cwd = await folderWithEnvinfo(undefined);
      const root = join(work.dir, 'no-root');
      expectRefusal(await capture([], { cwd, root }), {
        code: 'E_NO_ACTIVE_ENV',
        says: [dirname(dirname(layerPath('conda43')))],
      });
      expect(readdirSync(cwd)).toEqual(['envinfo.json']);
      expect(readdirSync(work.dir)).not.toContain('no-root');
    },
    SLOW,
  );

  it('J1 the token is nowhere but where conda and its user have put it', () => {
    for (const dir of [work.root, mainrepo(), work.cache, work.home, work.tmp])
      expect(filesThatContain(dir, TOKEN), dir).toEqual([]);
  });

  /** As the old wrapper has it: `conda info --json > envinfo.json` in a folder of its own. */
  async function folderWithEnvinfo(active: string | undefined): Promise<string> {
    const cwd = join(work.dir, `wrapper-${active === undefined ? 'root' : 'active'}`);
    rmSync(cwd, { recursive: true, force: true });
    mkdirSync(cwd);
    const info = await user.conda(['info', '--json'], active === undefined ? {} : { active });
    expect(info.exitCode, info.stderr).toBe(0);
    writeFileSync(join(cwd, 'envinfo.json'), info.stdout);
    return cwd;
  }
});

function findingsOf(ran: Ran, code: string): Finding[] {
  return reportOf(ran).findings.filter((finding) => finding.code === code);
}

function digests(dir: string): [string, string][] {
  return [...snapshot(dir)].map(([path, { sha256 }]) => [path, sha256]);
}
