import { chmodSync, existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { changesBetween, snapshot, type Snapshot } from '../../scripts/lib/snapshot.js';
import { PROJECT_ROOT } from '../../scripts/lib/layers.js';
import { describeWithLayers, layerPath } from '../helpers/layers.js';
import { openWorkplace, type Ran, type UpdateOptions, type Workplace } from '../helpers/programs.js';
import { delivered, reportOf } from '../helpers/real-upstream.js';
import { expectNothingLeft, expectRefusal } from '../helpers/refusals.js';
import { spellingsOf, tracesBelow } from '../helpers/secret-traces.js';
import { startSampleUpstream, TOKEN, type TestUpstream } from '../helpers/upstream.js';

const SLOW = 300_000;

interface MambaHouse {
  program: 'mamba' | 'micromamba';
  version: RegExp;
  /** Made once the workplace is there. */
  path: (work: Workplace) => string;
}

const FAKE: MambaHouse = { program: 'micromamba', version: /^2\.0\.5$/, path: fakeMicromamba };

/** Named micromamba, as the real one is; node is not where its PATH leads. */
function fakeMicromamba({ dir }: Pick<Workplace, 'dir'>): string {
  const path = join(mkdtempSync(join(dir, 'fake-')), 'micromamba');
  const script = join(PROJECT_ROOT, 'test/helpers/fake-micromamba.mjs');
  writeFileSync(path, `#!/bin/sh\nexec '${process.execPath}' '${script}' "$@"\n`);
  chmodSync(path, 0o755);
  return path;
}

describe('a micromamba that answers as recorded', () => worksAsEngine(FAKE));
describeWithLayers(['mamba'], 'the mamba or micromamba of this machine', () => {
  const program = basename(layerPath('mamba')).startsWith('micromamba') ? 'micromamba' : 'mamba';
  worksAsEngine({ program, version: /^\d/, path: () => layerPath('mamba') });
});

function worksAsEngine(isolated: MambaHouse): void {
  let upstream: TestUpstream;
  let work: Workplace;
  let path: string;
  /** Options that choose it. */
  let chosen: readonly string[];

  beforeAll(async () => {
    upstream = await startSampleUpstream();
  }, SLOW);
  afterAll(() => upstream.close());
  beforeEach(async () => {
    work = await openWorkplace({ upstream });
    path = isolated.path(work);
    chosen = ['--engine', isolated.program, '--engine-path', path];
  });
  afterEach(() => work.close());

  const run = async (options: UpdateOptions = {}): Promise<Ran> => {
    const ran = await work.update({ ...options, args: [...chosen, ...(options.args ?? [])] });
    expectNothingLeft(work);
    return ran;
  };

  it(
    'delivers what the embedded engine delivers, byte by byte, and is named',
    async () => {
      const packages = ['ratingpro', 'pytho'];
      const ran = await run({ packages, args: ['--json'] });
      expect(ran.exitCode, ran.stderr).toBe(0);
      const report = reportOf(ran);
      expect(report.engines).toEqual([
        { kind: isolated.program, path, version: expect.stringMatching(isolated.version) as string },
      ]);
      const byMamba = work.published();
      const root = join(work.dir, 'by-embedded');
      const other = await work.update({ root, packages, args: ['--json'] });
      expect(other.exitCode, other.stderr).toBe(0);
      expect(delivered(report)).toEqual(delivered(reportOf(other)));
      expect(delivered(report)).toContain('pip 24.2');
      expect(digests(byMamba)).toEqual(digests(snapshot(join(root, 'halkbank'))));
    },
    SLOW,
  );

  it(
    'J1 leaves no trace of the token, in success and in failure',
    async () => {
      const spellings = spellingsOf(TOKEN);
      const good = await run();
      expect(good.exitCode, good.stderr).toBe(0);
      const bad = await run({ packages: ['no-such-package'], root: join(work.dir, 'other-root') });
      expect(bad.exitCode, bad.stderr).toBe(3);
      expect(await tracesBelow(work.dir, spellings)).toEqual([]);
      expect(good.stdout + good.stderr + bad.stdout + bad.stderr).not.toContain(TOKEN);
      // The label's channel opens to the token only, so it was sent: by us.
      expect(upstream.requests.some(({ path: asked }) => decodeURIComponent(asked).includes(`/t/${TOKEN}/`))).toBe(
        true,
      );
    },
    SLOW,
  );

  it(
    'J10 A19 knows nothing of the user’s files and variables; those that could have had an effect are named',
    async () => {
      const plain = await run({ root: join(work.dir, 'plain') });
      expect(plain.exitCode, plain.stderr).toBe(0);
      const expected = [...snapshot(join(work.dir, 'plain', 'halkbank')).keys()];
      const foreign = JSON.stringify({
        channels: [`${upstream.url}/foreign`],
        pkgs_dirs: [join(work.home, 'pkgs')],
        proxy_servers: { http: 'http://127.0.0.1:9', https: 'http://127.0.0.1:9' },
        offline: true,
        pinned_packages: ['pytho 1.8'],
      });
      const files = ['.mambarc', '.condarc', '.config/mamba/.mambarc', '.conda/.condarc', 'my.mambarc', 'my.condarc'];
      for (const file of files) {
        mkdirSync(dirname(join(work.home, file)), { recursive: true });
        writeFileSync(join(work.home, file), foreign);
      }
      const before = snapshot(work.home);
      const asked = upstream.requests.length;
      const env = {
        MAMBARC: join(work.home, 'my.mambarc'),
        CONDARC: join(work.home, 'my.condarc'),
        MAMBA_ROOT_PREFIX: join(work.home, 'micromamba'),
        MAMBA_OFFLINE: 'true',
        MAMBA_PINNED_PACKAGES: 'pytho 1.8',
        MAMBA_PLATFORM: 'win-64',
        CONDA_CHANNELS: `${upstream.url}/foreign`,
        CONDA_PKGS_DIRS: join(work.home, 'pkgs'),
        CONDA_SUBDIR: 'win-64',
      };
      const ran = await run({ env });
      expect(ran.exitCode, ran.stderr).toBe(0);
      expect([...work.published().keys()]).toEqual(expected);
      expect(changesBetween(before, snapshot(work.home))).toEqual([]);
      expect(upstream.requests.slice(asked).filter(({ path: url }) => url.includes('foreign'))).toEqual([]);
      const [, named = ''] = /without effect on the engine: (.*)/.exec(ran.stderr) ?? [];
      for (const name of Object.keys(env)) expect(named.split(', ')).toContain(name);
    },
    SLOW,
  );

  it(
    'names a package that no channel has, and one in no such version',
    async () => {
      expectRefusal(await run({ packages: ['no-such-package'] }), {
        code: 'E_PACKAGE_NOT_FOUND',
        says: ['no-such-package'],
      });
      expectRefusal(await run({ packages: ['pytho=77'] }), { code: 'E_PACKAGE_NOT_FOUND', says: ['pytho=77'] });
    },
    SLOW,
  );

  it(
    'proves the folder by an installation from it alone',
    async () => {
      const ran = await work.update({ packages: ['ratedocs'], args: ['--prove', `install=${path}`, '--json'] });
      expect(ran.exitCode, ran.stderr).toBe(0);
      const checks = reportOf(ran).published?.proof.checks ?? [];
      expect(checks.at(-1)?.name).toMatch(new RegExp(`^installed by ${isolated.program} \\d`));
      expectNothingLeft(work);
    },
    SLOW,
  );

  it('is listed, found by MAMBA_EXE, and never taken by auto', async () => {
    const env = { MAMBA_EXE: path, PATH: '/usr/bin:/bin' };
    const listed = await work.run('repackenv', ['engines', '--json'], { env });
    expect(listed.exitCode, listed.stderr).toBe(0);
    expect(listed.stdout).toContain(isolated.program);
    expect(listed.stdout).toContain('solves linux-64');
    const packages = ['ratedocs'];
    const auto = await work.update({ packages, env, args: ['--engine', 'auto', '--json'] });
    expect(reportOf(auto).engines.map(({ kind }) => kind)).toEqual(['embedded']);
    const asked = await work.update({ packages, env, args: ['--engine', isolated.program, '--json'] });
    expect(reportOf(asked).engines.map(({ kind }) => kind)).toEqual([isolated.program]);
  }, 60_000);
}

describe('E_ENGINE_VERSION', () => {
  let work: Workplace;
  beforeEach(async () => {
    work = await openWorkplace();
  });
  afterEach(() => work.close());

  it('B1 tells a wrong path before ROOT is made: of the engine, and of the proof’s', async () => {
    const nowhere = join(work.dir, 'nowhere/micromamba');
    for (const args of [
      ['--engine', 'micromamba', '--engine-path', nowhere],
      ['--prove', `install=${nowhere}`],
    ]) {
      expectRefusal(await work.update({ args }), { code: 'E_ENGINE_NOT_FOUND', says: [nowhere] });
      expect(existsSync(work.root)).toBe(false);
    }
    expect(work.upstream.requests).toEqual([]);
  });

  it('names the releases of micromamba that are supported, where another was asked for', async () => {
    const path = join(work.dir, 'micromamba');
    const info = {
      'libmamba version': '1.0.0',
      'micromamba version': '1.0.0',
      platform: 'linux-64',
      'package cache': [],
    };
    writeFileSync(path, `#!/bin/sh\necho '${JSON.stringify(info)}'\n`, { mode: 0o755 });
    const ran = await work.update({ args: ['--engine', 'micromamba', '--engine-path', path] });
    expectRefusal(ran, { code: 'E_ENGINE_VERSION', says: ['micromamba 1.0.0', '2.0.x', path] });
    expectNothingLeft(work);
  });
});

function digests(files: Snapshot): Record<string, string> {
  return Object.fromEntries([...files].map(([file, { sha256 }]) => [file, sha256]));
}
