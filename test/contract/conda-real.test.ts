import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { captureEnvironment } from '../../src/engine/capture/capture-environment.js';
import { readActiveEnvironment } from '../../src/engine/capture/envinfo.js';
import { readEnvironment } from '../../src/engine/capture/read-environment.js';
import type { CondaEngine } from '../../src/engine/conda/conda-engine.js';
import { installOffline } from '../../src/engine/conda/install-offline.js';
import { chooseEngine, detectEngines } from '../../src/engine/detect.js';
import { RepackError } from '../../src/base/errors.js';
import { parseMatchSpec } from '../../src/conda/spec/match-spec.js';
import { scanRepodata } from '../../src/conda/record/repodata-scan.js';
import { OLD_PROFILE, launcher, openCondaLab } from '../helpers/conda-lab.js';
import type { CondaLab } from '../helpers/conda-lab.js';
import { describeWithLayers, layerPath } from '../helpers/layers.js';

const FULL = [
  'linux-64/numpy-1.26.4-py39_0.tar.bz2',
  'linux-64/python-3.9.18-lab_0.tar.bz2',
  'linux-64/ratingpro-2.4.1-0.tar.bz2',
  'noarch/pip-24.2-py_0.tar.bz2',
  'noarch/pytho-1.9-0.tar.bz2',
  'noarch/ratemodels-0.7-0.tar.bz2',
  'noarch/tzdata-2024a-0.tar.bz2',
];

