// @module-tag long
import { spawnSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runProgram } from '../../scripts/lib/run-program.js';
import { condaUser } from '../helpers/conda-user.js';
import { describeWithLayers, layerPath } from '../helpers/layers.js';
import { folderOfChannel, openRealWorkplace } from '../helpers/real-upstream.js';
import type { Workplace } from '../helpers/programs.js';

const SLOW = 600_000;
const RATTLER = fileURLToPath(new URL('../helpers/rattler-client.py', import.meta.url));
const CONDA_INDEX = fileURLToPath(new URL('../helpers/conda-index.py', import.meta.url));

/** Every index is gone but a broken `.bz2`, so all of it must be made out of the artifacts; and one artifact is cut off. */
function breakChannel(dir: string): string {
  for (const subdir of readdirSync(dir)) {
    rmSync(join(dir, subdir, 'repodata.json'), { force: true });
    rmSync(join(dir, subdir, 'repodata.json.zst'), { force: true });
    writeFileSync(join(dir, subdir, 'repodata.json.bz2'), 'what a full disk left');
  }
  const cut = readdirSync(join(dir, 'linux-64')).find((fn) => fn.startsWith('charset-normalizer'))!;
  const bytes = readFileSync(join(dir, 'linux-64', cut));
  // Not in place: it is a hard link.
  rmSync(join(dir, 'linux-64', cut));
  writeFileSync(join(dir, 'linux-64', cut), bytes.subarray(0, bytes.length >> 1));
  return `linux-64/${cut}`;
}

for (const kind of ['bz2', 'mixed'] as const) {
  describeWithLayers(
    kind === 'bz2' ? ['conda43', 'py-rattler', 'upstream-bz2'] : ['py-rattler', 'upstream-mixed'],
    `what doctor --repair made of a broken copy of ${kind}`,
    () => {
      let work: Workplace;
      let dir: string;
      let corrupt: string;
      beforeAll(async () => {
        work = await openRealWorkplace(kind);
        dir = join(work.dir, 'site', 'main');
        const from = folderOfChannel(work, `${work.upstream.url}/pkgs/main`);
        for (const subdir of ['linux-64', 'noarch']) cpSync(join(from, subdir), join(dir, subdir), { recursive: true });
        corrupt = breakChannel(dir);
        const ran = await work.run('repackenv', ['doctor', dir, '--repair', '--json']);
        expect(ran.exitCode, ran.stdout + ran.stderr).toBe(1);
        const { findings } = JSON.parse(ran.stdout.trimEnd().split('\n').at(-1)!) as {
          findings: { code: string; subject: string }[];
        };
        expect(findings.map(({ code, subject }) => `${code} ${subject}`)).toEqual([
          `artifact-corrupt ${corrupt}`,
          // Which needs what is left out.
          expect.stringMatching(/^open-dependencies noarch\/requests-/),
        ]);
      }, SLOW);
      afterAll(() => work.close());

      it(
        'py-rattler solves from it, and not to the corrupt package',
        () => {
          const ask = (specs: string[]) =>
            spawnSync(layerPath('py-rattler'), [RATTLER], {
              input: JSON.stringify({
                channel: pathToFileURL(dir).href,
                specs,
                subdir: 'linux-64',
                virtual: [
                  ['__unix', '0'],
                  ['__linux', '4.18'],
                  ['__glibc', '2.17'],
                ],
                pip: true,
              }),
              encoding: 'utf8',
            });
          const solved = ask(['pandas']);
          expect(solved.status, solved.stderr).toBe(0);
          expect(solved.stdout).toMatch(/linux-64\/pandas-2\.2\.3/);
          const none = ask(['charset-normalizer']);
          expect(none.stderr).toContain('charset-normalizer');
          expect(none.status).not.toBe(0);
        },
        SLOW,
      );

      if (kind !== 'bz2') return;
      it(
        'conda 4.3.16 installs from it offline',
        async () => {
          const user = condaUser(join(work.dir, 'site-admin'));
          user.configure({ channels: [pathToFileURL(dir).href], default_channels: [], offline: true });
          const prefix = join(user.envsDir, 'mended');
          const ran = await user.conda(['create', '-p', prefix, 'pandas', '-y']);
          expect(ran.exitCode, ran.stdout + ran.stderr).toBe(0);
          const used = await user.python(prefix, ['-c', 'import pandas; print(pandas.__version__)']);
          expect(used.stdout.trim(), used.stderr).toBe('2.2.3');
        },
        SLOW,
      );

      it(
        'its records are those that the old conda index makes, with sha256 more',
        async () => {
          const folder = join(work.dir, 'indexed-by-them');
          cpSync(join(dir, 'noarch'), folder, { recursive: true });
          const ran = await runProgram(layerPath('py-rattler'), [CONDA_INDEX, folder], { home: work.home });
          expect(ran.exitCode, ran.stderr).toBe(0);
          const packages = (file: string) =>
            (JSON.parse(readFileSync(file, 'utf8')) as { packages: Record<string, Record<string, unknown>> }).packages;
          const theirs = packages(join(folder, 'repodata.json'));
          const ours = packages(join(dir, 'noarch', 'repodata.json'));
          expect(Object.keys(ours)).toEqual(Object.keys(theirs));
          for (const [fn, record] of Object.entries(ours)) {
            const { sha256, ...rest } = record;
            const { arch: _arch, platform: _platform, has_prefix: _prefix, ...expected } = theirs[fn]!;
            expect(rest, fn).toEqual(expected);
            expect(sha256, fn).toMatch(/^[0-9a-f]{64}$/);
          }
        },
        SLOW,
      );
    },
  );
}
