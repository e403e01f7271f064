// @module-tag long
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
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

/** Two generations, and back to the first. */
async function generation(work: Workplace, number: 1 | 2, args: readonly string[] = []): Promise<void> {
  work.upstream.setGeneration(number);
  const ran = await work.update({ args });
  expect(ran.exitCode, ran.stderr).toBe(0);
}

async function rollback(work: Workplace): Promise<void> {
  const ran = await work.run('repackenv', ['rollback', work.labelDir, '--to', '1', '--cache-dir', work.cache]);
  expect(ran.exitCode, ran.stdout + ran.stderr).toBe(0);
}

describeWithLayers(['conda43', 'upstream-bz2'], 'conda 4.3.16 and a folder that went back', () => {
  let work: Workplace;
  let user: CondaUser;
  let environment: string;
  beforeAll(async () => {
    work = await openRealWorkplace('bz2');
    user = condaUser(join(work.dir, 'site-admin'));
    environment = user.emptyEnvironment('rating');
    user.configure({ channels: [pathToFileURL(work.labelDir).href], default_channels: [], offline: true });
  });
  afterAll(() => work.close());

  async function conda(...args: string[]): Promise<void> {
    const ran = await user.conda(args, { active: environment });
    expect(ran.exitCode, `conda ${args.join(' ')}\n${ran.stdout}\n${ran.stderr}`).toBe(0);
  }
  const used = async (): Promise<string> => (await user.python(environment, ['-c', USE])).stdout;

  it(
    'the line of the INSTALL.md takes an environment back',
    async () => {
      await generation(work, 1, FOR_CONDA43);
      await generation(work, 2, FOR_CONDA43);
      await conda('install', 'ratingpro', 'pytho');
      expect(await used()).toBe('2.5.0 2.0\n');
      await rollback(work);
      const page = readFileSync(join(work.root, 'halkbank.INSTALL.md'), 'utf8');
      const [, named] = /^conda install --offline --override-channels -c \S+ (.*)$/m.exec(page)!;
      expect(named).toBe('pytho=1.9 ratingpro=2.4.1');
      await conda('install', ...named!.split(' '));
      expect(await used()).toBe('2.4.1 1.9\n');
    },
    SLOW,
  );
});

describeWithLayers(['py-rattler', 'upstream-mixed'], 'py-rattler and a folder that went back', () => {
  let work: Workplace;
  beforeAll(async () => {
    work = await openRealWorkplace('mixed');
    await generation(work, 1);
    await generation(work, 2);
    await rollback(work);
  }, SLOW);
  afterAll(() => work.close());

  it(
    'solves and installs what the generation had',
    () => {
      const prefix = join(work.dir, 'environment');
      const input = rattlerRequest(pathToFileURL(work.labelDir).href, {
        prefix,
        cache: join(work.dir, 'rattler-cache'),
      });
      const ran = spawnSync(layerPath('py-rattler'), [RATTLER], { input, encoding: 'utf8' });
      expect(ran.status, ran.stderr).toBe(0);
      const env = { PATH: process.env['PATH'] };
      const used = spawnSync(join(prefix, 'bin', 'python'), ['-c', USE], { encoding: 'utf8', env });
      expect(used).toMatchObject({ stderr: '', stdout: '2.4.1 1.9\n' });
    },
    SLOW,
  );
});
