import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { installOffline } from '../../src/engine/conda/install-offline.js';
import { isRepackError } from '../../src/base/errors.js';
import { parseMatchSpec } from '../../src/conda/spec/match-spec.js';
import type { CondaEngine } from '../../src/engine/conda/conda-engine.js';
import { isInstalled } from '../../src/engine/conda-info.js';
import { parseVirtualPackage, targetProfile } from '../../src/conda/plan/target.js';
import { makeChannel, makePackage } from '../../scripts/lib/sample-upstream.js';
import { openCondaLab } from '../helpers/conda-lab.js';
import type { CondaLab } from '../helpers/conda-lab.js';
import { describeWithLayers, layerPath } from '../helpers/layers.js';

const profile = targetProfile({ subdir: 'linux-64', virtualPackages: [], client: undefined });
const FULL = [
  'numpy-1.26.4-py39_0',
  'python-3.9.18-lab_0',
  'ratingpro-2.4.1-0',
  'pip-24.2-py_0',
  'pytho-1.9-0',
  'ratemodels-0.7-0',
  'tzdata-2024a-0',
];

/** `solver:` of the user's `.condarc`; one that is not installed leads to another. */
describeWithLayers(['conda'], 'a conda with several solvers', () => {
  describe.each(['rattler', 'classic', 'libmamba', 'nonsense'])('solver: %s', (configured) => {
    let lab: CondaLab;
    let engine: CondaEngine;
    beforeAll(async () => {
      lab = await openCondaLab();
      writeFileSync(join(lab.home, '.condarc'), `solver: ${configured}\nexclude_newer: 9000d\n`);
      engine = await lab.engine(layerPath('conda'));
    });
    afterAll(() => lab?.close());

    it('G1: is the one in use, or another is', async () => {
      const { solver } = engine.info;
      expect(isInstalled(solver!)).toBe(true);
      if (configured === 'classic') expect(solver!.name).toBe('classic');
      const created = await lab.create(engine, ['ratingpro'], { request: { profile } });
      expect(created.artifacts.map(({ fn }) => fn.replace('.tar.bz2', ''))).toEqual(FULL);
      expect(created.engine.solver).toContain(solver!.name);
      expect(readdirSync(lab.home)).toEqual(['.condarc']);
    });

    it.each([
      ['what is in no channel', ['nosuchthing'], 'E_PACKAGE_NOT_FOUND'],
      ['what excludes each other', ['alib', 'blib=2'], 'E_UNSOLVABLE'],
    ])('says %s in our words', async (_, specs, code) => {
      const error: unknown = await lab
        .create(engine, specs, { request: { profile } })
        .catch((thrown: unknown) => thrown);
      expect(isRepackError(error) && error.code).toBe(code);
    });

    it('proves a folder by installing from it', async () => {
      const runDir = join(lab.dir, 'run');
      const options = { engine, channelDir: lab.folders.base, specs: [parseMatchSpec('numpy')], profile, runDir };
      expect((await installOffline(lab.runtime(), options)).installed).toHaveLength(4);
    });

    it('G3: says where a proof fails which virtual package it does not know', async () => {
      const channelDir = join(lab.dir, 'gpu');
      const depends = ['__cuda_arch >=8'];
      const gpu = await makePackage({ name: 'gpu', version: '1.0', depends, subdir: 'linux-64' });
      await makeChannel(channelDir, [gpu], { subdirs: ['linux-64'] });
      const told = targetProfile({
        subdir: 'linux-64',
        virtualPackages: [parseVirtualPackage('__cuda_arch=8.6')],
        client: undefined,
      });
      const runDir = join(lab.dir, 'run');
      const options = { engine, channelDir, specs: [parseMatchSpec('gpu')], profile: told, runDir };
      const error: unknown = await installOffline(lab.runtime(), options).catch((thrown: unknown) => thrown);
      expect(isRepackError(error) && [error.code, error.details[0]]).toEqual([
        'E_PROOF',
        `conda ${engine.version} does not know __cuda_arch`,
      ]);
    });

    it('G3: names the virtual packages that it knows', async () => {
      const virtualPackages = ['__cuda=12.4', '__glibc=2.28', '__archspec=1=x86_64_v3'].map(parseVirtualPackage);
      const told = targetProfile({ subdir: 'linux-64', virtualPackages, client: undefined });
      const created = await lab.create(engine, ['blib'], { request: { profile: told } });
      expect(created.artifacts.map(({ fn }) => fn)).toEqual(['blib-2.0-0.tar.bz2']);
    });
  });
});