describeWithLayers(['conda43'], 'conda 4.3.16 as the engine', () => {
  let lab: CondaLab;
  let engine: CondaEngine;
  /** The layer's conda, copied: what an installation would be. */
  let installation: string;

  beforeAll(async () => {
    lab = await openCondaLab();
    const conda = layerPath('conda43');
    installation = join(lab.dir, 'installation');
    cpSync(dirname(dirname(conda)), installation, { recursive: true, verbatimSymlinks: true });
    engine = await lab.engine(join(installation, 'bin/conda'));
  });
  afterAll(() => lab?.close());

  it('is found on PATH, and what it can do is known', async () => {
    const found = await detectEngines(lab.runtime({ PATH: `${join(installation, 'bin')}:/usr/bin:/bin` }));
    expect(found[0]).toMatchObject({ program: 'conda', version: '4.3.16', foundBy: 'PATH', problem: undefined });
    expect(chooseEngine({ wanted: 'auto', found, subdir: 'linux-64', hostSubdir: 'linux-64' }).kind).toBe('conda');
    expect(engine.info.pkgsDirs).toEqual([join(installation, 'pkgs'), join(lab.home, '.conda/pkgs')]);
  });

  it('creates an environment through the gateway and gives the channels’ own records, then leaves nothing', async () => {
    const solved = await lab.create(engine, ['ratingpro', 'pytho']);
    expect(solved.artifacts.map((each) => `${each.subdir}/${each.fn}`)).toEqual(FULL);
    expect(solved.artifacts.map((each) => each.origin)).toEqual(FULL.map(() => 'repodata'));
    for (const { subdir, fn, channel, record } of solved.artifacts) {
      const index = JSON.parse(
        readFileSync(join(new URL(channel!.url).pathname, subdir, 'repodata.json'), 'utf8'),
      ) as Index;
      expect(record).toEqual(index.packages[fn]);
    }
    // The hotfix, and not what the artifact says of itself.
    expect(solved.artifacts.find((each) => each.fn.startsWith('ratemodels'))!.record!.depends).toEqual(['numpy']);
    expect(lab.leftovers()).toEqual([]);
    expect(solved.packageCaches[0]).toBe(join(lab.dir, 'engine-pkgs/4.3.16'));
    expect(readdirSync(solved.packageCaches[0]!)).toContain('pytho-1.9-0.tar.bz2');
  });

  it('finds the same again with a warm cache, and keeps to versions, builds and lower channels', async () => {
    const names = async (...specs: string[]): Promise<string[]> =>
      (await lab.create(engine, specs)).artifacts.map((each) => each.fn);
    expect(await names('ratingpro', 'pytho')).toEqual(FULL.map((each) => each.split('/')[1]));
    expect(await names('pytho=1.8', 'python=3.9.*=*_0')).toContain('pytho-1.8-0.tar.bz2');
    // Only the base channel has a blib that alib can use: what conda calls flexible.
    expect(await names('alib')).toEqual(['alib-1.0-0.tar.bz2', 'blib-1.0-0.tar.bz2']);
  });

  it('J10 no configuration of user or installation has an effect, and none is changed', async () => {
    const condarc = [
      'channels: [http://evil.example/x, defaults]',
      'create_default_packages: [alib]',
      'pinned_packages: [pytho 1.8]',
      'track_features: [mkl]',
      'disallow: [numpy]',
      'proxy_servers: {http: "http://evil.example:1", https: "http://evil.example:1"}',
      'add_anaconda_token: true',
      'custom_channels: {prometeia: "http://evil.example/t/xx-token"}',
      '',
    ].join('\n');
    const files = [
      join(lab.home, '.condarc'),
      join(installation, '.condarc'),
      join(lab.home, '.netrc'),
      join(installation, 'conda-meta/pinned'),
    ];
    onTestFinished(() => files.forEach((file) => rmSync(file)));
    for (const file of files)
      writeFileSync(
        file,
        file.endsWith('pinned') ? 'pytho 1.8\n' : file.endsWith('.netrc') ? 'default login u password p\n' : condarc,
      );
    const before = snapshot(installation);
    const rt = lab.runtime({ CONDA_CHANNELS: 'evil', CONDARC: files[0]!, PYTHONPATH: lab.dir });
    const solved = await lab.create(engine, ['ratingpro', 'pytho'], { rt });
    expect(solved.artifacts.map((each) => `${each.subdir}/${each.fn}`)).toEqual(FULL);
    expect(solved.ignoredVariables).toEqual(['CONDARC', 'CONDA_CHANNELS', 'PYTHONPATH']);
    expect(snapshot(installation)).toEqual(before);
    expect(readFileSync(files[0]!, 'utf8')).toBe(condarc);
    expect(readdirSync(lab.home).sort()).toEqual(['.condarc', '.netrc']);
  });

  it.each([
    ['CONDA_TRACK_FEATURES', 'mkl', 'track_features'],
    ['CONDA_DISALLOW', 'numpy', 'disallowed_packages'],
    ['CONDA_CHANNELS', 'http://evil.example/x', 'channels'],
    ['CONDA_PKGS_DIRS', '/tmp/evil-pkgs', 'pkgs_dirs'],
    ['CONDA_OFFLINE', 'true', 'offline'],
  ])('stops before the solve when %s reaches it all the same', async (variable, value, key) => {
    const path = launcher(lab.dir, join(installation, 'bin/conda'), { [variable]: value });
    const from = lab.commands.length;
    const error = await failure(lab.create({ ...engine, path }, ['pytho']));
    expect(error.code).toBe('E_ENGINE_CONFIG');
    expect(error.what).toContain(key);
    expect(error.where).toContain('envvars');
    expect(lab.commands.slice(from).some((command) => command.args[0] === 'create')).toBe(false);
    expect(lab.leftovers()).toEqual([]);
  });

  it.each([
    ['no such package', ['nosuchthing'], 'E_PACKAGE_NOT_FOUND', /nosuchthing/],
    ['no such version', ['ratingpro=9'], 'E_PACKAGE_NOT_FOUND', /ratingpro 9/],
    ['a conflict', ['alib', 'blib=2'], 'E_UNSOLVABLE', /alib, blib=2/],
    ['specs that exclude each other', ['pytho==1.8', 'pytho==1.9'], 'E_UNSOLVABLE', /pytho==1.8, pytho==1.9/],
  ])('says %s in our words', async (_, specs, code, what) => {
    const error = await failure(lab.create(engine, specs));
    expect(error.code).toBe(code);
    expect(error.what).toMatch(what);
    expect(error.details.length).toBeGreaterThan(0);
    expect(error.details.join()).not.toMatch(/repackenv\.invalid|run:/);
    expect(lab.leftovers()).toEqual([]);
  });

  it('names the option where python is in no declared channel', async () => {
    const error = await failure(lab.create(engine, ['pytho'], { channels: [lab.channels.label, lab.channels.owner] }));
    expect(error.code).toBe('E_NO_BASE_CHANNEL');
    expect(error.hint).toContain('--channel');
  });

  it('A13 takes 2,000 specs', async () => {
    const specs = Array.from({ length: 2000 }, (_, index) => `pytho>=0.${index}`);
    expect((await lab.create(engine, specs)).artifacts.map((each) => each.fn)).toContain('pytho-1.9-0.tar.bz2');
    const create = lab.commands.findLast((command) => command.args[0] === 'create')!;
    expect(create.args.at(-2)).toBe('--file');
  });

  it('B6 ends a conda that hangs, with all it started', async () => {
    const folder = mkdtempSync(join(lab.dir, 'hanging-'));
    const path = join(folder, 'conda');
    const script = `#!/bin/sh\n[ "$1" = create ] || exec '${engine.path}' "$@"\nsleep 600 &\necho $! > '${folder}/pid'\nread answer\nwait\n`;
    writeFileSync(path, script, { mode: 0o755 });
    const error = await failure(lab.create({ ...engine, path }, ['pytho'], { timeoutMs: 500 }));
    expect(error.code).toBe('E_ENGINE_TIMEOUT');
    const pid = readFileSync(join(folder, 'pid'), 'utf8').trim();
    expect(existsSync(`/proc/${pid}`) && /^State:\s+[^Z]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))).toBe(
      false,
    );
    expect(lab.leftovers()).toEqual([]);
  });

  it('proves a folder by installing from it alone, blanks and # in its path included', async () => {
    const staged = join(lab.dir, 'a staged #1 folder%20');
    cpSync(lab.folders.base, staged, { recursive: true });
    const options = { engine, channelDir: staged, profile: OLD_PROFILE, runDir: join(lab.dir, 'run') };
    const proof = await installOffline(lab.runtime(), { ...options, specs: [parseMatchSpec('numpy>=1.26,<2')] });
    expect(proof.installed).toEqual([
      'linux-64/numpy-1.26.4-py39_0.tar.bz2',
      'linux-64/python-3.9.18-lab_0.tar.bz2',
      'noarch/pip-24.2-py_0.tar.bz2',
      'noarch/tzdata-2024a-0.tar.bz2',
    ]);
    expect(lab.leftovers()).toEqual([]);
    const owner = await failure(
      installOffline(lab.runtime(), { ...options, channelDir: lab.folders.owner, specs: [parseMatchSpec('pytho')] }),
    );
    expect(owner.code).toBe('E_PROOF');
    expect(owner.details.join()).toContain('python');
    expect(lab.leftovers()).toEqual([]);
  });

  it('proves nothing without repodata.json.bz2, and says which option writes it', async () => {
    const staged = join(lab.dir, 'json-only');
    cpSync(lab.folders.base, staged, { recursive: true, filter: (path) => !path.endsWith('repodata.json.bz2') });
    const specs = [parseMatchSpec('numpy')];
    const error = await failure(
      installOffline(lab.runtime(), {
        engine,
        channelDir: staged,
        specs,
        profile: OLD_PROFILE,
        runDir: join(lab.dir, 'run'),
      }),
    );
    expect(error.code).toBe('E_PROOF');
    expect(error.hint).toContain('--index bz2');
  });

  it('captures an environment that it made, from a local file too', async () => {
    const prefix = join(lab.dir, 'envs/halkbank');
    const work = join(lab.dir, 'work');
    mkdirSync(work);
    const env = { HOME: work, PATH: '/usr/bin:/bin', CONDARC: join(work, 'condarc.yml'), PYTHONDONTWRITEBYTECODE: '1' };
    const channels = [lab.channels.owner.url, lab.channels.base.url];
    writeFileSync(env.CONDARC, JSON.stringify({ channels, default_channels: [], pkgs_dirs: [join(work, 'pkgs')] }));
    const conda = async (...args: string[]): Promise<string> => {
      const result = await lab.runtime().exec.run({ file: engine.path, args, env, cwd: work, timeoutMs: 60_000 });
      const text = Buffer.from(result.stdout).toString();
      expect(result.exitCode, text).toBe(0);
      return text;
    };
    await conda('create', '-y', '--json', '--prefix', prefix, 'pytho=1.8');
    const local = join(work, 'blib-1.0-0.tar.bz2');
    copyFileSync(join(lab.folders.base, 'linux-64/blib-1.0-0.tar.bz2'), local);
    await conda('install', '-y', '--json', '--prefix', prefix, local);
    writeFileSync(join(work, 'envinfo.json'), await conda('info', '--json'));

    const rt = lab.runtime({ CONDA_PREFIX: prefix });
    const active = await readActiveEnvironment(rt, { workDir: work });
    expect(active).toMatchObject({ prefix, chosenBy: 'CONDA_PREFIX' });
    const environment = await readEnvironment(rt, active);
    expect(environment).toMatchObject({
      label: 'halkbank',
      subdir: 'linux-64',
      condaVersion: '4.3.16',
      packageCaches: [join(work, 'pkgs')],
    });
    const captured = await captureEnvironment(rt, {
      environment,
      source: {
        repodata: async (channel, subdir) => {
          const path = join(new URL(channel.url).pathname, subdir, 'repodata.json');
          return scanRepodata(readFileSync(path), path);
        },
      },
    });
    expect(captured.artifacts.map((each) => [`${each.subdir}/${each.fn}`, each.origin, each.channel?.url])).toEqual(
      expect.arrayContaining([
        ['linux-64/python-3.9.18-lab_0.tar.bz2', 'repodata', lab.channels.base.url],
        ['noarch/pytho-1.8-0.tar.bz2', 'repodata', lab.channels.owner.url],
        ['linux-64/blib-1.0-0.tar.bz2', 'artifact', undefined],
      ]),
    );
    expect(captured.findings).toEqual([]);
  });
});

interface Index {
  packages: Record<string, unknown>;
}

/** Every file of a tree with size and mtime. */
function snapshot(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => {
      const path = join(entry.parentPath, entry.name);
      const { size, mtimeMs } = statSync(path);
      return `${path} ${size} ${mtimeMs}`;
    })
    .sort();
}

async function failure(work: Promise<unknown>): Promise<RepackError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof RepackError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}
