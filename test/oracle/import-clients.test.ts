// @module-tag long
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { condaUser, type CondaUser } from '../helpers/conda-user.js';
import { describeWithLayers, layerPath } from '../helpers/layers.js';
import type { Workplace } from '../helpers/programs.js';
import { rattlerRequest } from '../helpers/rattler.js';
import { FOR_CONDA43, openRealWorkplace } from '../helpers/real-upstream.js';

const SLOW = 300_000;
const RATTLER = fileURLToPath(new URL('../helpers/rattler-client.py', import.meta.url));
const USE = 'import pytho, ratingpro; print(ratingpro.__version__, pytho.__version__)';

/** Ends with 0, or fails with what it said. */
async function done(work: Workplace, ...args: string[]): Promise<void> {
  const ran = await work.run('repackenv', args);
  expect(ran.exitCode, `${args.join(' ')}\n${ran.stdout}${ran.stderr}`).toBe(0);
}

async function update(work: Workplace, args: readonly string[] = []): Promise<void> {
  const ran = await work.update({ args });
  expect(ran.exitCode, ran.stderr).toBe(0);
}

describeWithLayers(['conda43', 'upstream-bz2'], 'conda 4.3.16 and an imported folder', () => {
  let work: Workplace;
  let user: CondaUser;
  let environment: string;
  let site: string;
  beforeAll(async () => {
    work = await openRealWorkplace('bz2');
    user = condaUser(join(work.dir, 'site-admin'));
    site = join(work.dir, 'site');
    environment = user.emptyEnvironment('rating');
    user.configure({ channels: [pathToFileURL(join(site, 'halkbank')).href], default_channels: [], offline: true });
  });
  afterAll(() => work.close());

  async function conda(...args: string[]): Promise<void> {
    const ran = await user.conda(args, { active: environment });
    expect(ran.exitCode, `conda ${args.join(' ')}\n${ran.stdout}\n${ran.stderr}`).toBe(0);
  }

  it(
    'installs offline from generation 1, and updates from 2, which came as a delta',
    async () => {
      await update(work, FOR_CONDA43);
      await done(work, 'export', work.labelDir, '--to', join(work.dir, 'usb'), '--part-size', '30MB');
      await done(work, 'import', join(work.dir, 'usb'), '--root', site, '--receipt', join(work.dir, 'receipt.json'));
      await conda('install', 'ratingpro', 'pytho');
      expect(await user.python(environment, ['-c', USE])).toMatchObject({ stderr: '', stdout: '2.4.1 1.9\n' });

      work.upstream.setGeneration(2);
      await update(work, FOR_CONDA43);
      const delta = join(work.dir, 'delta');
      await done(work, 'delta', work.labelDir, '--since', join(work.dir, 'receipt.json'), '--to', delta);
      await done(work, 'import', delta, '--root', site);
      await conda('update', 'ratingpro');
      expect(await user.python(environment, ['-c', USE])).toMatchObject({ stderr: '', stdout: '2.5.0 2.0\n' });
    },
    SLOW,
  );
});

describeWithLayers(['py-rattler', 'upstream-mixed'], 'py-rattler and an imported folder', () => {
  let work: Workplace;
  let site: string;
  beforeAll(async () => {
    work = await openRealWorkplace('mixed');
    site = join(work.dir, 'site');
    await update(work);
    await done(work, 'export', work.labelDir, '--to', join(work.dir, 'usb'), '--zstd');
    await done(work, 'import', join(work.dir, 'usb'), '--root', site);
  }, SLOW);
  afterAll(() => work.close());

  it(
    'solves and installs from it, and the packages work',
    () => {
      const prefix = join(work.dir, 'environment');
      const input = rattlerRequest(pathToFileURL(join(site, 'halkbank')).href, {
        prefix,
        cache: join(work.dir, 'rattler-cache'),
      });
      const ran = spawnSync(layerPath('py-rattler'), [RATTLER], { input, encoding: 'utf8' });
      expect(ran.status, ran.stderr).toBe(0);
      const used = spawnSync(join(prefix, 'bin', 'python'), ['-c', USE], {
        encoding: 'utf8',
        env: { PATH: process.env['PATH'] },
      });
      expect(used).toMatchObject({ stderr: '', stdout: '2.4.1 1.9\n' });
    },
    SLOW,
  );
});
