import { chmodSync, cpSync, existsSync, mkdtempSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { CondaEngine } from '../../src/engine/conda/conda-engine.js';
import { installOffline } from '../../src/engine/conda/install-offline.js';
import { RepackError } from '../../src/base/errors.js';
import { parseMatchSpec } from '../../src/conda/spec/match-spec.js';
import type { TargetProfile } from '../../src/conda/plan/profile.js';
import type { CondaLab } from '../helpers/conda-lab.js';
import { openCondaLab } from '../helpers/conda-lab.js';
import { describeWithLayers, layerPath } from '../helpers/layers.js';

const PROFILE: TargetProfile = {
  subdir: 'linux-64',
  virtualPackages: [
    { name: '__archspec', version: '1', build: 'x86_64' },
    { name: '__glibc', version: '2.17', build: '0' },
    { name: '__linux', version: '4.18', build: '0' },
    { name: '__unix', version: '0', build: '0' },
  ],
  client: undefined,
};
const request = { profile: PROFILE };

describeWithLayers(['mamba'], 'a real mamba or micromamba in the isolated environment', () => {
  let lab: CondaLab;
  let engine: CondaEngine;
  beforeAll(async () => {
    lab = await openCondaLab();
    engine = await lab.engine(layerPath('mamba'));
  });
  afterAll(() => lab.close());

  const fns = async (...specs: string[]): Promise<string[]> =>
    (await lab.create(engine, specs, { request })).artifacts.map(({ fn }) => fn.replace('.tar.bz2', ''));

  it('solves as conda does: hotfixes, pip beside python, a lower channel for what the highest can’t satisfy', async () => {
    expect(await fns('ratingpro')).toEqual([
      'numpy-1.26.4-py39_0',
      'python-3.9.18-lab_0',
      'ratingpro-2.4.1-0',
      'pip-24.2-py_0',
      'pytho-1.9-0',
      'ratemodels-0.7-0',
      'tzdata-2024a-0',
    ]);
    expect(await fns('alib')).toEqual(['alib-1.0-0', 'blib-1.0-0']);
    expect(await fns('prometeia::pytho=1.8')).toContain('pytho-1.8-0');
    expect(lab.leftovers()).toEqual([]);
  });

  it('D4 returns the channel’s records, its own archives being in the engine’s cache', async () => {
    const created = await lab.create(engine, ['pytho'], { request });
    const python = created.artifacts.find(({ fn }) => fn.startsWith('python-'))!;
    expect(python).toMatchObject({ origin: 'repodata', record: { depends: ['tzdata'] } });
    // From 2.6 on in a folder of its channel and subdir.
    const cached = readdirSync(created.packageCaches[0]!, { recursive: true, encoding: 'utf8' });
    expect(cached.map((path) => basename(path))).toContain(python.fn);
  });

  it('is strict where that is asked for', async () => {
    const strict = { ...request, channelPriority: 'strict' as const };
    const error = await failure(lab.create(engine, ['alib'], { request: strict }));
    expect(error).toMatchObject({ code: 'E_UNSOLVABLE' });
    expect(error.details.join('\n')).toMatch(/blib/);
  });

  it.each([
    [['no-such-package'], 'E_PACKAGE_NOT_FOUND', /no-such-package/],
    [['pytho=7'], 'E_PACKAGE_NOT_FOUND', /pytho=7/],
    [['alib', 'blib=2'], 'E_UNSOLVABLE', /blib/],
  ])('explains %j', async (specs, code, says) => {
    const error = await failure(lab.create(engine, specs, { request }));
    expect(error.code).toBe(code);
    expect([error.what, ...error.details].join('\n')).toMatch(says);
    expect(JSON.stringify([error.what, error.where, error.details])).not.toMatch(/solver_problems|http:\/\/run:/);
    expect(lab.leftovers()).toEqual([]);
  });

  it('E_NO_BASE_CHANNEL where python is in no declared channel', async () => {
    const channels = [lab.channels.owner];
    const error = await failure(lab.create(engine, ['pytho'], { channels, request: { ...request, channels } }));
    expect(error.code).toBe('E_NO_BASE_CHANNEL');
  });

  it('A13 takes 1,000 specs in a file', async () => {
    const specs = Array.from({ length: 1000 }, (_, index) => `blib>=0.${index}`);
    const created = await lab.create(engine, specs, { request });
    expect(created.artifacts.map(({ fn }) => fn)).toEqual(['blib-2.0-0.tar.bz2']);
    expect(lab.commands.findLast(({ args }) => args[0] === 'create')!.args).toContain('--file');
  });

  it('J10 reads no file and no variable of the user', async () => {
    const foreign = JSON.stringify({ channels: ['http://127.0.0.1:9/foreign'], pinned_packages: ['pytho 1.8'] });
    for (const file of ['.mambarc', '.condarc', 'my.condarc']) writeFileSync(join(lab.home, file), foreign);
    const rt = lab.runtime({
      MAMBARC: join(lab.home, 'my.condarc'),
      CONDARC: join(lab.home, 'my.condarc'),
      MAMBA_OFFLINE: '1',
      MAMBA_PINNED_PACKAGES: 'pytho 1.8',
      CONDA_CHANNELS: 'http://127.0.0.1:9/foreign',
      CONDA_PKGS_DIRS: join(lab.home, 'pkgs'),
    });
    const created = await lab.create(engine, ['pytho'], { request, rt });
    expect(created.artifacts.map(({ fn }) => fn)).toContain('pytho-1.9-0.tar.bz2');
    expect(created.ignoredVariables).toEqual([
      'CONDARC',
      'CONDA_CHANNELS',
      'CONDA_PKGS_DIRS',
      'MAMBARC',
      'MAMBA_OFFLINE',
      'MAMBA_PINNED_PACKAGES',
    ]);
    expect(existsSync(join(lab.home, 'pkgs'))).toBe(false);
  });

  it('B6 ends one that hangs, with all it started', async () => {
    const folder = mkdtempSync(join(lab.dir, 'hanging-'));
    const path = join(folder, basename(engine.path));
    const script = `#!/bin/sh\n[ "$1" = create ] || exec '${engine.path}' "$@"\nsleep 600 &\necho $! > '${folder}/pid'\nwait\n`;
    writeFileSync(path, script);
    chmodSync(path, 0o755);
    const error = await failure(lab.create({ ...engine, path }, ['pytho'], { request, timeoutMs: 500 }));
    expect(error.code).toBe('E_ENGINE_TIMEOUT');
    expect(error.what).toContain(`${engine.program} ${engine.version}`);
    const status = `/proc/${readFileSync(join(folder, 'pid'), 'utf8').trim()}/status`;
    expect(existsSync(status) && /^State:\s+[^Z]/m.test(readFileSync(status, 'utf8'))).toBe(false);
  });

  it('proves a folder by installing from it alone, # and % in its path included, blanks refused', async () => {
    const staged = join(lab.dir, 'a-staged#1-folder%20');
    cpSync(lab.folders.base, staged, { recursive: true });
    const options = { engine, channelDir: staged, profile: PROFILE, runDir: join(lab.dir, 'run') };
    const proof = await installOffline(lab.runtime(), { ...options, specs: [parseMatchSpec('numpy>=1.26,<2')] });
    expect(proof.installed).toEqual([
      'linux-64/numpy-1.26.4-py39_0.tar.bz2',
      'linux-64/python-3.9.18-lab_0.tar.bz2',
      ...(engine.abilities.bringsPip ? ['noarch/pip-24.2-py_0.tar.bz2'] : []),
      'noarch/tzdata-2024a-0.tar.bz2',
    ]);
    const owner = await failure(
      installOffline(lab.runtime(), { ...options, channelDir: lab.folders.owner, specs: [parseMatchSpec('pytho')] }),
    );
    expect(owner.code).toBe('E_PROOF');
    expect(owner.details.join()).toContain('python');
    const channelDir = join(lab.dir, 'a staged folder');
    const blank = await failure(installOffline(lab.runtime(), { ...options, channelDir, specs: [] }));
    expect(blank).toMatchObject({ code: 'E_PROOF', where: channelDir });
    expect(lab.leftovers()).toEqual([]);
  });
});

async function failure(work: Promise<unknown>): Promise<RepackError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof RepackError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}
